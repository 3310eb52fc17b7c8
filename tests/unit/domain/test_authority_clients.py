"""How the tokens of identity providers find their provisioner (reference §4.1, step 5)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.audience import Operation
from stepless.domain.authority import Authority
from stepless.domain.claims import Claims
from stepless.domain.provisioners import parse_provisioner
from stepless.domain.token import UntrustedToken
from stepless.errors import Unauthenticated
from tests.fakes.clouds import TENANT, Azure
from tests.fakes.identity_provider import IdentityProvider
from tests.fakes.kubernetes import CLUSTER_ISSUER, Cluster
from tests.fakes.tokens import HOST, JWKTokens

JWK = JWKTokens("admin")
JWK_ID = f"admin:{JWK.key_id}"
SIGN = f"https://{HOST}/1.0/sign"
# One client is named as a JWK provisioner is found, one as this authority, one as a tenant of Azure would be.
CLIENTS = ("a", "b", "tenant", JWK_ID, SIGN, "x5c/x", "ghost:k")
AUTHORITY = Authority(
    id="test",
    name="Ephemeral",
    dns_names=(HOST,),
    roots=(),
    intermediates=(),
    provisioners=(
        *(parse_provisioner(c, IdentityProvider(name=c, client_id=c).document, Claims()) for c in CLIENTS),
        parse_provisioner("jwk", JWK.document, Claims()),
        parse_provisioner("old-cluster", Cluster().legacy_document, Claims()),
        parse_provisioner("new-cluster", {**Cluster().bound_document, "name": "new"}, Claims()),
        parse_provisioner("azure", Azure().document, Claims()),
    ),
)


def found(claims: dict[str, Any], key_id: object = "k", operation: Operation = Operation.SIGN) -> str:
    return AUTHORITY.provisioner_for(UntrustedToken("a.b.c", {"kid": key_id}, claims), operation).id


@pytest.mark.parametrize("operation", [Operation.SIGN, Operation.REVOKE])
@pytest.mark.parametrize(
    ("claims", "client"),
    [
        pytest.param({"aud": "a"}, "a", id="audience"),
        pytest.param({"aud": ["a", "b"]}, "a", id="first-audience"),
        pytest.param({"aud": ["x", "a"], "azp": "a"}, "a", id="authorized-party"),
        pytest.param({"aud": "b", "azp": "a"}, "a", id="authorized-party-before-audience"),
        pytest.param({"aud": "a", "azp": "x"}, "a", id="unknown-authorized-party"),
        pytest.param({"aud": "a", "tid": "tenant", "email": "e"}, "a", id="azure-person"),
        pytest.param({"aud": "x", "tid": "tenant", "email": "e"}, "tenant", id="azure-tenant-of-a-person"),
        pytest.param({"aud": "a", "tid": "tenant"}, "tenant", id="azure-machine"),
        pytest.param({"aud": "a", "tid": "x"}, "a", id="unknown-tenant"),
        pytest.param({"aud": "a", "tid": 5, "azp": ["b"], "email": {}}, "a", id="odd-types"),
        pytest.param({"aud": "a", "iss": "admin"}, "a", id="issuer-does-not-matter"),
        pytest.param({"aud": "https://management.azure.com/", "tid": TENANT}, "azure", id="azure-machine-of-a-cloud"),
        pytest.param({"iss": "kubernetes/serviceaccount"}, "old-cluster", id="old-cluster"),
        pytest.param({"iss": "kubernetes/serviceaccount", "aud": "a"}, "old-cluster", id="old-cluster-before-a-client"),
        pytest.param({"iss": CLUSTER_ISSUER, "aud": "x"}, "new-cluster", id="cluster-whatever-the-audience"),
        pytest.param({"iss": CLUSTER_ISSUER, "aud": "a"}, "new-cluster", id="cluster-before-a-client"),
        pytest.param({"iss": f"{CLUSTER_ISSUER}/", "aud": "a"}, "a", id="no-such-cluster"),
    ],
)
def test_the_token_of_a_client_finds_its_provisioner(claims: dict[str, Any], client: str, operation: Operation) -> None:
    assert found(claims, operation=operation) == client


@pytest.mark.parametrize(
    ("claims", "key_id"),
    [
        pytest.param({"aud": "x"}, "k", id="fail/unknown-client"),
        pytest.param({"aud": ["x", "a"]}, "k", id="fail/second-audience"),
        pytest.param({"aud": "A"}, "k", id="fail/another-case"),
        pytest.param({"aud": ""}, "k", id="fail/empty"),
        pytest.param({"aud": []}, "k", id="fail/nobody"),
        pytest.param({"azp": "a"}, "k", id="fail/no-audience"),
        pytest.param({"aud": "https://other.example/sign", "iss": "admin"}, JWK.key_id, id="fail/another-authority"),
        # A token that names this authority goes its own way, and to nobody else when that leads nowhere.
        pytest.param({"aud": SIGN, "iss": "a"}, "k", id="fail/this-authority-and-no-issuer"),
        pytest.param({"aud": SIGN, "iss": "ghost"}, "k", id="fail/issuer-and-key-id-are-named-as-a-client"),
        pytest.param({"aud": [SIGN, "a"], "azp": "a"}, "k", id="fail/this-authority-and-a-client"),
        pytest.param({"aud": ["a", SIGN], "azp": "a"}, "k", id="fail/a-client-and-this-authority"),
        pytest.param({"aud": [f"https://{HOST}/revoke", "a"], "azp": "a"}, "k", id="fail/another-operation"),
        pytest.param({"aud": ["step-certificate-authority", "a"], "azp": "a"}, "k", id="fail/any-authority"),
        pytest.param({"aud": [f"{SIGN}#x5c/x", "a"], "azp": "a"}, "k", id="fail/fragment"),
        pytest.param({"aud": SIGN, "iss": "kubernetes/serviceaccount"}, "k", id="fail/old-cluster-for-this-authority"),
        pytest.param({"aud": [SIGN, "a"], "iss": CLUSTER_ISSUER}, "k", id="fail/cluster-for-this-authority"),
        pytest.param({"aud": f"{SIGN}#k8ssa/k8sSA-default"}, "k", id="fail/fragment-is-a-cluster"),
        pytest.param({"aud": f"{SIGN}#{TENANT}"}, "k", id="fail/fragment-is-a-tenant"),
        pytest.param({"aud": f"{SIGN}#a"}, "k", id="fail/fragment-is-a-client"),
        pytest.param({"aud": f"{SIGN}#x5c/x"}, "k", id="fail/fragment-is-named-as-a-client"),
    ],
)
def test_no_other_token_finds_one(claims: dict[str, Any], key_id: str) -> None:
    with pytest.raises(Unauthenticated, match=r"audience|no provisioner"):
        found(claims, key_id)


def test_a_client_named_as_a_jwk_provisioner_is_found_does_not_get_its_tokens() -> None:
    assert found({"aud": SIGN, "iss": "admin"}, JWK.key_id) == "jwk"
    assert found({"aud": JWK_ID}) == JWK_ID


_TEXTS = st.sampled_from([*CLIENTS, "admin", "x", "", "step-certificate-authority", f"{SIGN}#a"]) | st.text(max_size=4)
_VALUES = _TEXTS | st.lists(_TEXTS, max_size=3) | st.none() | st.integers()


@given(st.dictionaries(st.sampled_from(["aud", "azp", "tid", "email", "iss"]), _VALUES))
def test_whatever_a_token_says_a_jwk_provisioner_gets_only_those_that_name_the_authority(
    claims: dict[str, Any],
) -> None:
    try:
        provisioner = found(claims, JWK.key_id)
    except Unauthenticated:
        return
    stated = claims.get("aud")
    audiences = stated if isinstance(stated, list) else [stated]
    names_us = any(str(text).partition("#")[0] in (SIGN, "step-certificate-authority") for text in audiences)
    assert (provisioner == "jwk") is names_us
