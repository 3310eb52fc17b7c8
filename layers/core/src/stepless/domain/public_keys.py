"""Which public keys may be certified, and what is derived from them (RFC 5280 §4.1.2.7, §4.2.1.2)."""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stepless.domain.weak_keys import check_ed25519_key, check_rsa_key
from stepless.errors import BadCSR

SubjectPublicKey: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


def check_public_key(key: object) -> SubjectPublicKey:
    """The key, if it may be put into a certificate: P-256, P-384, P-521, Ed25519 or RSA, and not weak.

    That the point of an elliptic curve key is on its curve was checked by the library that read the key.

    Raises:
        BadCSR: another kind of key.
        KeyNotAllowed: an RSA or Ed25519 key that is weak (see ``weak_keys``).
    """
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return key
    if isinstance(key, rsa.RSAPublicKey):
        check_rsa_key(key)
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        check_ed25519_key(key)
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
