"""Name policies at issuance and renewal: the provisioner's and the authority's, both of today."""

from typing import Any

import pytest
from cryptography import x509

from stepless.domain.policy.document import parse_policy
from stepless.domain.provisioner_extension import encode_stamp
from stepless.errors import NameNotAllowed, ValidityNotAllowed
from tests.fakes.certificate_requests import make_csr
from tests.fakes.deployment import Deployment, wish
from tests.fakes.ephemeral_ca import CLIENT_PROFILE, sign_leaf
from tests.fakes.private_keys import p256


def only(**rules: list[str]) -> dict[str, Any]:
    return {"x509": {"allow": rules}}


@pytest.fixture
def ca() -> Deployment:
    return Deployment()


def sign(ca: Deployment, *names: str) -> tuple[str, ...]:
    return ca.sign(make_csr(), ca.admin.token(names[0], sans=list(names))).record.names


def refusal_of(ca: Deployment, *names: str) -> str:
    with pytest.raises(NameNotAllowed) as refusal:
        sign(ca, *names)
    return refusal.value.detail


def test_a_name_that_the_authority_does_not_allow_is_refused_with_the_rule(ca: Deployment) -> None:
    ca.change(policy=parse_policy(only(dns=["*.test"])))
    assert sign(ca, "a.test") == ("a.test",)
    rule = "authority policy: no rule of x509.allow.dns matches it"
    assert refusal_of(ca, "a.b.test") == f'dns name "a.b.test" not allowed: {rule}'
    assert refusal_of(ca, "a.test", "10.0.0.1").startswith('ip name "10.0.0.1" not allowed: authority policy')


def test_provisioner_and_authority_must_both_allow(ca: Deployment) -> None:
    ca.set_provisioners(**{"p-admin": {**ca.admin.document, "policy": only(dns=["*.test", "*.example"])}})
    ca.change(policy=parse_policy(only(dns=["*.test", "*.other"])))
    assert sign(ca, "a.test") == ("a.test",)
    assert 'provisioner "admin" policy' in refusal_of(ca, "a.other")
    assert "authority policy" in refusal_of(ca, "a.example")


def test_the_subjects_common_name_is_judged_too(ca: Deployment) -> None:
    ca.change(policy=parse_policy({"x509": {"allow": {"dns": ["*.test"]}, "deny": {"cn": ["Root"]}}}))
    with pytest.raises(NameNotAllowed, match=r"the rule x509\.deny\.cn"):
        ca.sign(make_csr(), ca.admin.token("root", sans=["a.test"]))


def test_dates_are_refused_before_names_as_step_ca_does(ca: Deployment) -> None:
    ca.change(policy=parse_policy(only(dns=["*.test"])))
    with pytest.raises(ValidityNotAllowed):
        ca.sign(make_csr(), ca.admin.token("a.example"), validity=wish(not_after="1m"))


def test_a_refused_name_spends_no_token(ca: Deployment) -> None:
    token, csr = ca.admin.token("a.example"), make_csr()
    ca.change(policy=parse_policy(only(dns=["*.test"])))
    with pytest.raises(NameNotAllowed):
        ca.sign(csr, token)
    ca.change(policy=parse_policy({}))
    assert ca.sign(csr, token).record.names == ("a.example",)


@pytest.mark.parametrize("scope", ["authority", "provisioner"])
def test_renewal_and_rekeying_keep_to_the_policy_of_today(ca: Deployment, scope: str) -> None:
    old = ca.leaf(subject="a.example")
    ca.renew(old)
    if scope == "authority":
        ca.change(policy=parse_policy(only(dns=["*.test"])))
    else:
        ca.set_provisioners(**{"p-admin": {**ca.admin.document, "policy": only(dns=["*.test"])}})
    with pytest.raises(NameNotAllowed, match=r'dns name "a\.example" not allowed'):
        ca.renew(old)


def test_a_name_that_no_rule_can_speak_of_is_not_renewed_under_a_policy(ca: Deployment) -> None:
    admin = ca.authority.provisioner_named("admin")
    assert admin is not None
    other = x509.SubjectAlternativeName([x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))])
    old = sign_leaf(
        ca.ca.issuing, p256(), extensions=[*CLIENT_PROFILE, (other, False), (encode_stamp(admin.stamp), False)]
    )  # fmt: skip
    ca.change(policy=parse_policy({"x509": {"deny": {"dns": ["other.test"]}}}))
    with pytest.raises(NameNotAllowed, match="cannot be judged"):
        ca.renew(old)
