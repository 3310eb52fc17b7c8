import base64
import hashlib
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.csr import (
    MAX_CSR_BYTES,
    CertificateRequest,
    check_common_name_allowed,
    check_confirmation,
    check_names_match,
    load_csr,
    verify_csr,
)
from stepless.domain.names import MAX_NAMES, Name, NameType, classify_all
from stepless.domain.public_keys import spki_der
from stepless.errors import BadCSR, CAError, Forbidden, KeyNotAllowed, TooLarge
from tests.fakes.certificate_requests import csr_pem, make_csr
from tests.fakes.private_keys import SUBJECT_KEYS, p256, rsa_key


def pem_of(der: bytes) -> str:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_takes_a_request_of_every_kind_of_key(kind: str) -> None:
    key = SUBJECT_KEYS[kind]()
    csr = make_csr("leaf.example", ["b.example", "a.example", "a@b.example", "::1", "https://u.example/"], key=key)
    request = verify_csr(load_csr(csr_pem(csr)))
    assert request.der == csr.public_bytes(Encoding.DER)
    assert request.common_name == "leaf.example"
    assert request.public_key == key.public_key()
    assert request.names == (
        Name(NameType.DNS, "b.example"),
        Name(NameType.DNS, "a.example"),
        Name(NameType.EMAIL, "a@b.example"),
        Name(NameType.IP, "::1"),
        Name(NameType.URI, "https://u.example/"),
    )


def test_takes_a_request_without_any_name() -> None:
    request = verify_csr(make_csr())
    assert (request.common_name, request.names) == ("", ())


def test_takes_text_around_the_pem_block() -> None:
    csr = make_csr("leaf.example")
    assert load_csr(f"Certificate Request:\n    Data\n{csr_pem(csr)}\n") == csr


def test_names_the_missing_request() -> None:
    with pytest.raises(BadCSR, match="missing csr"):
        load_csr("")


def _cert_label() -> str:
    return csr_pem(make_csr()).replace("CERTIFICATE REQUEST", "CERTIFICATE")


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param("null", id="fail/null"),
        pytest.param("garbage", id="fail/no-pem"),
        pytest.param(pem_of(b""), id="fail/empty-block"),
        pytest.param(pem_of(b"\x30\x03\x02\x01\x00"), id="fail/not-a-request"),
        pytest.param(pem_of(make_csr().public_bytes(Encoding.DER) + b"\x00"), id="fail/trailing-byte"),
        pytest.param(pem_of(make_csr().public_bytes(Encoding.DER)[:-1]), id="fail/cut-off"),
        pytest.param(_cert_label(), id="fail/label-of-a-certificate"),
        pytest.param("\x00" * 64, id="fail/null-bytes"),
        pytest.param("\ud800", id="fail/lone-surrogate"),
    ],
)
def test_refuses_what_does_not_parse_as_a_body_that_does_not_decode(pem: str) -> None:
    with pytest.raises(BadCSR, match="error decoding json"):
        load_csr(pem)


def test_refuses_a_request_of_another_version() -> None:
    der = make_csr().public_bytes(Encoding.DER)
    version = der.index(b"\x02\x01\x00")
    with pytest.raises(BadCSR):
        verify_csr(load_csr(pem_of(der[:version] + b"\x02\x01\x05" + der[version + 3 :])))


def test_refuses_a_request_that_is_too_large_before_it_is_parsed() -> None:
    with pytest.raises(TooLarge):
        load_csr("x" * (MAX_CSR_BYTES + 1))


def test_refuses_a_request_whose_signature_is_wrong() -> None:
    der = bytearray(make_csr().public_bytes(Encoding.DER))
    der[-1] ^= 1
    with pytest.raises(BadCSR, match="invalid csr"):
        verify_csr(load_csr(pem_of(bytes(der))))


def test_refuses_a_request_signed_with_another_key() -> None:
    mine, other = make_csr("a"), make_csr("a")
    der = mine.public_bytes(Encoding.DER).replace(spki_of(mine), spki_of(other))
    assert spki_of(other) in der
    with pytest.raises(BadCSR, match="invalid csr"):
        verify_csr(load_csr(pem_of(der)))


def spki_of(csr: x509.CertificateSigningRequest) -> bytes:
    return spki_der(verify_csr(csr).public_key)


def test_refuses_an_outdated_hash() -> None:
    with pytest.raises(BadCSR, match="invalid csr"):
        verify_csr(make_csr(hash_algorithm=hashes.SHA224()))


def test_refuses_a_weak_rsa_key() -> None:
    with pytest.raises(KeyNotAllowed, match="at least 2048 bits"):
        verify_csr(make_csr(key=rsa_key(1024)))


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(lambda: ec.generate_private_key(ec.SECP256K1()), id="fail/secp256k1"),
        pytest.param(lambda: ec.generate_private_key(ec.BrainpoolP256R1()), id="fail/brainpool"),
        pytest.param(lambda: dsa.generate_private_key(2048), id="fail/dsa"),
    ],
)
def test_refuses_other_kinds_of_keys(key: Callable[[], ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey]) -> None:
    csr = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key(), hashes.SHA256())
    with pytest.raises(BadCSR, match="is not supported"):
        verify_csr(csr)


def test_refuses_an_ed448_key() -> None:
    csr = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(ed448.Ed448PrivateKey.generate(), None)
    with pytest.raises(BadCSR, match="is not supported"):
        verify_csr(csr)


def test_refuses_two_common_names() -> None:
    csr = make_csr("a.example", subject=[x509.NameAttribute(NameOID.COMMON_NAME, "b.example")])
    with pytest.raises(BadCSR, match="more than one common name"):
        verify_csr(csr)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(x509.DirectoryName(x509.Name([])), id="fail/directory-name"),
        pytest.param(x509.RegisteredID(x509.ObjectIdentifier("1.2.3")), id="fail/registered-id"),
        pytest.param(x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x0c\x01a"), id="fail/other-name"),
    ],
)
def test_refuses_names_that_no_token_can_grant(name: x509.GeneralName) -> None:
    with pytest.raises(BadCSR, match="is not supported"):
        verify_csr(make_csr("leaf.example", [name]))


def test_refuses_a_name_of_a_type_that_nobody_reads() -> None:
    # [3] x400Address in the place of [2] dNSName: both are implicit tags, the length stays.
    csr = make_csr("", ["abc.example"])
    der = csr.public_bytes(Encoding.DER).replace(b"\x82\x0babc.example", b"\xa3\x0babc.example")
    with pytest.raises(BadCSR):
        verify_csr(load_csr(pem_of(der)))


def test_takes_as_many_names_as_a_certificate_carries_and_not_one_more() -> None:
    names = [f"h{number}.example" for number in range(MAX_NAMES + 1)]
    assert len(verify_csr(make_csr("", names[:-1])).names) == MAX_NAMES
    with pytest.raises(BadCSR, match="101 names"):
        verify_csr(make_csr("", names))


_VALID_DER = make_csr("leaf.example", ["leaf.example", "a@b.example", "::1"]).public_bytes(Encoding.DER)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # of what is refused here
@given(st.integers(0, len(_VALID_DER) - 1), st.integers(1, 255))
def test_a_request_with_one_wrong_byte_is_refused(position: int, change: int) -> None:
    der = bytearray(_VALID_DER)
    der[position] ^= change
    with pytest.raises(CAError):
        verify_csr(load_csr(pem_of(bytes(der))))


@given(st.text() | st.binary(max_size=200).map(pem_of))
def test_any_text_is_a_request_or_refused(pem: str) -> None:
    try:
        verify_csr(load_csr(pem))
    except CAError:
        return
    pytest.fail("random bytes were taken for a signed request")


def request_for(common_name: str = "", *names: str) -> CertificateRequest:
    return CertificateRequest(make_csr(), p256().public_key(), common_name, classify_all(names))


@pytest.mark.parametrize("common_name", ["", "a", "b"])
def test_takes_a_common_name_that_is_allowed_or_missing(common_name: str) -> None:
    check_common_name_allowed(request_for(common_name), ("a", "b"))


@pytest.mark.parametrize(
    ("allowed", "want"),
    [
        pytest.param(("a",), "want a", id="fail/one"),
        pytest.param(("a", "b"), r"want \[a b\]", id="fail/several"),
    ],
)
def test_refuses_another_common_name_and_says_what_it_wants(allowed: tuple[str, ...], want: str) -> None:
    with pytest.raises(Forbidden, match=f"valid common name - got c, {want}$"):
        check_common_name_allowed(request_for("c"), allowed)


def test_common_names_are_compared_with_regard_to_case() -> None:
    with pytest.raises(Forbidden):
        check_common_name_allowed(request_for("A"), ("a",))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param((), id="ok/none"),
        pytest.param(("a.example", "b.example", "::1"), id="ok/all"),
        pytest.param(("b.example", "a.example"), id="ok/a-type-left-out-and-another-order"),
        pytest.param(("0::1",), id="ok/another-spelling-of-the-address"),
    ],
)
def test_takes_names_that_are_the_same_set_per_type(names: tuple[str, ...]) -> None:
    check_names_match(request_for("", *names), classify_all(["a.example", "b.example", "::1"]))


@pytest.mark.parametrize(
    ("names", "text"),
    [
        pytest.param(("a.example",), r"DNS names - got \[a.example\], want \[a.example b.example\]", id="fail/subset"),
        pytest.param(("a.example", "b.example", "c.example"), "DNS names", id="fail/superset"),
        pytest.param(("A.example", "b.example"), "DNS names", id="fail/case"),
        pytest.param(("::2",), r"IP addresses - got \[::2\], want \[::1\]", id="fail/address"),
        pytest.param(("a@b.example",), r"email addresses - got \[a@b.example\], want \[\]", id="fail/other-type"),
        pytest.param(("https://a.example/",), "URIs", id="fail/uri"),
    ],
)
def test_refuses_names_that_differ_in_a_type(names: tuple[str, ...], text: str) -> None:
    with pytest.raises(Forbidden, match=f"does not contain the valid {text}"):
        check_names_match(request_for("", *names), classify_all(["a.example", "b.example", "::1"]))


def test_the_fingerprint_is_the_one_of_the_exact_bytes() -> None:
    csr = make_csr("leaf.example")
    digest = hashlib.sha256(csr.public_bytes(Encoding.DER)).digest()
    expected = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    request = verify_csr(csr)
    assert request.fingerprint_b64url == expected
    check_confirmation(request, expected)
    check_confirmation(request, None)


@pytest.mark.parametrize("fingerprint", ["x", "a" * 43, "ü", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"])
def test_refuses_a_request_that_the_token_was_not_made_for(fingerprint: str) -> None:
    with pytest.raises(Forbidden, match="fingerprint does not match"):
        check_confirmation(verify_csr(make_csr()), fingerprint)
