"""JWS and JWK made by hand (RFC 7515, RFC 7517), so that the library that verifies is not the one that signed.

Also makes what no library makes willingly: ``alg: none``, HMAC with a public key, and an ECDSA signature's twin.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.fakes.private_keys import PrivateKey

_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    """The bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def default_algorithm(key: PrivateKey) -> str:
    """The algorithm that step signs with for a kind of key."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}[key.curve.name]
    return "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "RS256"


def jws(header: object, claims: object, key: PrivateKey, algorithm: str | None = None) -> str:
    """A compact JWS over header and claims as they are; ``algorithm`` decides how it is signed, the header says so."""
    chosen = algorithm or default_algorithm(key)
    stated = {"alg": chosen, **header} if isinstance(header, Mapping) else header
    return assemble(stated, claims, key, chosen)


def assemble(header: object, claims: object, key: PrivateKey, algorithm: str) -> str:
    """As ``jws``, with a header that may lie about the algorithm."""
    signing_input = f"{_segment(header)}.{_segment(claims)}"
    return f"{signing_input}.{b64url(_sign(key, algorithm, signing_input.encode()))}"


def hmac_jws(header: Mapping[str, object], claims: object, secret: bytes) -> str:
    """A JWS "signed" with HMAC over something public: the classic confusion of algorithms (RFC 8725 §2.1)."""
    signing_input = f"{_segment({'alg': 'HS256', **header})}.{_segment(claims)}"
    return f"{signing_input}.{b64url(hmac.digest(secret, signing_input.encode(), hashlib.sha256))}"


def unsigned_jws(header: Mapping[str, object], claims: object) -> str:
    """A JWS of ``alg: none`` whose signature is not empty, so that it has the form of a real one."""
    return f"{_segment({'alg': 'none', **header})}.{_segment(claims)}.AA"


def twin_es256(compact: str) -> str:
    """The same token with the other valid ECDSA signature: ``(r, n - s)`` verifies whenever ``(r, s)`` does."""
    signing_input, _, signature = compact.rpartition(".")
    raw = unb64url(signature)
    twin = P256_ORDER - int.from_bytes(raw[32:], "big")
    return f"{signing_input}.{b64url(raw[:32] + twin.to_bytes(32, 'big'))}"


def _segment(value: object) -> str:
    return b64url(value if isinstance(value, bytes) else json.dumps(value).encode())


def _sign(key: PrivateKey, algorithm: str, data: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    digest = _HASHES[algorithm[2:]]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.key_size + 7) // 8
        return b"".join(part.to_bytes(size, "big") for part in decode_dss_signature(key.sign(data, ec.ECDSA(digest))))
    if algorithm.startswith("PS"):
        return key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    return key.sign(data, padding.PKCS1v15(), digest)


def public_jwk(key: PrivateKey, **more: object) -> dict[str, Any]:
    """The public half as JWK, with ``use`` and ``alg`` as step writes them and the RFC 7638 thumbprint as ``kid``."""
    public = key.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        numbers, size = public.public_numbers(), (public.key_size + 7) // 8
        required = {
            "crv": _CURVES[public.curve.name],
            "kty": "EC",
            "x": b64url(numbers.x.to_bytes(size, "big")),
            "y": b64url(numbers.y.to_bytes(size, "big")),
        }
    elif isinstance(public, ed25519.Ed25519PublicKey):
        required = {"crv": "Ed25519", "kty": "OKP", "x": b64url(public.public_bytes_raw())}
    elif isinstance(public, rsa.RSAPublicKey):
        rsa_numbers = public.public_numbers()
        required = {
            "e": b64url(rsa_numbers.e.to_bytes(3, "big")),
            "kty": "RSA",
            "n": b64url(rsa_numbers.n.to_bytes((rsa_numbers.n.bit_length() + 7) // 8, "big")),
        }
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    kid = b64url(hashlib.sha256(canonical).digest())
    return {**required, "use": "sig", "alg": default_algorithm(key), "kid": kid, **more}
