from datetime import timedelta

import pytest
from cryptography import x509

from stepless.errors import BadCSR, KeyNotAllowed, MalformedRequest, RenewalRefused, Unauthenticated
from tests.fakes.certificate_requests import csr_pem, make_csr
from tests.fakes.deployment import Deployment
from tests.fakes.ephemeral_ca import make_ca, sign_leaf
from tests.fakes.private_keys import SUBJECT_KEYS, p256, rsa_key


@pytest.fixture
def ca() -> Deployment:
    return Deployment()


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_a_certificate_is_continued_for_a_key_of_every_kind(ca: Deployment, kind: str) -> None:
    old, key = ca.leaf(), SUBJECT_KEYS[kind]()
    new = ca.renews.rekey(old, csr_pem(make_csr(key=key))).record
    assert new.certificate.public_key() == key.public_key()
    assert new.predecessor == old.serial_number
    identifier = new.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert identifier == x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def test_the_names_of_the_request_do_not_matter(ca: Deployment) -> None:
    old = ca.leaf(sans=["a.example", "b.example"])
    new = ca.renews.rekey(old, csr_pem(make_csr("evil.example", ["evil.example"]))).record
    assert new.names == ("a.example", "b.example")
    assert new.certificate.subject == old.subject


def test_the_life_is_as_long_as_before(ca: Deployment) -> None:
    old = ca.leaf()
    ca.later(hours=3)
    new = ca.renews.rekey(old, csr_pem(make_csr())).record.certificate
    assert new.not_valid_after_utc - new.not_valid_before_utc == timedelta(hours=24, minutes=1)


def test_a_weak_key_is_refused(ca: Deployment) -> None:
    with pytest.raises(KeyNotAllowed):
        ca.renews.rekey(ca.leaf(), csr_pem(make_csr(key=rsa_key(1024))))


def test_the_certificate_is_missed_before_the_request_is_looked_at(ca: Deployment) -> None:
    with pytest.raises(MalformedRequest, match=r"^missing client certificate$"):
        ca.renews.rekey(None, "garbage")


@pytest.mark.parametrize(("pem", "text"), [("", "missing csr"), ("garbage", "error decoding json")])
def test_a_request_that_proves_no_key_is_refused(ca: Deployment, pem: str, text: str) -> None:
    with pytest.raises(BadCSR, match=text):
        ca.renews.rekey(ca.leaf(), pem)


def test_a_certificate_of_another_authority_is_refused(ca: Deployment) -> None:
    with pytest.raises(Unauthenticated, match="not issued by this authority"):
        ca.renews.rekey(sign_leaf(make_ca().issuing, p256()), csr_pem(make_csr()))


def test_a_revoked_certificate_is_refused(ca: Deployment) -> None:
    old = ca.leaf()
    ca.revoke(old.serial_number, certificate=old)
    with pytest.raises(Unauthenticated, match="revoked"):
        ca.renews.rekey(old, csr_pem(make_csr()))


def test_an_expired_certificate_is_refused(ca: Deployment) -> None:
    old = ca.leaf()
    ca.later(hours=25)
    with pytest.raises(RenewalRefused):
        ca.renews.rekey(old, csr_pem(make_csr()))
