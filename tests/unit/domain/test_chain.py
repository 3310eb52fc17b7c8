import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed448
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import assume, given
from hypothesis import strategies as st

from stepless.domain.chain import (
    MAX_CHAIN,
    certificates_from_header,
    check_signing_leaf,
    issued_by,
    verify_client_chain,
)
from stepless.domain.issuance import Issuer
from stepless.domain.public_keys import spki_der
from stepless.errors import CAError, Unauthenticated
from tests.fakes.clock import NOW
from tests.fakes.ephemeral_ca import (
    CLIENT_AUTH,
    CLIENT_PROFILE,
    DIGITAL_SIGNATURE,
    KEY_ENCIPHERMENT,
    SERVER_AUTH,
    EphemeralCA,
    Extension,
    make_ca,
    sign_leaf,
)
from tests.fakes.private_keys import SUBJECT_KEYS, p256, rsa_key
from tests.fakes.tokens import x5c_header

CA = make_ca()
LEAF_KEY = p256()
LEAF = sign_leaf(CA.issuing, LEAF_KEY)
HOUR = timedelta(hours=1)


def test_reads_a_chain_leaf_first() -> None:
    assert certificates_from_header(x5c_header([LEAF, CA.intermediate_certificate])) == (
        LEAF,
        CA.intermediate_certificate,
    )


DER = LEAF.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="fail/missing"),
        pytest.param([], id="fail/empty"),
        pytest.param("text", id="fail/text"),
        pytest.param({"0": "x"}, id="fail/object"),
        pytest.param([1], id="fail/number"),
        pytest.param([None], id="fail/null"),
        pytest.param(["%%%"], id="fail/not-base64"),
        pytest.param([base64.b64encode(DER).decode() + "\n"], id="fail/line-break"),
        pytest.param([base64.b64encode(b"x").decode()], id="fail/not-a-certificate"),
        pytest.param([base64.b64encode(DER + b"\x00").decode()], id="fail/trailing-byte"),
        pytest.param([LEAF.public_bytes(Encoding.PEM).decode()], id="fail/pem"),
        pytest.param(["ü"], id="fail/not-ascii"),
        pytest.param(["A" * 20_000], id="fail/too-long"),
        pytest.param(x5c_header([LEAF]) * (MAX_CHAIN + 1), id="fail/too-many"),
        pytest.param(
            [base64.b64encode(DER.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09")).decode()],
            id="fail/odd-version",
        ),
    ],
)
def test_refuses_a_header_that_is_no_chain(value: object) -> None:
    with pytest.raises(Unauthenticated):
        certificates_from_header(value)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # of what is refused here
@given(st.integers(0, len(DER) - 1), st.integers(1, 255))
def test_a_chain_with_one_wrong_byte_is_refused(position: int, change: int) -> None:
    # The signature's count of unused bits: with another one it is the same signature where those bits are zero.
    assume(position != len(DER) - len(LEAF.signature) - 1)
    der = bytearray(DER)
    der[position] ^= change
    header = [base64.b64encode(bytes(der)).decode()]
    with pytest.raises(CAError):
        verify_header(header)


def verify_header(header: list[str]) -> None:
    chain = (*certificates_from_header(header), CA.intermediate_certificate)
    verify_client_chain(chain, [CA.root_certificate], now=NOW)


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_verifies_a_chain_and_returns_the_key_of_the_leaf(kind: str) -> None:
    key = SUBJECT_KEYS[kind]()
    leaf = sign_leaf(CA.issuing, key)
    verified = verify_client_chain((leaf, CA.intermediate_certificate), [CA.root_certificate], now=NOW)
    assert spki_der(verified) == spki_der(key.public_key())


@pytest.mark.parametrize("kind", ["P-384", "RSA-2048"])
def test_verifies_a_chain_of_an_issuer_of_another_kind(kind: str) -> None:
    ca = make_ca(issuing_key=SUBJECT_KEYS[kind]())
    verify_client_chain((sign_leaf(ca.issuing, p256()), ca.intermediate_certificate), [ca.root_certificate], now=NOW)


def test_takes_a_leaf_right_under_the_root_and_superfluous_certificates() -> None:
    leaf = sign_leaf(CA.root, p256())
    other = make_ca("Other")
    verify_client_chain((leaf, other.intermediate_certificate), [other.root_certificate, CA.root_certificate], now=NOW)


def test_takes_any_purpose() -> None:
    any_purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    leaf = sign_leaf(CA.issuing, p256(), extensions=[(DIGITAL_SIGNATURE, True), (any_purpose, False)])
    verify_client_chain((leaf, CA.intermediate_certificate), [CA.root_certificate], now=NOW)


def test_takes_a_leaf_with_names_and_without() -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("leaf.example")])
    for subject, extensions in (("leaf", CLIENT_PROFILE), ("", (*CLIENT_PROFILE, (names, True)))):
        leaf = sign_leaf(CA.issuing, p256(), common_name=subject, extensions=extensions)
        verify_client_chain((leaf, CA.intermediate_certificate), [CA.root_certificate], now=NOW)


@pytest.mark.parametrize(
    "extensions",
    [
        pytest.param([(DIGITAL_SIGNATURE, True)], id="fail/no-purpose"),
        pytest.param([(DIGITAL_SIGNATURE, True), (SERVER_AUTH, False)], id="fail/server-only"),
        pytest.param([(CLIENT_AUTH, False)], id="fail/no-key-usage"),
        pytest.param([(KEY_ENCIPHERMENT, True), (CLIENT_AUTH, False)], id="fail/may-not-sign"),
    ],
)
def test_refuses_a_leaf_of_another_purpose(extensions: list[Extension]) -> None:
    leaf = sign_leaf(CA.issuing, p256(), extensions=extensions)
    with pytest.raises(Unauthenticated):
        verify_client_chain((leaf, CA.intermediate_certificate), [CA.root_certificate], now=NOW)


@pytest.mark.parametrize("offset", [-2 * HOUR, 2 * HOUR], ids=["fail/not-yet", "fail/expired"])
def test_refuses_a_leaf_outside_of_its_dates(offset: timedelta) -> None:
    with pytest.raises(Unauthenticated, match="does not lead to a trusted root"):
        verify_client_chain((LEAF, CA.intermediate_certificate), [CA.root_certificate], now=NOW + offset)


def _self_made(ca: EphemeralCA) -> tuple[x509.Certificate, ...]:
    return sign_leaf(ca.issuing, p256()), ca.intermediate_certificate, ca.root_certificate


def test_refuses_a_chain_without_its_intermediate() -> None:
    with pytest.raises(Unauthenticated, match="does not lead"):
        verify_client_chain((LEAF,), [CA.root_certificate], now=NOW)


def test_refuses_a_chain_that_brings_its_own_root() -> None:
    with pytest.raises(Unauthenticated, match="does not lead"):
        verify_client_chain(_self_made(make_ca()), [CA.root_certificate], now=NOW)


def test_refuses_a_leaf_that_a_leaf_signed() -> None:
    fake_issuer = Issuer("leaf", LEAF, LEAF_KEY)
    leaf = sign_leaf(fake_issuer, p256())
    with pytest.raises(Unauthenticated, match="does not lead"):
        verify_client_chain((leaf, LEAF, CA.intermediate_certificate), [CA.root_certificate], now=NOW)


def test_refuses_a_leaf_with_a_critical_extension_that_nobody_knows() -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    leaf = sign_leaf(CA.issuing, p256(), extensions=[*CLIENT_PROFILE, (unknown, True)])
    with pytest.raises(Unauthenticated):
        verify_client_chain((leaf, CA.intermediate_certificate), [CA.root_certificate], now=NOW)


def test_refuses_a_leaf_with_a_weak_key() -> None:
    leaf = sign_leaf(CA.issuing, rsa_key(1024))
    with pytest.raises(Unauthenticated):
        verify_client_chain((leaf, CA.intermediate_certificate), [CA.root_certificate], now=NOW)


def test_refuses_the_signature_of_a_key_that_is_not_supported() -> None:
    key = ed448.Ed448PrivateKey.generate()
    builder = x509.CertificateBuilder(subject_name=x509.Name([]), issuer_name=CA.intermediate_certificate.subject)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(NOW - HOUR).not_valid_after(NOW + HOUR)
    leaf = builder.add_extension(DIGITAL_SIGNATURE, critical=True).sign(key, None)
    with pytest.raises(Unauthenticated, match="key is not supported"):
        check_signing_leaf(leaf)
    assert not issued_by(leaf, [CA.intermediate_certificate])


def test_knows_its_own_certificates() -> None:
    other = make_ca("Ephemeral")
    assert issued_by(LEAF, [other.intermediate_certificate, CA.intermediate_certificate])
    assert not issued_by(LEAF, [other.intermediate_certificate])
    assert not issued_by(LEAF, [CA.root_certificate])
    assert not issued_by(LEAF, [])
