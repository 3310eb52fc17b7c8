"""Which public keys may be certified, and what is derived from them (RFC 5280 §4.1.2.7, §4.2.1.2)."""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stepless.errors import BadCSR, KeyNotAllowed

SubjectPublicKey: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

MIN_RSA_BITS: Final = 2_048
# Above this one signature check costs a relying party enough to be an attack on it.
MAX_RSA_BITS: Final = 8_192
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


def check_public_key(key: object) -> SubjectPublicKey:
    """The key, if it may be put into a certificate: P-256, P-384, P-521, Ed25519, or RSA of 2048 to 8192 bits.

    Raises:
        BadCSR: another kind of key.
        KeyNotAllowed: an RSA key that is too short or too long.
    """
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise KeyNotAllowed("certificate request RSA key must be at least 2048 bits (256 bytes)")
        if key.key_size > MAX_RSA_BITS:
            raise KeyNotAllowed(f"certificate request RSA key must be at most {MAX_RSA_BITS} bits")
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return key
    kind = f"ECDSA {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__
    raise BadCSR(f"certificate request key of type '{kind}' is not supported")


def spki_der(key: SubjectPublicKey) -> bytes:
    """The SubjectPublicKeyInfo in DER; equal bytes mean the same key."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def same_key(left: SubjectPublicKey, right: SubjectPublicKey) -> bool:
    """Whether two keys are one and the same, compared by their encoding."""
    return spki_der(left) == spki_der(right)


def sha256_hex(data: bytes) -> str:
    """The lower-case hexadecimal SHA-256, step's form of a certificate fingerprint."""
    return hashlib.sha256(data).hexdigest()
