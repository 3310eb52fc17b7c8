import json
from datetime import timedelta
from typing import Any

import pytest

from stepless.domain.claims import Claims
from stepless.domain.key_set import KeySet, KeySetSource
from stepless.domain.names import Name, NameType
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners import Grant, Provisioner, parse_provisioner
from stepless.domain.provisioners.instance import FOREVER
from stepless.domain.provisioners.model import RequestNames
from stepless.domain.token import parse_token
from stepless.errors import MalformedRequest, Unauthenticated
from tests.fakes.clock import NOW
from tests.fakes.clouds import TENANT, Azure
from tests.fakes.jose import assemble, hmac_jws, jws, public_jwk, unsigned_jws
from tests.fakes.private_keys import p256, rsa_key
from tests.fakes.tokens import HOST

AZURE = Azure()
OTHER = rsa_key(3072)
AT = int(NOW.timestamp())


def provisioner_of(**changes: object) -> Provisioner:
    return parse_provisioner("id-1", {**AZURE.document, **changes}, Claims())


def verify(token: str, keys: KeySet | None = None, **changes: object) -> Grant:
    """Both steps, as a service takes them."""
    provisioner, parsed = provisioner_of(**changes), parse_token(token)
    assert provisioner.key_source(parsed, now=NOW) is not None
    return provisioner.verify(parsed, now=NOW, keys=keys or AZURE.keys)


def test_a_machine_may_have_the_names_that_it_asks_for_first() -> None:
    grant = verify(AZURE.token())
    assert grant.request_names is RequestNames.GRANTED
    assert grant.common_names == ()
    assert (grant.template_subject, grant.template_names) == ("vm", None)
    assert grant.stamp == provisioner_of().stamp == ProvisionerStamp(5, "azure", TENANT)
    assert grant.principal == "o-1"
    assert not grant.may_revoke
    assert not grant.reusable
    assert grant.spend_until == FOREVER
    assert provisioner_of().lookup_id == TENANT


def test_a_machine_may_have_its_own_name_only_where_others_are_off() -> None:
    grant = verify(AZURE.token(), disableCustomSANs=True)
    assert grant.request_names is RequestNames.AMONG
    assert grant.common_names == ("vm",)
    assert grant.names == grant.template_names == (Name(NameType.DNS, "vm"),)
    token = AZURE.token(xms_mirid=AZURE.resource("my vm"))
    assert verify(token).template_subject == "my vm"
    with pytest.raises(MalformedRequest):
        verify(token, disableCustomSANs=True)


def test_a_template_decides_instead_of_the_request() -> None:
    options = {"x509": {"template": "{}"}}
    assert verify(AZURE.token(), options=options).request_names is RequestNames.IGNORED


@pytest.mark.parametrize(
    "path",
    [
        AZURE.resource(),
        AZURE.resource(kind="Microsoft.ManagedIdentity/userAssignedIdentities"),
        AZURE.resource(kind="microsoft.compute/virtualmachines").upper().replace("VM", "vm"),
    ],
)
def test_machines_and_managed_identities_are_known_in_any_case(path: str) -> None:
    assert verify(AZURE.token(xms_mirid=path)).template_subject == "vm"


def test_all_tokens_of_a_machine_are_one_right_however_its_path_is_written() -> None:
    first = verify(AZURE.token())
    assert verify(AZURE.token(jti="x")).reuse_key == first.reuse_key
    assert verify(AZURE.token(xms_mirid=AZURE.resource().upper())).reuse_key == first.reuse_key
    assert verify(AZURE.token(xms_mirid=AZURE.resource("other"))).reuse_key != first.reuse_key


def test_where_the_first_use_is_not_trusted_a_token_may_be_used_again() -> None:
    grant = verify(AZURE.token(), disableTrustOnFirstUse=True)
    assert grant.reusable
    assert grant.spend_until <= NOW + timedelta(hours=1)
    token = parse_token(AZURE.token())
    later = provisioner_of(disableTrustOnFirstUse=True).verify(token, now=NOW + timedelta(hours=1), keys=AZURE.keys)
    assert later.reuse_key != grant.reuse_key


# --- attacks


CLAIMS = AZURE.claims()
SIGNATURES = {
    "key-type-swapped": assemble({"alg": "RS256", "kid": AZURE.key_id}, CLAIMS, p256(), "ES256"),
    "algorithm-lies": assemble({"alg": "RS512", "kid": AZURE.key_id}, CLAIMS, AZURE.key, "RS256"),
    "another-key-under-its-id": jws({"kid": AZURE.key_id}, CLAIMS, OTHER),
    "key-in-the-header": jws({"kid": "mine", "jwk": public_jwk(OTHER)}, CLAIMS, OTHER),
    "unknown-kid": AZURE.sign(CLAIMS, kid="other"),
    "no-kid": AZURE.sign(CLAIMS, kid=None),
    "another-issuer": AZURE.token(iss="https://sts.windows.net/other/"),
    "no-issuer": AZURE.token(iss=None),
}
UNSIGNED = {
    "unsigned": unsigned_jws({"kid": AZURE.key_id}, CLAIMS),
    "hmac-with-the-jwk": hmac_jws({"kid": AZURE.key_id}, CLAIMS, json.dumps(public_jwk(AZURE.key)).encode()),
    "hmac-with-nothing": hmac_jws({"kid": AZURE.key_id}, CLAIMS, b""),
    "no-algorithm": assemble({"kid": AZURE.key_id}, CLAIMS, AZURE.key, "RS256"),
    "another-audience": AZURE.token(aud="https://vault.azure.net"),
    "audience-without-slash": AZURE.token(aud="https://management.azure.com"),
    "no-audience": AZURE.token(aud=None),
    "another-tenant": AZURE.token(tid="other"),
    "tenant-in-another-case": AZURE.token(tid=TENANT.upper()),
    "no-tenant": AZURE.token(tid=None),
    "no-expiry": AZURE.token(exp=None),
    "expired": AZURE.token(exp=AT - 62),
    "far-future-start": AZURE.token(nbf=AT + 10**8, exp=AT + 2 * 10**8),
    "issued-in-the-future": AZURE.token(iat=AT + 120),
    "no-subject": AZURE.token(sub=None),
    "no-resource": AZURE.token(xms_mirid=None),
    "of-another-kind": AZURE.token(xms_mirid=AZURE.resource(kind="Microsoft.Web/sites")),
    "of-a-kind-that-looks-like-it": AZURE.token(xms_mirid=AZURE.resource(kind="MicrosoftxCompute/virtualMachines")),
    "below-a-machine": AZURE.token(xms_mirid=f"{AZURE.resource()}/extensions/x"),
    "before-a-machine": AZURE.token(xms_mirid=f"/x{AZURE.resource()}"),
    "nameless": AZURE.token(xms_mirid=AZURE.resource("")),
    "line-break-after-a-machine": AZURE.token(xms_mirid=f"{AZURE.resource()}/\n"),
    "bound-to-a-key": AZURE.token(cnf={"jkt": "x"}),
}


@pytest.mark.parametrize("case", [*SIGNATURES, *UNSIGNED])
def test_refuses_a_token_that_does_not_hold(case: str) -> None:
    with pytest.raises(Unauthenticated):
        provisioner_of().verify(parse_token({**SIGNATURES, **UNSIGNED}[case]), now=NOW, keys=AZURE.keys)


@pytest.mark.parametrize("case", UNSIGNED)
def test_garbage_does_not_make_it_ask_for_keys(case: str) -> None:
    with pytest.raises(Unauthenticated):
        provisioner_of().key_source(parse_token(UNSIGNED[case]), now=NOW)


def test_keys_are_those_that_the_tenant_publishes() -> None:
    address = f"https://login.microsoftonline.com/{TENANT}/.well-known/openid-configuration"
    assert provisioner_of().key_source(parse_token(AZURE.token()), now=NOW) == KeySetSource("azure", address)
    with pytest.raises(Unauthenticated, match="no keys"):
        provisioner_of().verify(parse_token(AZURE.token()), now=NOW)


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"b64": False}])
def test_a_token_that_demands_an_extension_does_not_even_get_that_far(header: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match="extension"):
        parse_token(AZURE.sign(CLAIMS, **header))


def test_a_claim_that_is_there_twice_counts_once_and_the_last_one_does() -> None:
    text = json.dumps(CLAIMS)
    doubled = f'{{"tid": "other", {text[1:]}'.encode()
    assert verify(jws({"kid": AZURE.key_id}, doubled, AZURE.key)).template_subject == "vm"
    doubled = f'{text[:-1]}, "tid": "other"}}'.encode()
    with pytest.raises(Unauthenticated, match="tenant"):
        verify(jws({"kid": AZURE.key_id}, doubled, AZURE.key))


# --- who may have a certificate


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ({"resourceGroups": ["x", "shop"], "subscriptionIDs": ["s-1"], "objectIDs": ["o-1"]}, True),
        ({"resourceGroups": [], "subscriptionIDs": None}, True),
        ({"resourceGroups": ["Shop"]}, False),
        ({"subscriptionIDs": ["s-2"]}, False),
        ({"objectIDs": ["o-2"]}, False),
        ({"resourceGroups": ["shop"], "objectIDs": ["o-2"]}, False),
    ],
    ids=str,
)
def test_rules_hold(rules: dict[str, Any], *, allowed: bool) -> None:
    if allowed:
        verify(AZURE.token(), **rules)
    else:
        with pytest.raises(Unauthenticated, match="provisioner allows"):
            verify(AZURE.token(), **rules)


def test_a_rule_for_object_ids_does_not_let_in_who_has_none() -> None:
    with pytest.raises(Unauthenticated, match="object id"):
        verify(AZURE.token(oid=None), objectIDs=["o-1"])


def test_an_audience_of_ones_own_takes_the_place_of_azures() -> None:
    verify(AZURE.token(aud="api://ca"), audience="api://ca")
    with pytest.raises(Unauthenticated, match="audience"):
        verify(AZURE.token(), audience="api://ca")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"tenantID": None}, "tenantID: the id", id="fail/no-tenant"),
        pytest.param({"tenantID": ""}, "tenantID: the id", id="fail/empty-tenant"),
        pytest.param({"tenantID": "a/../b"}, "tenantID: the id", id="fail/tenant-is-a-path"),
        pytest.param({"tenantID": "a?b"}, "tenantID: the id", id="fail/tenant-is-a-query"),
        pytest.param({"tenantID": "x" * 129}, "tenantID: the id", id="fail/long-tenant"),
        pytest.param({"tenantId": "x"}, "tenantId: is spelled tenantID", id="fail/another-spelling"),
        pytest.param({"audience": "x\n"}, "audience: must be", id="fail/audience-with-a-line-break"),
        pytest.param({"audience": f"https://{HOST}/1.0/sign"}, "audience: must be", id="fail/steps-audience"),
        pytest.param({"audience": "step-certificate-authority"}, "audience: must be", id="fail/steps-literal"),
        pytest.param({"objectIDs": "x"}, "objectIDs: must be a list", id="fail/objects-are-text"),
        pytest.param({"resourceGroups": [""]}, "resourceGroups: must be a list", id="fail/empty-group"),
        pytest.param({"instanceAge": "1h"}, "instanceAge: is not for Azure", id="fail/age"),
    ],
)
def test_refuses_a_document_and_says_which_field_is_wrong(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        provisioner_of(**changes)
