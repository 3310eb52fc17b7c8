from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from typing_extensions import override

from stepless.domain.issuance import Issuer, self_sign, sign_certificate
from stepless.domain.names import classify_all
from stepless.domain.profile import CertificateContent, leaf_design
from stepless.domain.serial import MAX_SERIAL
from stepless.domain.validity import Validity
from stepless.errors import IntegrityFailure, ValidityNotAllowed
from tests.fakes.clock import NOW
from tests.fakes.ephemeral_ca import make_ca, sign_leaf
from tests.fakes.private_keys import SUBJECT_KEYS, p256

SECOND = NOW.replace(microsecond=0)
CA = make_ca()


def content(not_before: datetime = SECOND, not_after: datetime = SECOND + timedelta(hours=1)) -> CertificateContent:
    return leaf_design(
        subject="leaf.example",
        names=classify_all(["leaf.example"]),
        public_key=p256().public_key(),
        stamp=None,
        authority_key=CA.issuing.authority_key_identifier,
    ).content(Validity(not_before, not_after))


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("P-256", "sha256"), ("P-384", "sha384"), ("P-521", "sha512"), ("Ed25519", None), ("RSA-2048", "sha256")],
)
def test_signs_with_the_hash_that_belongs_to_the_issuers_key(kind: str, algorithm: str | None) -> None:
    issuer = make_ca(issuing_key=SUBJECT_KEYS[kind]()).issuing
    certificate = sign_certificate(content(), issuer, 7)
    used = certificate.signature_hash_algorithm
    assert (used.name if used is not None else None) == algorithm
    certificate.verify_directly_issued_by(issuer.certificate)
    assert certificate.issuer == issuer.certificate.subject
    assert certificate.serial_number == 7
    assert certificate.version is x509.Version.v3


def test_a_certificate_may_end_with_its_issuer_and_not_a_second_later() -> None:
    end = CA.intermediate_certificate.not_valid_after_utc
    assert sign_certificate(content(not_after=end), CA.issuing, 1).not_valid_after_utc == end
    with pytest.raises(ValidityNotAllowed, match="after the expiration of the issuing certificate"):
        sign_certificate(content(not_after=end + timedelta(seconds=1)), CA.issuing, 1)


def test_a_start_that_no_certificate_can_say_is_a_refusal() -> None:
    # The library panics on it, and a panic is not even an Exception.
    with pytest.raises(ValidityNotAllowed, match="before 1950"):
        sign_certificate(content(not_before=datetime(1900, 1, 1, tzinfo=UTC)), CA.issuing, 1)


def test_a_start_in_1950_is_written() -> None:
    start = datetime(1950, 1, 1, tzinfo=UTC)
    assert sign_certificate(content(not_before=start), CA.issuing, 1).not_valid_before_utc == start


def test_a_key_that_does_not_belong_to_the_certificate_is_noticed() -> None:
    wrong = replace(CA.issuing, private_key=p256())
    with pytest.raises(IntegrityFailure, match="does not verify"):
        sign_certificate(content(), wrong, 1)
    with pytest.raises(IntegrityFailure, match="does not belong"):
        wrong.check()


class FaultyKey(ec.EllipticCurvePrivateKey):
    """A remote signer that signs something else than what it was given."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @override
    def sign(
        self, data: bytes | bytearray | memoryview, signature_algorithm: ec.EllipticCurveSignatureAlgorithm
    ) -> bytes:
        return self._key.sign(bytes(data) + b"\x00", signature_algorithm)

    @override
    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._key.public_key()

    @override
    @property
    def curve(self) -> ec.EllipticCurve:
        return self._key.curve

    @override
    @property
    def key_size(self) -> int:
        return self._key.key_size

    exchange = private_numbers = private_bytes = __copy__ = __deepcopy__ = NotImplemented


def test_a_signer_that_signs_something_else_is_noticed() -> None:
    key = p256()
    issuer = replace(make_ca(issuing_key=key).issuing, private_key=FaultyKey(key))
    with pytest.raises(IntegrityFailure, match="does not verify"):
        sign_certificate(content(), issuer, 1)


@pytest.mark.parametrize("serial", [MAX_SERIAL, MAX_SERIAL * 2])
def test_a_serial_that_is_too_long_is_noticed(serial: int) -> None:
    with pytest.raises((IntegrityFailure, ValueError)):
        sign_certificate(content(), CA.issuing, serial)


def test_an_issuer_stands_for_its_own_certificate() -> None:
    CA.issuing.check()
    CA.root.check()


def test_a_certificate_of_no_ca_is_no_issuer() -> None:
    key = p256()
    with pytest.raises(IntegrityFailure, match="not one of a CA"):
        Issuer("leaf", sign_leaf(CA.issuing, key), key).check()


def test_a_root_signs_itself() -> None:
    root = CA.root_certificate
    root.verify_directly_issued_by(root)
    assert root.issuer == root.subject
    used = root.signature_hash_algorithm
    assert isinstance(used, hashes.SHA256)


def test_a_root_with_the_key_of_another_is_noticed() -> None:
    with pytest.raises(IntegrityFailure, match="does not verify"):
        self_sign(content(), p256(), 1)
