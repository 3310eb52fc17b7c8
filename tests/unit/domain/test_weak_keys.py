from collections.abc import Callable
from itertools import count
from math import gcd, isqrt, prod

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.csr import verify_csr
from stepless.domain.public_keys import check_public_key
from stepless.domain.weak_keys import check_rsa_numbers, has_close_primes, has_roca_fingerprint
from stepless.errors import BadCSR, KeyNotAllowed
from tests.fakes.certificate_requests import make_csr
from tests.fakes.private_keys import rsa_key
from tests.fakes.weak_keys import (
    INFINEON_MODULUS,
    SMALL_PRIMES,
    close_primes_key,
    next_prime,
    request_for_nobodys_key,
    roca_key,
    rsa_key_of,
)

# Their orders are 1, 2, 4, 8 and 8.
POINTS_OF_SMALL_ORDER = {
    "1": "01" + "00" * 31,
    "2": "ec" + "ff" * 30 + "7f",
    "4": "00" * 32,
    "4-other-sign": "00" * 31 + "80",
    "8": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "8-other-sign": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "8-other": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "8-other-with-other-sign": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
}

CHANGES_TO_A_POINT: dict[str, Callable[[bytes], bytes]] = {
    "off-the-curve": lambda point: point[:-1] + bytes([point[-1] ^ 1]),
    "zeroes": lambda point: b"\x04" + bytes(len(point) - 1),
    "beyond-the-field": lambda point: b"\x04" + b"\xff" * (len(point) - 1),
    "another-form": lambda point: b"\x05" + point[1:],
}


def with_exponent(exponent: int) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(exponent, rsa_key().public_key().public_numbers().n).public_key()


def with_factor(factor: int) -> rsa.RSAPublicKey:
    """A key of 2048 bits whose modulus has that factor and otherwise only large ones."""
    others = count((1 << 2048) // factor | 1, -2)
    other = next(number for number in others if gcd(number, prod(SMALL_PRIMES)) == 1)
    return rsa.RSAPublicNumbers(65_537, factor * other).public_key()


@pytest.mark.parametrize("bits", [2048] * 8 + [3072] * 3)
def test_takes_every_new_key(bits: int) -> None:
    key = rsa.generate_private_key(65_537, bits).public_key()
    assert check_public_key(key) is key


@pytest.mark.parametrize("exponent", [65_537, 65_539, 2**32 + 15, 2**256 - 1])
def test_takes_exponents_from_65537_to_256_bits(exponent: int) -> None:
    check_public_key(with_exponent(exponent))


@pytest.mark.parametrize("exponent", [3, 5, 17, 257, 65_535, 2**256 + 1, 2**2000 + 1])
def test_refuses_smaller_and_larger_exponents(exponent: int) -> None:
    with pytest.raises(KeyNotAllowed, match=r"exponent must be odd, at least 65537 .* make a new key"):
        check_public_key(with_exponent(exponent))


def test_an_even_exponent_is_no_key_for_the_library() -> None:
    der = make_csr(key=rsa_key()).public_bytes(Encoding.DER)
    odd, even = b"\x02\x03\x01\x00\x01", b"\x02\x03\x01\x00\x02"
    assert der.count(odd) == 1
    with pytest.raises(BadCSR, match="invalid csr"):
        verify_csr(x509.load_der_x509_csr(der.replace(odd, even)))


def test_refuses_an_even_exponent_itself_too() -> None:
    numbers = rsa.RSAPublicNumbers(65_538, rsa_key().public_key().public_numbers().n)
    with pytest.raises(KeyNotAllowed, match="must be odd"):
        check_rsa_numbers(numbers)


@pytest.mark.parametrize("factor", [2, 3, 5, 7, 11, 167, 743, 751])
def test_refuses_a_modulus_with_a_factor_below_752(factor: int) -> None:
    with pytest.raises(KeyNotAllowed, match=r"divisible by a small prime.* make a new key"):
        check_public_key(with_factor(factor))


def test_takes_a_modulus_with_a_larger_factor() -> None:
    check_public_key(with_factor(757))


def test_refuses_a_key_of_which_one_prime_is_small() -> None:
    with pytest.raises(KeyNotAllowed, match="divisible by a small prime"):
        check_public_key(rsa_key_of(next_prime(1 << 2040), 751).public_key())


@pytest.mark.parametrize("rounds", [0, 1, 50, 98])
def test_refuses_primes_that_are_close_together(rounds: int) -> None:
    with pytest.raises(KeyNotAllowed, match=r"primes that are close together.* make a new key"):
        check_public_key(close_primes_key(rounds).public_key())


def test_gives_up_after_a_hundred_rounds() -> None:
    check_public_key(close_primes_key(102).public_key())


def test_refuses_the_square_of_a_prime() -> None:
    modulus = rsa_key().private_numbers().p ** 2
    with pytest.raises(KeyNotAllowed, match="close together"):
        check_public_key(rsa.RSAPublicNumbers(65_537, modulus).public_key())


# After r rounds the middle of the factors is found r above the root, so 2·r times the middle is their distance squared.
@given(st.integers(1 << 1023, 1 << 4096), st.data())
def test_factors_that_a_hundred_rounds_reach_are_found(middle: int, data: st.DataObject) -> None:
    distance = data.draw(st.integers(0, isqrt(197 * middle)))
    assert has_close_primes((middle - distance) * (middle + distance))


def test_refuses_a_key_made_by_an_infineon_chip() -> None:
    key = roca_key().public_key()
    assert key.key_size == 2048
    with pytest.raises(KeyNotAllowed, match=r"ROCA weakness \(CVE-2017-15361\) - make a new key"):
        check_public_key(key)


def test_takes_a_key_of_which_one_prime_only_is_of_an_infineon_chip() -> None:
    """Which a chip does not make: the test looks at the whole modulus, and takes nothing else for its work."""
    check_public_key(rsa_key_of(roca_key().private_numbers().p, rsa_key().private_numbers().q).public_key())


@pytest.mark.parametrize("primes", [39, 71, 126, 225])
def test_knows_the_moduli_of_every_size_that_the_chips_make(primes: int) -> None:
    """The products that the library used for keys of 512, 992, 1984 and 3968 bits and more."""
    first = [n for n in range(2, 1500) if all(n % divisor for divisor in range(2, isqrt(n) + 1))][:primes]
    product = prod(first)
    assert has_roca_fingerprint(12_345 * product + pow(65_537, 6_789, product))


@given(st.integers(0, 1 << 256), st.integers(0, 1 << 1100))
def test_every_power_of_65537_has_the_fingerprint(exponent: int, multiple: int) -> None:
    power = pow(65_537, exponent, INFINEON_MODULUS)
    assert has_roca_fingerprint(multiple * INFINEON_MODULUS + power)


@given(st.integers(0, 1 << 256), st.sampled_from(SMALL_PRIMES[1:39]))
def test_what_is_no_power_modulo_one_of_the_primes_has_not(exponent: int, prime: int) -> None:
    powers = {pow(65_537, k, prime) for k in range(prime)}
    rest = INFINEON_MODULUS // prime
    power = pow(65_537, exponent, rest)
    others = [number for number in range(prime) if number not in powers]
    for other in others:
        # The same remainder modulo all other primes, and another modulo this one.
        modulus = next(number for number in count(power, rest) if number % prime == other)
        assert not has_roca_fingerprint(modulus)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
@pytest.mark.parametrize("change", CHANGES_TO_A_POINT)
def test_refuses_what_is_no_point_of_the_curve(curve: ec.EllipticCurve, change: str) -> None:
    key = ec.generate_private_key(curve)
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    der = make_csr(key=key).public_bytes(Encoding.DER).replace(point, CHANGES_TO_A_POINT[change](point))
    with pytest.raises(BadCSR, match="invalid csr"):
        verify_csr(x509.load_der_x509_csr(der))


@pytest.mark.parametrize("order", POINTS_OF_SMALL_ORDER)
def test_refuses_an_ed25519_key_for_which_anybody_can_sign(order: str) -> None:
    raw = bytes.fromhex(POINTS_OF_SMALL_ORDER[order])
    with pytest.raises(KeyNotAllowed, match=r"small order.* make a new key"):
        check_public_key(ed25519.Ed25519PublicKey.from_public_bytes(raw))


@pytest.mark.parametrize("order", ["1", "2", "4", "8", "8-other-with-other-sign"])
def test_refuses_a_request_that_was_signed_without_a_private_key(order: str) -> None:
    """Were it not for the rule, this request would prove the possession of a key that nobody has."""
    request = request_for_nobodys_key(bytes.fromhex(POINTS_OF_SMALL_ORDER[order]))
    assert request.is_signature_valid
    with pytest.raises(KeyNotAllowed, match="small order"):
        verify_csr(request)


@pytest.mark.parametrize("y", ["ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f"])
def test_refuses_the_other_form_of_a_point_of_small_order(y: str) -> None:
    with pytest.raises(KeyNotAllowed, match="small order"):
        check_public_key(ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(y)))
