import hashlib
from itertools import count

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stepless.domain.public_keys import check_public_key, same_key, sha256_hex, spki_der
from stepless.errors import BadCSR, KeyNotAllowed
from tests.fakes.private_keys import SUBJECT_KEYS, p256, rsa_key


def rsa_public_key(bits: int) -> rsa.RSAPublicKey:
    """A key of that size without the minutes that finding its primes takes: its modulus has no small factor."""
    odd = count(1 << (bits - 1) | 1, 2)
    modulus = next(number for number in odd if all(number % divisor for divisor in range(3, 752, 2)))
    return rsa.RSAPublicNumbers(65_537, modulus).public_key()


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_takes_every_kind_that_may_be_certified(kind: str) -> None:
    key = SUBJECT_KEYS[kind]().public_key()
    assert check_public_key(key) is key


@pytest.mark.parametrize("bits", [2048, 3072, 4096, 8192])
def test_takes_rsa_keys_within_the_bounds(bits: int) -> None:
    key = rsa_public_key(bits)
    assert check_public_key(key) is key


@pytest.mark.parametrize(
    ("bits", "text"),
    [(1024, "at least 2048"), (2047, "at least 2048"), (8193, "at most 8192"), (16384, "at most 8192")],
)
def test_refuses_rsa_keys_outside_of_the_bounds(bits: int, text: str) -> None:
    with pytest.raises(KeyNotAllowed, match=text):
        check_public_key(rsa_public_key(bits))


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        pytest.param(ec.generate_private_key(ec.SECP256K1()).public_key(), "ECDSA secp256k1", id="fail/secp256k1"),
        pytest.param(ec.generate_private_key(ec.SECP224R1()).public_key(), "ECDSA secp224r1", id="fail/p-224"),
        pytest.param(ed448.Ed448PrivateKey.generate().public_key(), "Ed448", id="fail/ed448"),
        pytest.param(x25519.X25519PrivateKey.generate().public_key(), "X25519", id="fail/x25519"),
        pytest.param(b"not a key", "bytes", id="fail/not-a-key"),
    ],
)
def test_refuses_other_kinds_and_names_them(key: object, kind: str) -> None:
    with pytest.raises(BadCSR, match=f"key of type '{kind}.*' is not supported"):
        check_public_key(key)


def test_keys_are_compared_by_their_encoding() -> None:
    one, other = p256().public_key(), p256().public_key()
    assert same_key(one, one)
    assert not same_key(one, other)
    assert not same_key(one, rsa_key().public_key())
    assert spki_der(one) == one.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_a_fingerprint_is_lower_case_hexadecimal() -> None:
    assert sha256_hex(b"x") == hashlib.sha256(b"x").hexdigest()
