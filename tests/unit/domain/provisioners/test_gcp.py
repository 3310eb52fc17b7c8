import json
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
from stepless.errors import Unauthenticated
from tests.fakes.clock import NOW
from tests.fakes.clouds import Google
from tests.fakes.jose import assemble, hmac_jws, jws, public_jwk, unsigned_jws
from tests.fakes.private_keys import p256, rsa_key

GCP = Google()
OTHER = rsa_key(3072)
AT = int(NOW.timestamp())
HOSTS = ("vm.c.shop.internal", "vm.europe-west1-b.c.shop.internal")


def provisioner_of(**changes: object) -> Provisioner:
    return parse_provisioner("id-1", {**GCP.document, **changes}, Claims())


def verify(token: str, keys: KeySet | None = None, **changes: object) -> Grant:
    """Both steps, as a service takes them."""
    provisioner, parsed = provisioner_of(**changes), parse_token(token)
    assert provisioner.key_source(parsed, now=NOW) is not None
    return provisioner.verify(parsed, now=NOW, keys=keys or GCP.keys)


def test_an_instance_may_have_the_names_that_it_asks_for_first() -> None:
    grant = verify(GCP.token())
    assert grant.request_names is RequestNames.GRANTED
    assert grant.common_names == ()
    assert (grant.template_subject, grant.template_names) == ("vm", None)
    details = ("InstanceID", "8087716956832600000", "InstanceName", "vm")
    assert grant.stamp == ProvisionerStamp(3, "google", "113", details)
    assert grant.principal == "8087716956832600000"
    assert not grant.may_revoke
    assert not grant.reusable
    assert grant.spend_until == FOREVER
    provisioner = provisioner_of()
    assert (provisioner.lookup_id, provisioner.fragment) == ("gcp/google", "gcp/google")
    assert provisioner.stamp == ProvisionerStamp(3, "google")


def test_an_instance_may_have_its_own_names_only_where_others_are_off() -> None:
    grant = verify(GCP.token(), disableCustomSANs=True)
    assert grant.request_names is RequestNames.AMONG
    assert grant.common_names == ("vm", "8087716956832600000", *HOSTS)
    assert grant.names == grant.template_names == tuple(Name(NameType.DNS, host) for host in HOSTS)
    assert grant.template_subject == "vm"


def test_a_template_decides_instead_of_the_request() -> None:
    options = {"x509": {"template": "{}"}}
    assert verify(GCP.token(), options=options).request_names is RequestNames.IGNORED
    assert verify(GCP.token(), options=options, disableCustomSANs=True).request_names is RequestNames.AMONG


def test_all_tokens_of_an_instance_are_one_right() -> None:
    first = verify(GCP.token())
    assert verify(GCP.token(iat=AT - 1)).reuse_key == first.reuse_key
    assert verify(GCP.token(GCP.engine(instance_id="1"))).reuse_key != first.reuse_key


def test_where_the_first_use_is_not_trusted_every_token_is_a_right() -> None:
    first = verify(GCP.token(), disableTrustOnFirstUse=True)
    assert not first.reusable
    assert first.spend_until == first.claims.expires_at
    assert verify(GCP.token(), disableTrustOnFirstUse=True).reuse_key == first.reuse_key
    assert verify(GCP.token(iat=AT - 1), disableTrustOnFirstUse=True).reuse_key != first.reuse_key


# --- attacks


CLAIMS = GCP.claims()
SIGNATURES = {
    "key-type-swapped": assemble({"alg": "RS256", "kid": GCP.key_id}, CLAIMS, p256(), "ES256"),
    "algorithm-lies": assemble({"alg": "RS512", "kid": GCP.key_id}, CLAIMS, GCP.key, "RS256"),
    "another-key-under-its-id": jws({"kid": GCP.key_id}, CLAIMS, OTHER),
    "key-in-the-header": jws({"kid": "mine", "jwk": public_jwk(OTHER)}, CLAIMS, OTHER),
    "key-at-an-address": jws({"kid": GCP.key_id, "jku": "https://evil.example"}, CLAIMS, OTHER),
    "unknown-kid": GCP.sign(CLAIMS, kid="other"),
    "no-kid": GCP.sign(CLAIMS, kid=None),
}
UNSIGNED = {
    "unsigned": unsigned_jws({"kid": GCP.key_id}, CLAIMS),
    "unsigned-in-another-case": unsigned_jws({"kid": GCP.key_id, "alg": "None"}, CLAIMS),
    "hmac-with-the-jwk": hmac_jws({"kid": GCP.key_id}, CLAIMS, json.dumps(public_jwk(GCP.key)).encode()),
    "hmac-with-nothing": hmac_jws({"kid": GCP.key_id}, CLAIMS, b""),
    "no-algorithm": assemble({"kid": GCP.key_id}, CLAIMS, GCP.key, "RS256"),
    "another-issuer": GCP.token(iss="https://evil.example"),
    "issuer-without-scheme": GCP.token(iss="accounts.google.com"),
    "no-issuer": GCP.token(iss=None),
    "no-expiry": GCP.token(exp=None),
    "expired": GCP.token(exp=AT - 62),
    "far-future-start": GCP.token(nbf=AT + 10**8, exp=AT + 2 * 10**8),
    "issued-in-the-future": GCP.token(iat=AT + 120),
    "issued-long-ago": GCP.token(iat=AT - 3662),
    "not-told-when-issued": GCP.token(iat=None),
    "no-subject": GCP.token(sub=None),
    "of-a-person": GCP.token(google=None),
    "of-another-service": GCP.token(google={}),
    "odd-instance": GCP.token(google={"compute_engine": ["vm"]}),
    **{
        f"{what}-{name}": GCP.token(GCP.engine(**{name: value}))
        for name in ("instance_id", "instance_name", "project_id", "zone")
        for what, value in (("no", None), ("empty", ""), ("odd", 7))
    },
    "another-project": GCP.token(GCP.engine(project_id="Shop")),
    "bound-to-a-key": GCP.token(cnf={"jkt": "x"}),
}


@pytest.mark.parametrize("case", [*SIGNATURES, *UNSIGNED])
def test_refuses_a_token_that_does_not_hold(case: str) -> None:
    with pytest.raises(Unauthenticated):
        provisioner_of().verify(parse_token({**SIGNATURES, **UNSIGNED}[case]), now=NOW, keys=GCP.keys)


@pytest.mark.parametrize("case", UNSIGNED)
def test_garbage_does_not_make_it_ask_for_keys(case: str) -> None:
    with pytest.raises(Unauthenticated):
        provisioner_of().key_source(parse_token(UNSIGNED[case]), now=NOW)


def test_keys_are_those_that_google_publishes() -> None:
    address = "https://accounts.google.com/.well-known/openid-configuration"
    assert provisioner_of().key_source(parse_token(GCP.token()), now=NOW) == KeySetSource("google", address)
    with pytest.raises(Unauthenticated, match="no keys"):
        provisioner_of().verify(parse_token(GCP.token()), now=NOW)
    with pytest.raises(Unauthenticated, match="not Google's"):
        verify(GCP.token(), keys=GCP.key_set("https://evil.example"))


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"b64": False}])
def test_a_token_that_demands_an_extension_does_not_even_get_that_far(header: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match="extension"):
        parse_token(GCP.sign(CLAIMS, **header))


def test_a_claim_that_is_there_twice_counts_once_and_the_last_one_does() -> None:
    text = json.dumps(CLAIMS)
    doubled = f'{{"iss": "https://evil.example", {text[1:]}'.encode()
    assert verify(jws({"kid": GCP.key_id}, doubled, GCP.key)).template_subject == "vm"
    doubled = f'{text[:-1]}, "iss": "https://evil.example"}}'.encode()
    with pytest.raises(Unauthenticated, match="issuer"):
        verify(jws({"kid": GCP.key_id}, doubled, GCP.key))


# --- who may have a certificate


@pytest.mark.parametrize(
    ("rules", "claims", "allowed"),
    [
        pytest.param({"serviceAccounts": ["113"]}, {}, True, id="account"),
        pytest.param({"serviceAccounts": ["x", "vm@shop.iam.example"]}, {}, True, id="address"),
        pytest.param({"serviceAccounts": ["113"], "projectIDs": None}, {}, True, id="account-of-any-project"),
        pytest.param({"serviceAccounts": ["114"]}, {}, False, id="another-account"),
        pytest.param({"serviceAccounts": ["113"], "projectIDs": ["other"]}, {}, False, id="another-project"),
        pytest.param({"serviceAccounts": ["vm@shop.iam.example"]}, {"email_verified": False}, False, id="not-verified"),
        pytest.param({"serviceAccounts": ["vm@shop.iam.example"]}, {"email": None}, False, id="no-address"),
        pytest.param({"serviceAccounts": ["7"]}, {"email": 7}, False, id="odd-address"),
    ],
)
def test_rules_hold(rules: dict[str, Any], claims: dict[str, Any], *, allowed: bool) -> None:
    if allowed:
        verify(GCP.token(**claims), **rules)
    else:
        with pytest.raises(Unauthenticated, match="provisioner allows"):
            verify(GCP.token(**claims), **rules)


@pytest.mark.parametrize(
    ("age", "created", "allowed"),
    [
        ("30m1s", AT - 1800, True),
        ("29m", AT - 1800, False),
        ("29m", None, False),
        ("29m", True, False),
        ("29m", "now", False),
        ("29m", 10**30, False),
        ("0s", None, True),
    ],
)
def test_an_instance_is_young_enough(age: str, created: object, *, allowed: bool) -> None:
    token = GCP.token(GCP.engine(instance_creation_timestamp=created))
    if allowed:
        verify(token, instanceAge=age)
    else:
        with pytest.raises(Unauthenticated, match="older than"):
            verify(token, instanceAge=age)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"projectIDs": None}, "projectIDs: one", id="fail/no-projects"),
        pytest.param({"projectIDs": []}, "projectIDs: one", id="fail/empty-projects"),
        pytest.param({"projectIDs": "shop"}, "projectIDs: must be a list", id="fail/projects-are-text"),
        pytest.param({"projectIds": ["x"]}, "projectIds: is spelled projectIDs", id="fail/another-spelling"),
        pytest.param({"serviceAccounts": [""]}, "serviceAccounts: must be a list", id="fail/empty-account"),
        pytest.param({"organizationID": "1"}, "organizationID: is not supported", id="fail/organization"),
        pytest.param({"instanceAge": "-1s"}, "instanceAge: cannot be negative", id="fail/negative-age"),
        pytest.param({"disableCustomSANs": "yes"}, "must be true or false", id="fail/switch-is-text"),
    ],
)
def test_refuses_a_document_and_says_which_field_is_wrong(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        provisioner_of(**changes)
