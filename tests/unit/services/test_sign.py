from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from stepless.domain.certificate import ProvisionerReference
from stepless.domain.csr import verify_csr
from stepless.domain.provisioner_extension import ProvisionerStamp, read_stamp
from stepless.domain.serial import lineage_of
from stepless.domain.validity import RequestedValidity
from stepless.errors import (
    BadCSR,
    CAError,
    Forbidden,
    InvalidValidity,
    KeyNotAllowed,
    MalformedRequest,
    TooLarge,
    Unauthenticated,
    Unavailable,
    ValidityNotAllowed,
)
from tests.fakes.certificate_requests import csr_pem, make_csr
from tests.fakes.clock import NOW
from tests.fakes.deployment import Deployment, wish
from tests.fakes.ephemeral_ca import make_ca, sign_leaf
from tests.fakes.faults import Faults
from tests.fakes.jose import twin_es256
from tests.fakes.private_keys import SUBJECT_KEYS, p256, rsa_key
from tests.fakes.tokens import HOST, TOKEN_SECONDS, JWKTokens, step_claims

SECOND = NOW.replace(microsecond=0)


@pytest.fixture
def ca() -> Deployment:
    return Deployment()


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_a_token_and_a_request_become_a_certificate(ca: Deployment, kind: str) -> None:
    key = SUBJECT_KEYS[kind]()
    issued = ca.sign(make_csr("leaf.example", ["leaf.example"], key=key))
    certificate = issued.record.certificate
    certificate.verify_directly_issued_by(ca.ca.intermediate_certificate)
    assert certificate.public_key() == key.public_key()
    assert certificate.not_valid_before_utc == SECOND - timedelta(minutes=1)
    assert certificate.not_valid_after_utc == SECOND + timedelta(hours=24)
    assert read_stamp(certificate) == ProvisionerStamp(1, "admin", ca.admin.key_id)
    assert issued.authority is ca.authority


def test_what_is_issued_is_recorded_with_who_asked(ca: Deployment) -> None:
    record = ca.sign(token=ca.admin.token("leaf", sans=["a.example", "::1"])).record
    stored = ca.certificates.get(record.serial)
    assert stored is not None
    assert stored.der == record.der
    assert stored.requester == "leaf"
    assert stored.names == ("a.example", "::1")
    assert stored.provisioner == ProvisionerReference("p-admin", "admin", "JWK")
    assert stored.issued_at == SECOND
    assert stored.issuer_key_id == "intermediate-1"
    assert stored.lineage == lineage_of(record.serial)
    assert (stored.predecessor, stored.revocation) == (None, None)


def test_every_certificate_begins_a_lineage_of_its_own(ca: Deployment) -> None:
    assert len({ca.sign().record.lineage for _ in range(3)}) == 3


def test_an_x5c_token_is_as_good_and_ends_with_its_certificate(ca: Deployment) -> None:
    certificate = ca.sign(token=ca.clients.token()).record.certificate
    assert certificate.not_valid_after_utc == ca.clients.chain[0].not_valid_after_utc
    assert read_stamp(certificate) == ProvisionerStamp(7, "clients", "")


def test_the_names_are_those_of_the_token_whatever_the_request_leaves_out(ca: Deployment) -> None:
    token = ca.admin.token("leaf", sans=["a.example", "b.example", "::1"])
    assert ca.sign(make_csr("b.example", ["::1"]), token).record.names == ("a.example", "b.example", "::1")


def test_the_request_does_not_add_to_the_subject(ca: Deployment) -> None:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Evil")
    csr = make_csr("leaf.example", ["leaf.example"], subject=[organization])
    assert ca.sign(csr).record.certificate.subject.rfc4514_string() == "CN=leaf.example"


def test_the_request_does_not_add_extensions(ca: Deployment) -> None:
    key = p256()
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = ca.sign(builder.sign(key, hashes.SHA256())).record.certificate
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.BasicConstraints)


def test_the_common_name_of_the_certificate_is_the_subject_of_the_token(ca: Deployment) -> None:
    token = ca.admin.token("leaf", sans=["a.example"])
    assert ca.sign(make_csr("a.example"), token).record.certificate.subject.rfc4514_string() == "CN=leaf"


def test_the_provisioner_may_leave_its_stamp_out() -> None:
    ca = Deployment(claims={"disableSmallstepExtensions": True})
    assert read_stamp(ca.sign().record.certificate) is None


def test_wished_dates_are_given(ca: Deployment) -> None:
    certificate = ca.sign(validity=wish("5m", "1h")).record.certificate
    assert certificate.not_valid_before_utc == SECOND + timedelta(minutes=5)
    assert certificate.not_valid_after_utc == SECOND + timedelta(minutes=65)


def test_a_token_that_confirms_this_request_is_taken(ca: Deployment) -> None:
    csr = make_csr("leaf.example")
    fingerprint = verify_csr(csr).fingerprint_b64url
    ca.sign(csr, ca.admin.token(cnf={"x5rt#S256": fingerprint}))


def strangers_token(ca: Deployment) -> str:
    """A token that names the provisioner and its key, signed with another one."""
    claims = step_claims("admin", "leaf.example", f"https://{HOST}/1.0/sign")
    return JWKTokens().sign(claims, kid=ca.admin.key_id)


Attempt = Callable[[Deployment], object]


def _wrong_signature() -> str:
    der = bytearray(make_csr("leaf.example").public_bytes(Encoding.DER))
    der[-1] ^= 1
    return csr_pem(x509.load_der_x509_csr(bytes(der)))


REFUSALS: dict[str, tuple[type[CAError], str, Attempt]] = {
    "no-csr": (BadCSR, "missing csr", lambda ca: ca.sign("")),
    "csr-is-garbage": (BadCSR, "error decoding json", lambda ca: ca.sign("garbage")),
    "csr-too-large": (TooLarge, "larger", lambda ca: ca.sign("x" * 100_000)),
    "csr-wrong-signature": (BadCSR, "invalid csr", lambda ca: ca.sign(_wrong_signature())),
    "csr-weak-key": (KeyNotAllowed, "2048", lambda ca: ca.sign(make_csr(key=rsa_key(1024)))),
    "no-token": (MalformedRequest, "missing ott", lambda ca: ca.sign(token="")),
    "token-is-garbage": (Unauthenticated, "compact JWS", lambda ca: ca.sign(token="garbage")),
    "token-of-a-stranger": (Unauthenticated, "signature", lambda ca: ca.sign(token=strangers_token(ca))),
    "token-for-another-operation": (
        Unauthenticated,
        "audience",
        lambda ca: ca.sign(token=ca.admin.token(operation="revoke")),
    ),
    "token-for-another-host": (
        Unauthenticated,
        "audience",
        lambda ca: ca.sign(token=ca.admin.token(aud="https://other.example/sign")),
    ),
    "token-expired": (Unauthenticated, "expired", lambda ca: ca.sign(token=ca.admin.token(exp=1))),
    "token-without-expiry": (Unauthenticated, "no expiry", lambda ca: ca.sign(token=ca.admin.token(exp=None))),
    "token-without-subject": (Unauthenticated, "subject", lambda ca: ca.sign(token=ca.admin.token(""))),
    "x5c-without-fragment": (
        Unauthenticated,
        "no provisioner",
        lambda ca: ca.sign(token=ca.clients.token(aud=f"https://{HOST}/sign")),
    ),
    "jwk-with-fragment": (
        Unauthenticated,
        "certificate chain",
        lambda ca: ca.sign(token=ca.admin.token(aud=f"https://{HOST}/sign#x5c/clients")),
    ),
    "confirms-another-request": (
        Forbidden,
        "fingerprint",
        lambda ca: ca.sign(token=ca.admin.token(cnf={"x5rt#S256": "x" * 43})),
    ),
    "another-common-name": (Forbidden, "common name", lambda ca: ca.sign(make_csr("evil.example"))),
    "x5c-common-name-is-only-a-name": (
        Forbidden,
        "common name",
        lambda ca: ca.sign(make_csr("a.example"), ca.clients.token("leaf", sans=["a.example"])),
    ),
    "another-name": (Forbidden, "DNS names", lambda ca: ca.sign(make_csr("", ["leaf.example", "evil.example"]))),
    "name-no-certificate-carries": (
        MalformedRequest,
        "not a valid dns name",
        lambda ca: ca.sign(token=ca.admin.token("leaf", sans=["-a"])),
    ),
    "subject-too-long": (
        MalformedRequest,
        "common name",
        lambda ca: ca.sign(token=ca.admin.token("x" * 65, sans=["a.example"])),
    ),
    "end-in-the-past": (InvalidValidity, "past", lambda ca: ca.sign(validity=wish("", "-1h"))),
    "too-long": (ValidityNotAllowed, "more than", lambda ca: ca.sign(validity=wish("", "25h"))),
    "too-short": (ValidityNotAllowed, "less than", lambda ca: ca.sign(validity=wish("0", "1m"))),
    "longer-than-the-credential": (
        ValidityNotAllowed,
        "after the expiration of the provisioning credential",
        lambda ca: ca.sign(token=ca.clients.token(), validity=wish("", "2h")),
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refuses_and_neither_records_nor_spends(ca: Deployment, case: str) -> None:
    kind, text, attempt = REFUSALS[case]
    with pytest.raises(kind, match=text) as refused:
        attempt(ca)
    assert type(refused.value) is kind
    assert len(ca.certificates) == 0
    assert ca.certificates.spent == {}


def test_a_token_is_not_burned_by_a_request_that_fails(ca: Deployment) -> None:
    token = ca.admin.token()
    with pytest.raises(Forbidden):
        ca.sign(make_csr("evil.example"), token)
    assert ca.sign(make_csr("leaf.example"), token).record.names == ("leaf.example",)


def test_the_very_same_request_gets_the_very_same_certificate(ca: Deployment) -> None:
    csr, token = make_csr(), ca.admin.token()
    first = ca.sign(csr, token)
    ca.later(minutes=4)
    assert ca.sign(csr, token).record.der == first.record.der
    assert ca.certificates.serials == [first.record.serial]


@pytest.mark.parametrize("what", ["another-request", "another-date", "another-body"])
def test_a_token_is_not_good_for_anything_else(ca: Deployment, what: str) -> None:
    csr, token = make_csr(), ca.admin.token()
    ca.sign(csr, token, body=b"body")
    again: dict[str, dict[str, Any]] = {
        "another-request": {"csr": make_csr(), "body": b"other"},
        "another-date": {"csr": csr, "validity": wish("", "1h"), "body": b"other"},
        "another-body": {"csr": csr, "body": b"body "},
    }
    with pytest.raises(Unauthenticated, match="used before"):
        ca.sign(token=token, **again[what])
    assert len(ca.certificates) == 1


def test_a_token_without_id_written_in_another_way_is_the_same_token(ca: Deployment) -> None:
    token = ca.admin.token(jti=None)
    ca.sign(token=token)
    with pytest.raises(Unauthenticated, match="used before"):
        ca.sign(token=twin_es256(token))


def test_the_mark_outlives_the_token_and_its_leeway(ca: Deployment) -> None:
    ca.sign()
    (spent,) = ca.certificates.spent.values()
    assert spent.spend.expires_at >= SECOND + timedelta(seconds=TOKEN_SECONDS) + timedelta(minutes=1)


@pytest.mark.parametrize("moment", [0, 1], ids=["before-the-write", "answer-lost-after-the-write"])
def test_a_request_can_be_sent_again_after_an_outage(moment: int) -> None:
    ca = Deployment(faults=Faults(at=moment))
    csr, token = make_csr(), ca.admin.token()
    with pytest.raises(Unavailable):
        ca.sign(csr, token)
    assert len(ca.certificates) == moment
    issued = ca.sign(csr, token)
    assert ca.certificates.serials == [issued.record.serial]


def test_without_its_key_the_authority_is_unavailable(ca: Deployment) -> None:
    issuing = replace(ca.authority.issuing, key_id="intermediate-2")
    ca.change(intermediates=(issuing,))
    with pytest.raises(Unavailable, match="issuing key"):
        ca.sign()


def test_without_settings_the_authority_is_unavailable(ca: Deployment) -> None:
    ca.source.current = None
    with pytest.raises(Unavailable, match="bootstrapped"):
        ca.sign(token="x.y.z")


def test_a_certificate_does_not_outlive_its_issuer(ca: Deployment) -> None:
    ca.later(days=3648, hours=20)
    at = int(ca.clock.now().timestamp())
    token = ca.admin.token(iat=at, nbf=at, exp=at + 300)
    with pytest.raises(ValidityNotAllowed, match="issuing certificate"):
        ca.sign(token=token)


def test_a_start_before_1950_is_refused_even_where_the_claims_permit_it() -> None:
    ca = Deployment(claims={"maxTLSCertDuration": "2562047h"})
    with pytest.raises(ValidityNotAllowed, match="before 1950"):
        ca.sign(validity=wish("1940-01-01T00:00:00Z", "2026-03-01T00:00:00Z"))


def test_a_removed_provisioner_vouches_for_nobody(ca: Deployment) -> None:
    token = ca.admin.token()
    ca.set_provisioners(**{"p-clients": ca.clients.document})
    with pytest.raises(Unauthenticated, match="no provisioner"):
        ca.sign(token=token)


def test_a_provisioner_made_anew_does_not_know_the_tokens_of_the_old_one(ca: Deployment) -> None:
    token = ca.admin.token()
    ca.set_provisioners(**{"p-new": {**ca.admin.document, "key": JWKTokens().document["key"]}})
    with pytest.raises(Unauthenticated):
        ca.sign(token=token)


def test_a_client_certificate_of_this_very_authority_is_no_x5c_credential(ca: Deployment) -> None:
    key = p256()
    own = replace(ca.clients, chain=(ca.leaf(key), ca.ca.intermediate_certificate), key=key)
    with pytest.raises(Unauthenticated, match="does not lead"):
        ca.sign(token=own.token())


def test_an_expired_client_certificate_is_no_x5c_credential() -> None:
    ca = Deployment()
    key, other = p256(), make_ca("Other")
    expired = sign_leaf(other.issuing, key, not_before=NOW - timedelta(days=2), not_after=NOW - timedelta(days=1))
    tokens = replace(ca.clients, chain=(expired, other.intermediate_certificate), key=key)
    ca.set_provisioners(x=replace(tokens, roots=(other.root_certificate,)).document)
    with pytest.raises(Unauthenticated, match="does not lead"):
        ca.sign(token=tokens.token())


def test_the_wish_of_nothing_is_the_default(ca: Deployment) -> None:
    assert ca.sign(validity=RequestedValidity()).record.certificate.not_valid_after_utc == SECOND + timedelta(hours=24)
