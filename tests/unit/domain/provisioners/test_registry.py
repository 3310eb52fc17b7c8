from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.claims import Claims
from stepless.domain.policy.document import policy_document
from stepless.domain.provisioners import UnusableProvisioner, parse_provisioner, read_provisioner
from stepless.domain.template import CertificateTemplate
from tests.fakes.jose import public_jwk
from tests.fakes.kubernetes import Cluster
from tests.fakes.private_keys import p256
from tests.fakes.tokens import JWKTokens

DOCUMENT = JWKTokens().document
CLUSTER = Cluster().legacy_document


def test_the_type_is_matched_without_case_and_the_document_stays() -> None:
    document = {**DOCUMENT, "type": "jwk", "futureField": 1}
    provisioner = parse_provisioner("id", document, Claims())
    assert provisioner.type == "JWK"
    assert provisioner.document == document


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"name": None}, "name: printable text", id="fail/no-name"),
        pytest.param({"name": ""}, "name: printable text", id="fail/empty-name"),
        pytest.param({"name": 1}, "name: printable text", id="fail/name-is-a-number"),
        pytest.param({"name": "x" * 129}, "1 to 128 characters", id="fail/long-name"),
        pytest.param({"name": "a\nb"}, "name: printable text", id="fail/name-with-a-line-break"),
        pytest.param(
            {"type": None},
            "type: None is not supported; supported are AWS, AZURE, GCP, JWK, K8SSA, OIDC, X5C",
            id="fail/no-type",
        ),
        pytest.param({"type": "Nebula"}, "'Nebula' is not supported", id="fail/another-type"),
        pytest.param({"type": ["JWK"]}, "is not supported", id="fail/type-is-a-list"),
        pytest.param({"options": ["x509"]}, "options: must be an object", id="fail/options-are-a-list"),
        pytest.param({"options": {"x509": {"template": "?"}}}, "options.x509.template: neither", id="fail/template"),
        pytest.param({"options": {"webhooks": [{}]}}, r"options.webhooks\[0\].name: printable", id="fail/webhook"),
        pytest.param({"Options": {"x509": {"template": "{}"}}}, "Options: write options", id="fail/misspelt-options"),
        pytest.param({"options": {"SSH": {"template": "{}"}}}, "options: ssh is not supported", id="fail/ssh"),
        pytest.param({"policy": {"x509": {"allow": {"dns": ["a b"]}}}}, r"x509.allow.dns\[0\]", id="fail/policy"),
        pytest.param({"claims": {"maxTLSCertDuration": "1m"}}, "claims: 0 < min", id="fail/claims"),
        pytest.param({"claims": ["1h"]}, "claims: must be an object", id="fail/claims-are-a-list"),
        pytest.param({"claims": {"minHostSSHCertDuration": ""}}, "minHostSSH|duration", id="fail/empty-ssh-duration"),
    ],
)
def test_refuses_a_document_and_says_which_field_is_wrong(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_provisioner("id", {**DOCUMENT, **changes}, Claims())
    unusable = read_provisioner("id", {**DOCUMENT, **changes}, Claims())
    assert isinstance(unusable, UnusableProvisioner)
    assert unusable.id == "id"


@pytest.mark.parametrize("options", [None, {}])
def test_empty_options_ask_for_nothing(options: object) -> None:
    parse_provisioner("id", {**DOCUMENT, "options": options}, Claims())


def test_claims_go_over_those_of_the_authority_and_are_shown_as_go_prints_them() -> None:
    outer = Claims(disable_renewal=True)
    provisioner = parse_provisioner("id", {**DOCUMENT, "claims": {"defaultTLSCertDuration": "90m"}}, outer)
    assert provisioner.claims.default_tls_duration == timedelta(minutes=90)
    assert provisioner.claims.disable_renewal
    assert provisioner.document["claims"] == {"defaultTLSCertDuration": "1h30m0s"}


def test_template_and_policy_are_read_from_steps_places() -> None:
    options = {"x509": {"template": "{}", "templateData": {"OU": "Eng"}}}
    policy = {"x509": {"allow": {"dns": ["*.test"]}}}
    provisioner = parse_provisioner("id", {**DOCUMENT, "options": options, "policy": policy}, Claims())
    assert provisioner.template == CertificateTemplate("{}", {"OU": "Eng"})
    assert policy_document(provisioner.policy) == policy


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
_JWK = public_jwk(p256())
_KEYS = st.dictionaries(
    st.sampled_from([*_JWK, "d", "n", "e", "key_ops", "x5c", "k"]),
    _JSON | st.sampled_from([*_JWK.values(), "OKP", "RSA", "oct", "Ed25519", "P-384", "enc", "AQAB"]),
)

_CLUSTERS_AND_CLOUDS = ("K8sSA", "AWS", "GCP", "Azure")
_TEXTS = st.sampled_from(["https://idp.example", "stepless", "1h", "-1h", "a/b", "LS0t", CLUSTER["publicKeys"]])


@pytest.mark.filterwarnings("ignore:Key size should be")  # the library's word for what is refused here
@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["JWK", "X5C", "jwk", *_CLUSTERS_AND_CLOUDS]) | _JSON, "name": st.just("n") | _JSON},
        optional={
            "key": _JSON | _KEYS | _KEYS.map(lambda changes: {**_JWK, **changes}),
            "roots": _JSON,
            "claims": _JSON,
            "options": _JSON | st.fixed_dictionaries({"x509": _JSON}) | st.fixed_dictionaries({"webhooks": _JSON}),
            "policy": _JSON | st.fixed_dictionaries({"x509": _JSON}),
            "encryptedKey": _JSON,
            **dict.fromkeys(("publicKeys", "issuer", "audience", "tenantID", "organizationID"), _JSON | _TEXTS),
            **dict.fromkeys(("instanceAge", "iidRoots"), _JSON | _TEXTS),
            **dict.fromkeys(("namespaces", "serviceAccounts", "accounts", "imdsVersions", "projectIDs"), _JSON),
            **dict.fromkeys(("disableCustomSANs", "disableTrustOnFirstUse"), _JSON),
        },
    )
)
def test_any_document_is_a_provisioner_or_an_unusable_one(document: dict[str, Any]) -> None:
    # One bad entry in the settings must not take the authority down.
    provisioner = read_provisioner("id", document, Claims())
    assert provisioner.id == "id"
    if not isinstance(provisioner, UnusableProvisioner):
        assert provisioner.escrow is None or provisioner.escrow.encrypted_key
