"""Machines of AWS, GCP and Azure: POST /sign, /revoke and /renew."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from stepless.domain.provisioner_extension import ProvisionerStamp, read_stamp
from stepless.errors import BadCSR, Forbidden, NameNotAllowed, Unauthenticated, Unavailable
from tests.fakes.certificate_requests import make_csr
from tests.fakes.clock import NOW
from tests.fakes.clouds import TENANT, Amazon, Azure, Google
from tests.fakes.deployment import Deployment
from tests.fakes.faults import Faults
from tests.fakes.private_keys import p256
from tests.fakes.tokens import HOST, renew_token

AWS, GCP, AZURE = Amazon(), Google(), Azure()
CLOUDS: dict[str, Amazon | Google | Azure] = {"AWS": AWS, "GCP": GCP, "Azure": AZURE}
STAMPS = {
    "AWS": ProvisionerStamp(4, "amazon", "123456789012", ("InstanceID", "i-0abc")),
    "GCP": ProvisionerStamp(3, "google", "113", ("InstanceID", "8087716956832600000", "InstanceName", "vm")),
    "Azure": ProvisionerStamp(5, "azure", TENANT),
}
# The names that each cloud gave its machine, and one of them that its request may state as common name.
OWN = {
    "AWS": ("ip-10-1-2-3.eu-west-1.compute.internal", "10.1.2.3"),
    "GCP": ("vm.c.shop.internal", "vm.europe-west1-b.c.shop.internal"),
    "Azure": ("vm",),
}
OWN_TOKENS = {"AWS": AWS.token(sub="10.1.2.3"), "GCP": GCP.token(), "Azure": AZURE.token()}
COMMON_NAMES = {"AWS": "10.1.2.3", "GCP": "vm", "Azure": "vm"}
GOOGLE_KEYS = "https://accounts.google.com/.well-known/openid-configuration"
AZURE_KEYS = f"https://login.microsoftonline.com/{TENANT}/.well-known/openid-configuration"


def with_clouds(ca: Deployment, **changes: Any) -> Deployment:
    """A deployment that trusts three clouds."""
    documents = {f"p-{kind}": {**cloud.document, **changes} for kind, cloud in CLOUDS.items()}
    ca.set_provisioners(**{"p-admin": ca.admin.document, **documents})
    ca.key_sets.key_sets.update({GOOGLE_KEYS: GCP.keys, AZURE_KEYS: AZURE.keys})
    return ca


@pytest.fixture
def ca() -> Deployment:
    return with_clouds(Deployment())


@pytest.fixture(params=CLOUDS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_a_machine_gets_a_certificate_for_what_it_asks_for_first(ca: Deployment, kind: str) -> None:
    issued = ca.sign(make_csr("vm.example", ["vm.example", "10.0.0.1"]), CLOUDS[kind].token()).record
    assert issued.certificate.subject.rfc4514_string() == "CN=vm.example"
    assert issued.names == ("vm.example", "10.0.0.1")
    assert read_stamp(issued.certificate) == STAMPS[kind]
    assert [source.discovery_url for source, _ in ca.key_sets.asked] == {
        "AWS": [],
        "GCP": [GOOGLE_KEYS],
        "Azure": [AZURE_KEYS],
    }[kind]


def test_a_machine_gets_no_second_one_with_any_token_however_late(ca: Deployment, kind: str) -> None:
    cloud = CLOUDS[kind]
    ca.sign(make_csr("vm.example"), cloud.token())
    for token in (cloud.token(), cloud.token(jti="another")):
        with pytest.raises(Unauthenticated, match="used before"):
            ca.sign(make_csr("vm.example"), token)
    assert len(ca.certificates) == 1
    (right,) = ca.certificates.spent.values()
    assert right.spend.expires_at > NOW + timedelta(days=365_000)


def test_another_provisioner_does_not_know_of_it(ca: Deployment, kind: str) -> None:
    cloud = CLOUDS[kind]
    ca.sign(make_csr("vm.example"), cloud.token())
    ca.set_provisioners(**{"p-again": cloud.document})
    ca.sign(make_csr("vm.example"), cloud.token())


def test_the_very_same_request_gets_the_very_same_certificate(ca: Deployment, kind: str) -> None:
    csr, token = make_csr("vm.example"), CLOUDS[kind].token()
    first = ca.sign(csr, token).record
    ca.later(minutes=4)
    assert ca.sign(csr, token).record.der == first.der


def test_a_machine_is_not_locked_out_by_a_request_that_fails(ca: Deployment, kind: str) -> None:
    with pytest.raises(BadCSR):
        ca.sign(make_csr(), CLOUDS[kind].token())
    ca.sign(make_csr("vm.example"), CLOUDS[kind].token())


@pytest.mark.parametrize("moment", [0, 1], ids=["before-the-write", "answer-lost-after-the-write"])
def test_a_request_can_be_sent_again_after_an_outage(kind: str, moment: int) -> None:
    ca = with_clouds(Deployment(faults=Faults(at=moment)))
    csr, token = make_csr("vm.example"), CLOUDS[kind].token()
    with pytest.raises(Unavailable, match="outage"):
        ca.sign(csr, token)
    serial = ca.sign(csr, token).record.serial
    assert ca.certificates.serials == [serial]


def test_where_the_first_use_is_not_trusted_a_machine_gets_more(kind: str) -> None:
    ca = with_clouds(Deployment(), disableTrustOnFirstUse=True)
    cloud = CLOUDS[kind]
    token = cloud.token()
    ca.sign(make_csr("vm.example"), token)
    ca.sign(make_csr("vm.example"), cloud.token(jti="another"))
    if kind == "Azure":  # which hands out the same token for a day
        ca.sign(make_csr("vm.example"), token)
    else:
        with pytest.raises(Unauthenticated, match="used before"):
            ca.sign(make_csr("vm.example"), token)


def test_where_other_names_are_off_a_machine_gets_all_of_its_own(kind: str) -> None:
    ca = with_clouds(Deployment(), disableCustomSANs=True)
    csr = make_csr(COMMON_NAMES[kind], OWN[kind][:1])
    issued = ca.sign(csr, OWN_TOKENS[kind]).record
    assert issued.certificate.subject.rfc4514_string() == f"CN={COMMON_NAMES[kind]}"
    assert issued.names == OWN[kind]


@pytest.mark.parametrize(
    ("common_name", "names"),
    [("evil.example", ()), ("", ("evil.example",)), ("", ("10.0.0.1",)), ("", ("a@x.example",)), ("", ("spiffe://x",))],
    ids=str,
)
def test_where_other_names_are_off_no_other_is_certified(kind: str, common_name: str, names: tuple[str, ...]) -> None:
    for options in ({}, {"x509": {"template": '{"subject": {{ toJson .Insecure.CR.Subject }}}'}}):
        ca = with_clouds(Deployment(), disableCustomSANs=True, options=options)
        with pytest.raises(Forbidden):
            ca.sign(make_csr(common_name, names), OWN_TOKENS[kind])
        assert ca.certificates.spent == {}


def test_the_common_name_of_an_aws_request_is_the_tokens_subject(ca: Deployment) -> None:
    with pytest.raises(Forbidden, match="valid common name"):
        ca.sign(make_csr("other.example", ["other.example"]), AWS.token(sub="vm.example"))
    ca.sign(make_csr("", ["other.example"]), AWS.token(sub="vm.example"))


def test_a_template_knows_the_machine_and_its_own_names(kind: str) -> None:
    template = '{"subject": {{ toJson .Subject.CommonName }}, "sans": {{ toJson .SANs }}}'
    options = {"x509": {"template": template}}
    subject = "10.1.2.3" if kind == "AWS" else "vm"
    own = with_clouds(Deployment(), disableCustomSANs=True, options=options)
    issued = own.sign(make_csr(), OWN_TOKENS[kind]).record
    assert (issued.certificate.subject.rfc4514_string(), issued.names) == (f"CN={subject}", OWN[kind])
    ca = with_clouds(Deployment(), options=options)
    issued = ca.sign(make_csr("", ["evil.example"]), OWN_TOKENS[kind]).record
    assert (issued.certificate.subject.rfc4514_string(), issued.names) == (f"CN={subject}", ())


def test_policy_holds(kind: str) -> None:
    ca = with_clouds(Deployment(), policy={"x509": {"allow": {"dns": ["*.good.example"]}}})
    with pytest.raises(NameNotAllowed):
        ca.sign(make_csr("", ["vm.evil.example"]), CLOUDS[kind].token())
    ca.sign(make_csr("", ["vm.good.example"]), CLOUDS[kind].token())


def test_a_certificate_is_renewed(ca: Deployment, kind: str) -> None:
    certificate = ca.sign(make_csr("vm.example", ["vm.example"]), CLOUDS[kind].token()).record.certificate
    renewed = ca.renew(certificate).record.certificate
    assert read_stamp(renewed) == STAMPS[kind]
    names = x509.SubjectAlternativeName
    assert renewed.extensions.get_extension_for_class(names) == certificate.extensions.get_extension_for_class(names)


def test_a_certificate_is_renewed_by_token_again_and_again(ca: Deployment, kind: str) -> None:
    key = p256()
    certificate = ca.sign(make_csr("vm.example", key=key), CLOUDS[kind].token()).record.certificate
    for number in range(3):
        certificate = ca.renew(token=renew_token(certificate, key, jti=str(number))).record.certificate
    assert read_stamp(certificate) == STAMPS[kind]


REVOKING = {
    "AWS": lambda serial: AWS.token(sub=serial, aud=f"https://{HOST}/1.0/revoke#aws/amazon"),
    "GCP": lambda serial: GCP.token(sub=serial, aud=f"https://{HOST}/1.0/revoke#gcp/google"),
    "Azure": lambda serial: AZURE.token(sub=serial),
}


def test_a_machine_does_not_revoke(ca: Deployment, kind: str) -> None:
    serial = ca.leaf().serial_number
    with pytest.raises(Unauthenticated):
        ca.revoke(serial, REVOKING[kind](str(serial)))
    assert ca.certificates.revocations == {}


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(AWS.token(aud=f"https://{HOST}/1.0/sign"), id="fail/aws-without-fragment"),
        pytest.param(AWS.token(aud=f"https://{HOST}/1.0/sign#aws/other"), id="fail/aws-another-fragment"),
        pytest.param(AWS.token(aud=f"https://{HOST}/1.0/sign#gcp/google"), id="fail/aws-fragment-of-gcp"),
        pytest.param(AWS.token(aud="https://other.example/1.0/sign#aws/amazon"), id="fail/aws-another-authority"),
        pytest.param(AWS.token(aud=f"https://{HOST}/1.0/revoke#aws/amazon"), id="fail/aws-another-operation"),
        pytest.param(GCP.token(aud=f"https://{HOST}/1.0/sign"), id="fail/gcp-without-fragment"),
        pytest.param(GCP.token(aud="https://other.example/1.0/sign#gcp/google"), id="fail/gcp-another-authority"),
        pytest.param(GCP.token(aud="32555940559.apps.example"), id="fail/gcp-of-a-client"),
        pytest.param(AZURE.token(tid="other"), id="fail/azure-another-tenant"),
        pytest.param(
            AZURE.token(aud=["https://management.azure.com/", f"https://{HOST}/sign"]), id="fail/azure-and-us"
        ),
    ],
)
def test_a_token_for_somebody_else_finds_nobody_and_makes_nobody_call_out(ca: Deployment, token: str) -> None:
    with pytest.raises(Unauthenticated):
        ca.sign(make_csr("vm.example"), token)
    assert ca.key_sets.asked == []
