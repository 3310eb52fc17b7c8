"""People with a token of their identity provider: POST /sign, /revoke and /renew."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from stepless.domain.certificate import ProvisionerReference
from stepless.domain.csr import verify_csr
from stepless.domain.key_set import KeySetSource
from stepless.domain.provisioner_extension import ProvisionerStamp, read_stamp
from stepless.errors import (
    BadCSR,
    Forbidden,
    IdentityProviderUnavailable,
    MalformedRequest,
    NameNotAllowed,
    Unauthenticated,
    Unavailable,
    ValidityNotAllowed,
)
from tests.fakes.certificate_requests import make_csr
from tests.fakes.clock import NOW
from tests.fakes.deployment import Deployment, wish
from tests.fakes.faults import Faults
from tests.fakes.identity_provider import CLIENT_ID, ISSUER
from tests.fakes.jose import hmac_jws, twin_es256, unsigned_jws
from tests.fakes.private_keys import p256
from tests.fakes.tokens import HOST

SECOND = NOW.replace(microsecond=0)
ADMIN = "root@x.example"


def with_people(ca: Deployment, **changes: Any) -> Deployment:
    """A deployment in which people may log in, too."""
    documents = {"p-admin": ca.admin.document, "p-clients": ca.clients.document}
    ca.set_provisioners(**documents, **{"p-people": {**ca.idp.document, "admins": [ADMIN], **changes}})
    return ca


@pytest.fixture
def ca() -> Deployment:
    return with_people(Deployment())


def names(certificate: x509.Certificate) -> list[str]:
    return [name.value for name in certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]


def test_a_person_gets_a_certificate_for_who_they_are(ca: Deployment) -> None:
    issued = ca.sign(make_csr("evil.example", ["evil.example"]), ca.idp.token()).record
    assert issued.certificate.subject.rfc4514_string() == "CN=1154"
    assert names(issued.certificate) == ["mike@x.example", f"{ISSUER}#1154"]
    assert read_stamp(issued.certificate) == ProvisionerStamp(2, "people", CLIENT_ID)
    assert issued.provisioner == ProvisionerReference("p-people", "people", "OIDC")
    assert issued.requester == "1154"
    assert issued.certificate.not_valid_after_utc == SECOND + timedelta(hours=24)


def test_an_administrator_gets_a_certificate_for_what_they_ask_for(ca: Deployment) -> None:
    csr = make_csr("host.example", ["host.example", "10.0.0.1"])
    issued = ca.sign(csr, ca.idp.token(email=ADMIN)).record
    assert issued.certificate.subject.rfc4514_string() == "CN=host.example"
    assert issued.names == ("host.example", "10.0.0.1")
    assert issued.requester == "1154"


@pytest.mark.parametrize("names", [(), ("a b",), ("10.0.0.1",), ("x@y",)])
def test_what_an_administrator_asks_for_keeps_to_the_rules_for_names(ca: Deployment, names: tuple[str, ...]) -> None:
    csr = make_csr("" if not names else "host", [x509.DNSName(name) for name in names])
    with pytest.raises((BadCSR, MalformedRequest)):
        ca.sign(csr, ca.idp.token(email=ADMIN))
    with pytest.raises(MalformedRequest, match="common name"):
        ca.sign(make_csr("\x01"), ca.idp.token(email=ADMIN))
    assert ca.certificates.spent == {}


def test_policy_holds_for_people_and_administrators() -> None:
    allowed = {"cn": ["1154"], "dns": ["*.good.example"], "email": ["@x.example"], "uri": ["idp.example"]}
    policy = {"x509": {"allow": allowed}}
    ca = with_people(Deployment(), policy=policy)
    ca.sign(token=ca.idp.token())
    with pytest.raises(NameNotAllowed):
        ca.sign(token=ca.idp.token(email="mike@evil.example"))
    ca.sign(make_csr("a.good.example", ["a.good.example"]), ca.idp.token(email=ADMIN))
    with pytest.raises(NameNotAllowed):
        ca.sign(make_csr("a.evil.example", ["a.evil.example"]), ca.idp.token(email=ADMIN))


def test_the_claims_of_the_provisioner_hold() -> None:
    ca = with_people(Deployment(), claims={"maxTLSCertDuration": "8h", "defaultTLSCertDuration": "8h"})
    assert ca.sign(token=ca.idp.token()).record.certificate.not_valid_after_utc == SECOND + timedelta(hours=8)
    with pytest.raises(ValidityNotAllowed):
        ca.sign(token=ca.idp.token(), validity=wish("", "9h"))


def test_a_token_that_confirms_a_request_is_good_for_that_one(ca: Deployment) -> None:
    csr = make_csr()
    confirmation = {"x5rt#S256": verify_csr(csr).fingerprint_b64url}
    with pytest.raises(Forbidden, match="fingerprint"):
        ca.sign(make_csr(), ca.idp.token(cnf=confirmation))
    ca.sign(csr, ca.idp.token(cnf=confirmation))


def test_keys_are_asked_for_by_the_id_of_the_token_and_for_nobody_else(ca: Deployment) -> None:
    ca.sign(token=ca.idp.token())
    assert ca.key_sets.asked == [(KeySetSource("people", f"{ISSUER}/.well-known/openid-configuration"), ca.idp.key_id)]
    ca.sign(token=ca.admin.token())
    ca.sign(token=ca.clients.token())
    assert len(ca.key_sets.asked) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other"},
        {"azp": "other"},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"nbf": 10**10},
        {"sub": None},
        {"aud": [CLIENT_ID, f"https://{HOST}/sign"]},
    ],
    ids=str,
)
def test_garbage_makes_nobody_call_out(ca: Deployment, changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        ca.sign(token=ca.idp.token(**changes))
    assert ca.key_sets.asked == []


def test_a_token_without_a_real_signature_is_refused(ca: Deployment) -> None:
    header = {"kid": ca.idp.key_id}
    for token in (unsigned_jws(header, ca.idp.claims()), hmac_jws(header, ca.idp.claims(), b"")):
        with pytest.raises(Unauthenticated):
            ca.sign(token=token)
    assert ca.key_sets.asked == []


def test_while_the_provider_is_away_its_people_are_told_and_all_others_go_on(ca: Deployment) -> None:
    ca.key_sets.key_sets.clear()
    token, csr = ca.idp.token(), make_csr()
    with pytest.raises(IdentityProviderUnavailable, match="'people'"):
        ca.sign(csr, token)
    ca.sign(token=ca.admin.token())
    ca.sign(token=ca.clients.token())
    ca.key_sets.key_sets[f"{ISSUER}/.well-known/openid-configuration"] = ca.idp.keys
    assert ca.sign(csr, token).record.requester == "1154"


# --- once


def test_the_very_same_request_gets_the_very_same_certificate(ca: Deployment) -> None:
    csr, token = make_csr(), ca.idp.token()
    first = ca.sign(csr, token)
    ca.later(minutes=50)
    assert ca.sign(csr, token).record.der == first.record.der


@pytest.mark.parametrize("nonce", ["n", None])
def test_a_token_is_not_good_for_anything_else(ca: Deployment, nonce: str | None) -> None:
    token = ca.idp.token(nonce=nonce)
    ca.sign(make_csr(), token)
    for again in (token, twin_es256(token)):
        with pytest.raises(Unauthenticated, match="used before"):
            ca.sign(make_csr(), again)
    assert len(ca.certificates) == 1


def test_a_token_of_the_same_login_is_not_good_for_a_second_certificate(ca: Deployment) -> None:
    ca.sign(token=ca.idp.token(nonce="n"))
    with pytest.raises(Unauthenticated, match="used before"):
        ca.sign(token=ca.idp.token(nonce="n", email="other@x.example"))


def test_a_token_of_long_life_is_remembered_until_it_does_not_count_any_more(ca: Deployment) -> None:
    token = ca.idp.token(exp=int(NOW.timestamp()) + 86_400)
    ca.sign(make_csr(), token)
    (spent,) = ca.certificates.spent.values()
    assert spent.spend.expires_at > SECOND + timedelta(hours=1, minutes=1)
    ca.later(minutes=60, seconds=59)
    with pytest.raises(Unauthenticated, match="used before"):
        ca.sign(make_csr(), token)
    ca.later(seconds=2)
    with pytest.raises(Unauthenticated, match="more than 1:00:00 ago"):
        ca.sign(make_csr(), token)


def test_a_token_is_not_burned_by_a_request_that_fails(ca: Deployment) -> None:
    token = ca.idp.token(email=ADMIN)
    with pytest.raises(BadCSR):
        ca.sign(make_csr("h", [x509.DNSName("10.0.0.1")]), token)
    ca.sign(make_csr("h", ["h.example"]), token)


@pytest.mark.parametrize("moment", [0, 1], ids=["before-the-write", "answer-lost-after-the-write"])
def test_a_request_can_be_sent_again_after_an_outage(moment: int) -> None:
    ca = with_people(Deployment(faults=Faults(at=moment)))
    csr, token = make_csr(), ca.idp.token()
    with pytest.raises(Unavailable, match="outage"):
        ca.sign(csr, token)
    serial = ca.sign(csr, token).record.serial
    assert ca.certificates.serials == [serial]


# --- renewal and revocation


def test_a_persons_certificate_is_not_renewed(ca: Deployment) -> None:
    certificate = ca.sign(token=ca.idp.token()).record.certificate
    with pytest.raises(Unauthenticated, match="renewal is disabled"):
        ca.renew(certificate)
    with pytest.raises(Unauthenticated, match="renewal is disabled"):
        ca.renew(ca.sign(make_csr("h"), ca.idp.token(email=ADMIN)).record.certificate)


def test_a_persons_certificate_is_renewed_where_the_claims_say_so() -> None:
    ca = with_people(Deployment(), claims={"disableRenewal": False})
    key = p256()
    certificate = ca.sign(make_csr(key=key), ca.idp.token()).record.certificate
    assert names(ca.renew(certificate).record.certificate) == names(certificate)


def test_a_person_does_not_revoke(ca: Deployment) -> None:
    # A subject may be any number that a provider chose, even that of a certificate.
    serial = ca.leaf().serial_number
    with pytest.raises(Unauthenticated, match="administrator"):
        ca.revoke(serial, ca.idp.token(sub=str(serial)))
    assert ca.certificates.revocations == {}


def test_an_administrators_token_must_name_the_serial_as_any_other(ca: Deployment) -> None:
    serial = ca.leaf().serial_number
    with pytest.raises(Forbidden, match='token subject "1154" do not match'):
        ca.revoke(serial, ca.idp.token(email=ADMIN))
    assert ca.revoke(serial, ca.idp.token(email=ADMIN, sub=str(serial))) == serial


def test_a_revoking_token_of_garbage_makes_nobody_call_out(ca: Deployment) -> None:
    with pytest.raises(Unauthenticated):
        ca.revoke(1, ca.idp.token(exp=1))
    assert ca.key_sets.asked == []
