"""Certificate templates of provisioners at issuance: what they are given, and who has the last word."""

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from stepless.domain.policy.document import parse_policy
from stepless.domain.provisioner_extension import read_stamp
from stepless.domain.serial import lineage_of
from stepless.errors import (
    BadTemplateOutput,
    Forbidden,
    IntegrityFailure,
    MalformedRequest,
    NameNotAllowed,
    TemplateFailed,
)
from stepless.services.issue import Issued
from tests.fakes.certificate_requests import make_csr
from tests.fakes.deployment import Deployment, wish
from tests.fakes.tokens import HOST

LEAF = '{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}, "keyUsage": ["digitalSignature"]%s}'


@pytest.fixture
def ca() -> Deployment:
    return Deployment()


def use(ca: Deployment, template: str, **options: Any) -> None:
    """Give both provisioners a template."""
    added = {"options": {"x509": {"template": template, **options}}}
    ca.set_provisioners(**{"p-admin": {**ca.admin.document, **added}, "p-clients": {**ca.clients.document, **added}})


def sign(ca: Deployment, data: object = None, **claims: Any) -> Issued:
    return ca.sign(make_csr(), ca.admin.token("a.test", **claims), template_data=data)


def attributes(issued: Issued, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(found.value) for found in issued.record.certificate.subject.get_attributes_for_oid(oid)]


def test_what_the_request_says_reaches_the_template_as_insecure(ca: Deployment) -> None:
    use(ca, '{"subject": {"commonName": "a.test", "organizationalUnit": {{ toJson .Insecure.User.ou }}}}')
    assert attributes(sign(ca, {"ou": "Eng"}), NameOID.ORGANIZATIONAL_UNIT_NAME) == ["Eng"]


def test_what_the_request_says_is_ignored_without_a_template(ca: Deployment) -> None:
    issued = sign(ca, {"ou": "Eng"})
    assert issued.record.certificate.subject.rfc4514_string() == "CN=a.test"


def test_the_tokens_claims_and_configured_data_reach_the_template(ca: Deployment) -> None:
    template = """{"subject": {
      "commonName": {{ toJson .Token.sub }}, "organization": {{ toJson .Org }}, "country": {{ toJson .Token.user.c }}
    }}"""
    use(ca, template, templateData={"Org": "Acme"})
    issued = sign(ca, user={"c": "CH"})
    assert attributes(issued, NameOID.ORGANIZATION_NAME) == ["Acme"]
    assert attributes(issued, NameOID.COUNTRY_NAME) == ["CH"]


def test_the_certificate_behind_an_x5c_token_reaches_the_template(ca: Deployment) -> None:
    use(ca, '{"subject": {{ toJson .AuthorizationCrt.Subject.CommonName }}, "sans": {{ toJson .SANs }}}')
    issued = ca.sign(make_csr(), ca.clients.token("a.test"))
    assert attributes(issued, NameOID.COMMON_NAME) == ["leaf.example"]
    assert issued.record.names == ("a.test",)


def test_the_request_is_still_held_to_its_token(ca: Deployment) -> None:
    use(ca, '{"subject": "x", "dnsNames": {{ toJson .Insecure.CR.DNSNames }}}')
    with pytest.raises(Forbidden):
        ca.sign(make_csr("", ["b.test"]), ca.admin.token("a.test"))


def test_key_issuer_and_provisioner_are_the_authoritys(ca: Deployment) -> None:
    forged = ', "extensions": [{"id": "1.3.6.1.4.1.37476.9000.64.1", "value": "BQA="}], "issuer": "Somebody"'
    use(ca, LEAF % forged)
    certificate = sign(ca).record.certificate
    certificate.verify_directly_issued_by(ca.ca.intermediate_certificate)
    stamp = read_stamp(certificate)
    assert stamp is not None
    assert stamp.name == "admin"


def test_dates_of_the_template_count_when_the_request_has_none(ca: Deployment) -> None:
    end = ca.clock.now().replace(microsecond=0) + timedelta(hours=2)
    use(ca, LEAF % f', "notAfter": "{end:%Y-%m-%dT%H:%M:%SZ}"')
    assert sign(ca).record.certificate.not_valid_after_utc == end
    asked = ca.sign(make_csr(), ca.admin.token("a.test"), validity=wish(not_after="1h"))
    assert asked.record.certificate.not_valid_after_utc == end - timedelta(hours=1)


def test_names_of_the_template_are_held_to_the_policy(ca: Deployment) -> None:
    use(ca, '{"subject": "a.test", "dnsNames": ["a.test", "admin.test"]}')
    ca.change(policy=parse_policy({"x509": {"deny": {"dns": ["admin.test"]}}}))
    with pytest.raises(NameNotAllowed, match=r"admin\.test"):
        sign(ca)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param('"sans": [{"type": "userPrincipalName", "value": "root@corp"}]', id="field"),
        pytest.param('"extensions": [{"id": "2.5.29.17", "value": "MAWIAyoDBA=="}]', id="extension"),
    ],
)
def test_names_that_no_policy_can_judge_are_refused_under_one(ca: Deployment, names: str) -> None:
    use(ca, f'{{"subject": "a.test", {names}}}')
    sign(ca)
    ca.change(policy=parse_policy({"x509": {"deny": {"dns": ["admin.test"]}}}))
    with pytest.raises(NameNotAllowed, match="cannot be judged"):
        sign(ca)


def test_fail_is_the_callers_to_read(ca: Deployment) -> None:
    use(ca, '{{ fail "nope" }}')
    with pytest.raises(MalformedRequest, match=r"^nope$"):
        sign(ca)


@pytest.mark.parametrize(
    ("template", "error"),
    [
        pytest.param("{{ .Token.sub.deeper }}", TemplateFailed, id="execution"),
        pytest.param("{{ if }}", TemplateFailed, id="syntax"),
        pytest.param("{not json}", BadTemplateOutput, id="not-json"),
        pytest.param('{"subject": "x", "basicConstraints": {"isCA": true}}', BadTemplateOutput, id="ca"),
        pytest.param(LEAF % ', "signatureAlgorithm": "SHA256-RSA"', BadTemplateOutput, id="algorithm-of-another-key"),
    ],
)
def test_a_template_that_does_not_work_issues_nothing_and_spends_no_token(
    ca: Deployment, template: str, error: type[TemplateFailed]
) -> None:
    token, csr = ca.admin.token("a.test"), make_csr()
    use(ca, template)
    with pytest.raises(error):
        ca.sign(csr, token)
    use(ca, LEAF % ', "signatureAlgorithm": "ECDSA-SHA256"')
    assert ca.sign(csr, token).record.names == ("a.test",)


def test_a_serial_of_the_template_is_used_once(ca: Deployment) -> None:
    use(ca, LEAF % ', "serialNumber": "0x1234"')
    record = sign(ca).record
    assert (record.serial, record.lineage) == (0x1234, lineage_of(0x1234))
    with pytest.raises(IntegrityFailure):
        sign(ca)


def test_a_certificate_of_a_template_is_renewed_as_it_is(ca: Deployment) -> None:
    use(ca, LEAF % ', "extKeyUsage": ["clientAuth"], "extensions": [{"id": "1.2.3.4", "value": "BQA="}]')
    old = sign(ca).record.certificate
    use(ca, '{{ fail "not for renewals" }}')
    new = ca.renew(old).record.certificate
    assert {extension.oid for extension in new.extensions} == {extension.oid for extension in old.extensions}
    assert new.subject == old.subject


def test_smallstep_extensions_can_be_left_out(ca: Deployment) -> None:
    added = {"options": {"x509": {"template": LEAF % ""}}, "claims": {"disableSmallstepExtensions": True}}
    ca.set_provisioners(**{"p-admin": {**ca.admin.document, **added}})
    assert read_stamp(sign(ca).record.certificate) is None


def test_claims_of_other_services_are_not_lost(ca: Deployment) -> None:
    use(ca, '{"subject": {{ toJson .Token.aud }}}')
    assert HOST in json.dumps(attributes(sign(ca), NameOID.COMMON_NAME))
