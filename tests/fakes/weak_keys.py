"""Real keys that must not be certified, made as the faulty programs made them; slow ones are made once per run."""

import secrets
from functools import cache
from math import gcd, isqrt, prod
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AttributeOID, NameOID

from tests.fakes.private_keys import rsa_key

SMALL_PRIMES: Final = tuple(n for n in range(2, 1000) if all(n % divisor for divisor in range(2, isqrt(n) + 1)))
_ODD_PRIMES: Final = prod(SMALL_PRIMES[1:])
# What Infineon's library multiplied for RSA keys of 1984 to 3936 bits: the first 126 primes.
INFINEON_MODULUS: Final = prod(SMALL_PRIMES[:126])


def is_prime(number: int) -> bool:
    """Whether a large number is prime, as far as Fermat's test tells."""
    return number % 2 == 1 and gcd(number, _ODD_PRIMES) == 1 and all(pow(a, number - 1, number) == 1 for a in (2, 3, 5))


def next_prime(number: int) -> int:
    """The first prime from there on."""
    number |= 1
    while not is_prime(number):
        number += 2
    return number


def rsa_key_of(p: int, q: int, exponent: int = 65_537) -> rsa.RSAPrivateKey:
    """The key with those two primes."""
    d = rsa.rsa_recover_private_exponent(exponent, p, q)
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(exponent, p * q),
    )
    return numbers.private_key()


@cache
def rsa_key_with_exponent_3() -> rsa.RSAPrivateKey:
    """What some old programs make by default."""
    return rsa.generate_private_key(3, 2048)  # the exponent to refuse


@cache
def close_primes_key(rounds: int = 0) -> rsa.RSAPrivateKey:
    """A key whose second prime was searched from near the first: it takes about that many rounds to factor."""
    p = rsa_key().private_numbers().p
    # Fermat's method needs (p - q)² / 8√n rounds, and √n is nearly p.
    return rsa_key_of(p, next_prime(p + 2 + isqrt(8 * rounds * p)))


@cache
def roca_key() -> rsa.RSAPrivateKey:
    """A key of 2048 bits as Infineon's chips made them (CVE-2017-15361)."""
    return rsa_key_of(_infineon_prime(), _infineon_prime())


def _infineon_prime() -> int:
    smallest, end = 3 * (1 << 1022) // INFINEON_MODULUS + 1, (1 << 1024) // INFINEON_MODULUS
    while True:
        multiple = smallest + secrets.randbelow(end - smallest)
        prime = multiple * INFINEON_MODULUS + pow(65_537, secrets.randbits(256), INFINEON_MODULUS)
        if is_prime(prime):
            return prime


def request_for_nobodys_key(public_key: bytes, common_name: str = "") -> x509.CertificateSigningRequest:
    """A request with a valid signature of an Ed25519 key of small order, made without a private key."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder(x509.Name(attributes))
    while True:
        # R is the neutral point and S is zero: that verifies whenever the hash is a multiple of the key's order. The
        # hash covers the challenge, so another challenge is another chance.
        challenge = secrets.token_hex(8).encode()
        key = ed25519.Ed25519PrivateKey.generate()
        signed = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, challenge).sign(key, None)
        body = signed.public_bytes(Encoding.DER).replace(key.public_key().public_bytes_raw(), public_key)
        forged = x509.load_der_x509_csr(body[:-64] + b"\x01" + bytes(63))
        if forged.is_signature_valid:
            return forged
