"""Service accounts of a Kubernetes cluster: POST /sign, /revoke and /renew."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from stepless.domain.key_set import KeySetSource
from stepless.domain.provisioner_extension import ProvisionerStamp, read_stamp
from stepless.errors import BadCSR, Forbidden, NameNotAllowed, Unauthenticated, Unavailable
from tests.fakes.certificate_requests import make_csr
from tests.fakes.clock import NOW
from tests.fakes.deployment import Deployment
from tests.fakes.faults import Faults
from tests.fakes.kubernetes import AUDIENCE, CLUSTER_ISSUER, Cluster
from tests.fakes.private_keys import p256
from tests.fakes.tokens import HOST

CLUSTER = Cluster()
ADDRESS = f"{CLUSTER_ISSUER}/.well-known/openid-configuration"


def with_clusters(ca: Deployment, **changes: Any) -> Deployment:
    """A deployment that trusts a cluster's tokens of both kinds."""
    ca.set_provisioners(
        **{
            "p-admin": ca.admin.document,
            "p-old": {**CLUSTER.legacy_document, "name": "old", **changes},
            "p-new": {**CLUSTER.bound_document, "name": "new", **changes},
        }
    )
    ca.key_sets.key_sets[ADDRESS] = CLUSTER.keys
    return ca


@pytest.fixture
def ca() -> Deployment:
    return with_clusters(Deployment())


TOKENS = {"old": CLUSTER.legacy(), "new": CLUSTER.bound()}


@pytest.mark.parametrize("kind", TOKENS)
def test_an_account_gets_a_certificate_for_what_it_asks_for(ca: Deployment, kind: str) -> None:
    issued = ca.sign(make_csr("k.example", ["k.example", "10.0.0.1"]), TOKENS[kind]).record
    assert issued.certificate.subject.rfc4514_string() == "CN=k.example"
    assert issued.names == ("k.example", "10.0.0.1")
    assert read_stamp(issued.certificate) == ProvisionerStamp(8, kind)
    assert issued.requester == "system:serviceaccount:build:builder"
    asked = [(KeySetSource("new", ADDRESS), CLUSTER.keys.keys[0].key_id)] if kind == "new" else []
    assert ca.key_sets.asked == asked


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_is_good_for_any_number_of_requests(ca: Deployment, kind: str) -> None:
    serials = {ca.sign(make_csr("k.example"), TOKENS[kind]).record.serial for _ in range(3)}
    assert len(serials) == 3


@pytest.mark.parametrize("kind", TOKENS)
def test_the_very_same_request_gets_the_very_same_certificate(ca: Deployment, kind: str) -> None:
    csr = make_csr("k.example")
    first = ca.sign(csr, TOKENS[kind]).record
    ca.later(minutes=10)
    assert ca.sign(csr, TOKENS[kind]).record.der == first.der


def test_the_same_request_next_day_gets_a_new_certificate_even_if_the_mark_was_not_cleaned(ca: Deployment) -> None:
    csr = make_csr("k.example")
    first = ca.sign(csr, TOKENS["old"]).record
    (right,) = ca.certificates.spent.values()
    assert right.spend.expires_at == NOW + timedelta(hours=1, minutes=2)
    ca.later(days=1)
    assert ca.sign(csr, TOKENS["old"]).record.serial != first.serial


@pytest.mark.parametrize("moment", [0, 1], ids=["before-the-write", "answer-lost-after-the-write"])
def test_a_request_can_be_sent_again_after_an_outage(moment: int) -> None:
    ca = with_clusters(Deployment(faults=Faults(at=moment)))
    csr = make_csr("k.example")
    with pytest.raises(Unavailable, match="outage"):
        ca.sign(csr, TOKENS["old"])
    serial = ca.sign(csr, TOKENS["old"]).record.serial
    assert ca.certificates.serials == [serial]


def test_a_request_that_names_nobody_is_refused(ca: Deployment) -> None:
    with pytest.raises(BadCSR, match="names nobody"):
        ca.sign(make_csr(), TOKENS["old"])


def test_nothing_else_of_the_requests_subject_is_certified(ca: Deployment) -> None:
    csr = make_csr("k.example", subject=[x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Root")])
    assert ca.sign(csr, TOKENS["old"]).record.certificate.subject.rfc4514_string() == "CN=k.example"


def test_policy_holds() -> None:
    ca = with_clusters(Deployment(), policy={"x509": {"allow": {"dns": ["*.good.example"]}}})
    ca.sign(make_csr("a.good.example", ["a.good.example"]), TOKENS["old"])
    with pytest.raises(NameNotAllowed):
        ca.sign(make_csr("a.evil.example", ["a.evil.example"]), TOKENS["old"])


def test_a_template_knows_the_account_and_the_claims_and_no_names() -> None:
    template = (
        '{"subject": {{ toJson .Subject.CommonName }}, "dnsNames": '
        '"{{ .Subject.CommonName }}.{{ index .Token "kubernetes.io/serviceaccount/namespace" }}.svc", '
        '"sans": {{ toJson .SANs }}}'
    )
    ca = with_clusters(Deployment(), options={"x509": {"template": template}})
    for csr in (make_csr(), make_csr("evil.example", ["evil.example"])):
        issued = ca.sign(csr, TOKENS["old"]).record
        assert issued.certificate.subject.rfc4514_string() == "CN=builder"
        assert issued.names == ("builder.build.svc",)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param(CLUSTER.bound_claims(aud="other"), id="fail/another-audience"),
        pytest.param(CLUSTER.bound_claims(iss="https://evil.example"), id="fail/another-issuer"),
        pytest.param(CLUSTER.bound_claims(aud=[AUDIENCE, f"https://{HOST}/sign"]), id="fail/this-authority-too"),
        pytest.param(CLUSTER.bound_claims(iss="kubernetes/serviceaccount", sub=None), id="fail/mixed"),
        pytest.param(CLUSTER.legacy_claims(aud=f"https://{HOST}/1.0/sign"), id="fail/old-and-this-authority"),
        pytest.param(CLUSTER.legacy_claims(iss=None), id="fail/no-issuer"),
    ],
)
def test_another_token_is_refused_and_makes_nobody_call_out(ca: Deployment, claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        ca.sign(make_csr("k.example"), CLUSTER.sign(claims))
    assert ca.key_sets.asked == []


def test_a_certificate_is_renewed(ca: Deployment) -> None:
    certificate = ca.sign(make_csr("k.example", key=p256()), TOKENS["old"]).record.certificate
    assert ca.renew(certificate).record.certificate.subject == certificate.subject
    renewed = with_clusters(Deployment(ca=ca.ca), claims={"disableRenewal": True})
    with pytest.raises(Unauthenticated, match="renewal is disabled"):
        renewed.renew(certificate)


@pytest.mark.parametrize("kind", TOKENS)
def test_an_account_does_not_revoke_as_its_subject_is_no_serial(ca: Deployment, kind: str) -> None:
    serial = ca.leaf().serial_number
    with pytest.raises(Forbidden, match="do not match"):
        ca.revoke(serial, TOKENS[kind])
    assert ca.certificates.revocations == {}


def test_the_names_are_in_the_certificate_as_they_were_asked_for(ca: Deployment) -> None:
    certificate = ca.sign(make_csr("k.example"), TOKENS["old"]).record.certificate
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
