"""Real private keys of every kind that the authority takes; slow ones are made once per run."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def p256() -> ec.EllipticCurvePrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """An RSA key, the same one whenever it is asked for."""
    # Weak sizes are asked for on purpose: the authority must refuse them.
    return rsa.generate_private_key(65_537, bits)


# Every kind that may be certified.
SUBJECT_KEYS: Final[Mapping[str, Callable[[], PrivateKey]]] = {
    "P-256": p256,
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "RSA-2048": rsa_key,
}
