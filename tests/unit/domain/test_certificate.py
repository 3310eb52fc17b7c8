import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from stepless.domain.certificate import ReasonCode, certificate_names, certificate_sha256, reason_code
from stepless.errors import MalformedRequest
from tests.fakes.ephemeral_ca import make_ca, sign_leaf
from tests.fakes.private_keys import p256


@pytest.mark.parametrize("number", range(11))
def test_takes_the_reasons_that_step_takes(number: int) -> None:
    assert reason_code(number) == number


@pytest.mark.parametrize("number", [-1, 11, 2**31 - 1, -(2**31)])
def test_refuses_other_reasons(number: int) -> None:
    with pytest.raises(MalformedRequest, match="reasonCode out of bounds"):
        reason_code(number)


def test_reasons_have_the_numbers_of_rfc_5280() -> None:
    assert (ReasonCode.KEY_COMPROMISE, ReasonCode.REMOVE_FROM_CRL, ReasonCode.AA_COMPROMISE) == (1, 8, 10)


def test_names_are_the_texts_of_the_extension_in_its_order() -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("b.example"), x509.RFC822Name("a@b.example")])
    certificate = sign_leaf(make_ca().issuing, p256(), extensions=[(names, False)])
    assert certificate_names(certificate) == ("b.example", "a@b.example")
    assert certificate_names(make_ca().root_certificate) == ()


def test_the_hash_tells_certificates_apart() -> None:
    ca = make_ca()
    one = ca.root_certificate
    assert certificate_sha256(one) == hashlib.sha256(one.public_bytes(Encoding.DER)).digest()
    assert certificate_sha256(one) != certificate_sha256(ca.intermediate_certificate)
