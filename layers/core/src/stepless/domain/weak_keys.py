"""Refuses public keys whose private half can be computed from them.

The rules are those that public authorities keep (CA/Browser Forum Baseline Requirements §6.1.1.3 and §6.1.6), and they
look at the public key alone. The weak keys of Debian (CVE-2008-0166) are known from lists only and are not looked for.
ADR 0004 says why no library does it.
"""

from __future__ import annotations

from functools import cache
from math import gcd, isqrt, prod
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from stepless.errors import KeyNotAllowed

MIN_RSA_BITS: Final = 2_048
# Above this one signature check costs a relying party enough to be an attack on it.
MAX_RSA_BITS: Final = 8_192
# FIPS 186-5 §A.1.1 and SP 800-89 §5.3.3. With a smaller exponent careless verifiers take forged signatures, and badly
# padded messages are read without the key. Below 2^256 no private exponent is small enough for Wiener's attack.
MIN_RSA_EXPONENT: Final = 65_537
MAX_RSA_EXPONENT_BITS: Final = 256
FERMAT_ROUNDS: Final = 100

# SP 800-89 §5.3.3: a modulus with a smaller factor was damaged, or never was the product of two primes.
MIN_RSA_FACTOR: Final = 752

# ROCA (Nemec et al., "The Return of Coppersmith's Attack", 2017): Infineon's library took primes k·M + (65537^a mod M),
# so its moduli are powers of 65537 modulo M. For every size of key M is a multiple of the product of the first 39
# primes, which is this number.
_ROCA_MODULUS: Final = 0x924CBA6AE99DFA084537FACC54948DF0C23DA044D8CABE0EDD75BC6
# The prime powers whose product is the order of 65537 modulo that number.
_ROCA_ORDERS: Final = (16, 81, 25, 7, 11, 13, 17, 23, 29, 37, 41, 53, 83)
_ROCA_ORDER: Final = prod(_ROCA_ORDERS)

_SQUARES_MODULO_256: Final = frozenset(root * root % 256 for root in range(256))

# The y coordinates, low octet first, of all points whose order divides 8, in both forms where there are two: RFC 8032
# §5.1.3 forbids the second (y >= p), and libraries take it all the same. Anybody can sign for such a key.
_ED25519_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(y)
    for y in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


def check_rsa_key(key: rsa.RSAPublicKey) -> None:
    """Hold an RSA key to 2048 to 8192 bits and to numbers that are safe.

    Raises:
        KeyNotAllowed: it is too short, too long, or weak in a way that is known.
    """
    if key.key_size < MIN_RSA_BITS:
        raise KeyNotAllowed("certificate request RSA key must be at least 2048 bits (256 bytes)")
    if key.key_size > MAX_RSA_BITS:
        raise KeyNotAllowed(f"certificate request RSA key must be at most {MAX_RSA_BITS} bits")
    check_rsa_numbers(key.public_numbers())


def check_rsa_numbers(numbers: rsa.RSAPublicNumbers) -> None:
    """Hold exponent and modulus of an RSA key to what is safe.

    Raises:
        KeyNotAllowed: one of them is weak in a way that is known.
    """
    if numbers.e % 2 == 0 or numbers.e < MIN_RSA_EXPONENT or numbers.e.bit_length() > MAX_RSA_EXPONENT_BITS:
        raise KeyNotAllowed(
            "certificate request RSA public exponent must be odd, at least 65537 and below 2^256 - "
            "make a new key with the exponent 65537"
        )
    if gcd(numbers.n, _product_of_primes_below(MIN_RSA_FACTOR)) != 1:
        raise KeyNotAllowed(
            "certificate request RSA modulus is divisible by a small prime, so the key is damaged or badly made - "
            "make a new key"
        )
    if has_roca_fingerprint(numbers.n):
        raise KeyNotAllowed(
            "certificate request RSA key was made by a chip with the ROCA weakness (CVE-2017-15361) - "
            "make a new key elsewhere, or after updating the chip's firmware"
        )
    if has_close_primes(numbers.n):
        raise KeyNotAllowed(
            "certificate request RSA key has primes that are close together, so anybody can factor it - "
            "make a new key with another program"
        )


def check_ed25519_key(key: ed25519.Ed25519PublicKey) -> None:
    """Refuse a point of small order, for which anybody can sign (SP 800-186 §D.1.3).

    Raises:
        KeyNotAllowed: it is one.
    """
    raw = key.public_bytes_raw()
    # The highest bit is the sign of x.
    if raw[:-1] + bytes([raw[-1] & 0x7F]) in _ED25519_SMALL_ORDER:
        raise KeyNotAllowed(
            "certificate request Ed25519 key is a point of small order, so anybody can sign with it - make a new key"
        )


def has_roca_fingerprint(modulus: int) -> bool:
    """Whether the modulus is a power of 65537 where Infineon's are; by chance, once in 2^154 keys."""
    # A power, if it is one in each part of the group whose order is a prime power; nearly every key fails in the first.
    return all(pow(modulus, _ROCA_ORDER // order, _ROCA_MODULUS) in _powers_of_65537(order) for order in _ROCA_ORDERS)


# Worked out when the first RSA key is seen: a cold start for any other key does not pay for it.
@cache
def _product_of_primes_below(limit: int) -> int:
    return prod(n for n in range(2, limit) if all(n % divisor for divisor in range(2, isqrt(n) + 1)))


@cache
def _powers_of_65537(order: int) -> frozenset[int]:
    generator = pow(65_537, _ROCA_ORDER // order, _ROCA_MODULUS)
    return frozenset(pow(generator, exponent, _ROCA_MODULUS) for exponent in range(order))


def has_close_primes(modulus: int) -> bool:
    """Whether Fermat's method factors the modulus within a hundred rounds; equal primes fall in the first."""
    # n = a² - b² with the factors a + b and a - b: try each a from the root of n upwards.
    a = isqrt(modulus - 1) + 1
    b_squared = a * a - modulus
    for _ in range(FERMAT_ROUNDS):
        # Five of six are no square by their lowest octet alone.
        if b_squared % 256 in _SQUARES_MODULO_256 and isqrt(b_squared) ** 2 == b_squared:
            return True
        b_squared += 2 * a + 1
        a += 1
    return False
