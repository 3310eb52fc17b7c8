"""The settings of K8sSA provisioners: which accounts they let in, and what is refused."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stepless.domain.claims import Claims
from stepless.domain.key_set import KeySet
from stepless.domain.provisioners import Grant, Provisioner, parse_provisioner
from stepless.domain.token import parse_token
from stepless.errors import Unauthenticated
from tests.fakes.clock import NOW
from tests.fakes.kubernetes import AUDIENCE, CLUSTER_ISSUER, Cluster, pem_base64
from tests.fakes.private_keys import rsa_key
from tests.fakes.tokens import HOST

CLUSTER = Cluster()
WHO = "kubernetes.io/serviceaccount/service-account.name"
WHERE = "kubernetes.io/serviceaccount/namespace"


def legacy(cluster: Cluster = CLUSTER, **changes: Any) -> Provisioner:
    return parse_provisioner("id-1", {**cluster.legacy_document, **changes}, Claims())


def bound(cluster: Cluster = CLUSTER, **changes: Any) -> Provisioner:
    return parse_provisioner("id-1", {**cluster.bound_document, **changes}, Claims())


def verify(provisioner: Provisioner, token: str, keys: KeySet | None = None) -> Grant:
    """Both steps, as a service takes them; the key set is the cluster's where one is asked for."""
    parsed = parse_token(token)
    source = provisioner.key_source(parsed, now=NOW)
    return provisioner.verify(parsed, now=NOW, keys=(keys or CLUSTER.keys) if source else None)


# --- pins


@pytest.mark.parametrize(
    ("pins", "allowed"),
    [
        ({"namespaces": ["other", "build"]}, True),
        ({"serviceAccounts": ["build/builder"]}, True),
        ({"namespaces": ["build"], "serviceAccounts": ["build/builder"]}, True),
        ({"namespaces": [], "serviceAccounts": None}, True),
        ({"namespaces": ["Build"]}, False),
        ({"serviceAccounts": ["other/builder", "build/other"]}, False),
        ({"namespaces": ["other"], "serviceAccounts": ["build/builder"]}, False),
    ],
    ids=str,
)
def test_pins_hold_for_both_kinds_of_tokens(pins: dict[str, Any], *, allowed: bool) -> None:
    for provisioner, token in ((legacy(**pins), CLUSTER.legacy()), (bound(**pins), CLUSTER.bound())):
        if allowed:
            verify(provisioner, token)
        else:
            with pytest.raises(Unauthenticated, match="provisioner allows"):
                verify(provisioner, token)


@pytest.mark.parametrize("pins", [{"namespaces": ["build"]}, {"serviceAccounts": ["build/builder"]}], ids=str)
def test_pins_do_not_let_in_who_tells_no_account(pins: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match="provisioner allows"):
        verify(legacy(**pins), CLUSTER.legacy(**{WHO: None, WHERE: None}))


# --- documents


_PRIVATE = rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"publicKeys": None}, "publicKeys: base64 of PEM keys is required", id="fail/no-keys"),
        pytest.param({"publicKeys": ""}, "publicKeys: base64 of PEM keys is required", id="fail/empty-keys"),
        pytest.param({"publicKeys": ["x"]}, "publicKeys: must be text", id="fail/list-of-keys"),
        pytest.param({"publicKeys": "-----"}, "publicKeys: base64", id="fail/not-base64"),
        pytest.param({"publicKeys": "aGVsbG8="}, "publicKeys: 1 to 100 PEM", id="fail/not-pem"),
        pytest.param({"publicKeys": base64.b64encode(_PRIVATE).decode()}, "publicKeys: base64", id="fail/private"),
        pytest.param({"publicKeys": pem_base64(rsa_key(1024))}, "at least 2048 bits", id="fail/weak"),
        pytest.param({"publickeys": "x"}, "publickeys: is spelled publicKeys", id="fail/another-spelling"),
        pytest.param({"Namespaces": ["x"]}, "Namespaces: is spelled namespaces", id="fail/a-pin-that-would-not-count"),
        pytest.param({"namespaces": "x"}, "namespaces: must be a list", id="fail/pin-is-text"),
        pytest.param({"namespaces": [""]}, "namespaces: must be a list", id="fail/empty-pin"),
        pytest.param({"serviceAccounts": ["builder"]}, "like namespace/name", id="fail/account-without-namespace"),
        pytest.param({"serviceAccounts": ["build/"]}, "like namespace/name", id="fail/account-without-name"),
        pytest.param({"issuer": CLUSTER_ISSUER}, "audience: printable", id="fail/issuer-alone"),
        pytest.param({"audience": AUDIENCE}, "issuer: printable", id="fail/audience-alone"),
        pytest.param({"issuer": "x" * 257, "audience": "x"}, "issuer: printable", id="fail/long-issuer"),
        pytest.param({"issuer": "ü", "audience": "x"}, "issuer: printable", id="fail/issuer-not-ascii"),
        pytest.param({"issuer": "kubernetes/serviceaccount", "audience": "x"}, "old clusters", id="fail/old-issuer"),
        pytest.param(
            {"issuer": "x", "audience": "step-certificate-authority"}, "audience: is one of step's", id="fail/literal"
        ),
        pytest.param(
            {"issuer": "x", "audience": f"https://{HOST}/1.0/sign"}, "audience: is one of step's", id="fail/sign"
        ),
        pytest.param(
            {"issuer": "x", "audience": "x", "publicKeys": None}, "issuer: 'x' is not an address", id="fail/no-address"
        ),
        pytest.param(
            {"issuer": "http://x.example", "audience": "x", "publicKeys": None}, "must begin with https", id="fail/http"
        ),
    ],
)
def test_refuses_a_document_and_says_which_field_is_wrong(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        legacy(**changes)


def test_an_issuer_whose_keys_are_given_may_be_any_text() -> None:
    cluster = Cluster(issuer="rancher")
    assert verify(bound(cluster, publicKeys=pem_base64(cluster.key)), cluster.bound()).template_subject == "builder"
