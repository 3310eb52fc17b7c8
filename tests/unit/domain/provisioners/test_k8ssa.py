import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from stepless.domain.claims import Claims
from stepless.domain.key_set import KeySet, KeySetSource
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners import Grant, Provisioner, parse_provisioner
from stepless.domain.provisioners.model import RequestNames
from stepless.domain.token import parse_token
from stepless.errors import Unauthenticated
from tests.fakes.clock import NOW
from tests.fakes.ephemeral_ca import make_ca, sign_leaf
from tests.fakes.jose import assemble, hmac_jws, jws, public_jwk, unsigned_jws
from tests.fakes.kubernetes import AUDIENCE, CLUSTER_ISSUER, Cluster, pem_base64
from tests.fakes.private_keys import SUBJECT_KEYS, p256, rsa_key

CLUSTER = Cluster()
OTHER = p256()
AT = int(NOW.timestamp())
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


@pytest.mark.parametrize(
    ("provisioner", "token"), [(legacy(), CLUSTER.legacy()), (bound(), CLUSTER.bound())], ids=["legacy", "bound"]
)
def test_a_service_account_may_have_the_names_that_it_asks_for(provisioner: Provisioner, token: str) -> None:
    grant = verify(provisioner, token)
    assert grant.request_names is RequestNames.GRANTED
    assert grant.claims.subject == "system:serviceaccount:build:builder"
    assert (grant.template_subject, grant.template_names) == ("builder", None)
    assert grant.reusable
    assert grant.credential is None
    assert provisioner.stamp == ProvisionerStamp(8, "cluster")
    assert provisioner.escrow is None


def test_a_template_decides_instead_of_the_request() -> None:
    grant = verify(legacy(options={"x509": {"template": "{}"}}), CLUSTER.legacy())
    assert grant.request_names is RequestNames.IGNORED
    assert (grant.template_subject, grant.template_names) == ("builder", None)


def test_provisioners_are_found_by_their_cluster() -> None:
    assert legacy().lookup_id == "k8ssa/k8sSA-default"
    assert bound().lookup_id == f"k8ssa/issuer/{CLUSTER_ISSUER}"


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_verifies_with_any_of_its_keys_whatever_the_key_id(kind: str) -> None:
    key = SUBJECT_KEYS[kind]()
    cluster = Cluster(key=key)
    provisioner = legacy(publicKeys=pem_base64(*(make() for make in SUBJECT_KEYS.values()), key))
    assert verify(provisioner, cluster.sign(cluster.legacy_claims(), kid="unknown")).template_subject == "builder"
    assert verify(provisioner, cluster.sign(cluster.legacy_claims(), kid=None)).template_subject == "builder"


def test_a_certificate_is_as_good_as_its_key() -> None:
    key = p256()
    pem = sign_leaf(make_ca().issuing, key).public_bytes(Encoding.PEM)
    provisioner = legacy(publicKeys=base64.b64encode(b"text\n" + pem + b"\n\nmore").decode())
    token = Cluster(key=key).legacy()
    assert verify(provisioner, token).template_subject == "builder"


BAD_SIGNATURES = {
    "unsigned": lambda claims: unsigned_jws({}, claims),
    "unsigned-in-another-case": lambda claims: unsigned_jws({"alg": "NONE"}, claims),
    "hmac-with-the-pem": lambda claims: hmac_jws({}, claims, base64.b64decode(pem_base64(CLUSTER.key))),
    "hmac-with-the-jwk": lambda claims: hmac_jws({}, claims, json.dumps(public_jwk(CLUSTER.key)).encode()),
    "hmac-with-nothing": lambda claims: hmac_jws({}, claims, b""),
    "another-key": lambda claims: jws({"kid": public_jwk(CLUSTER.key)["kid"]}, claims, rsa_key(3072)),
    "another-kind-of-key": lambda claims: jws({"kid": public_jwk(CLUSTER.key)["kid"]}, claims, OTHER),
    "key-in-the-header": lambda claims: jws({"jwk": public_jwk(OTHER)}, claims, OTHER),
    "algorithm-lies": lambda claims: assemble({"alg": "ES256"}, claims, CLUSTER.key, "RS256"),
    "no-algorithm": lambda claims: assemble({}, claims, CLUSTER.key, "RS256"),
}


@pytest.mark.parametrize("case", BAD_SIGNATURES)
def test_refuses_a_signature_that_is_not_the_clusters(case: str) -> None:
    with pytest.raises(Unauthenticated):
        verify(legacy(), BAD_SIGNATURES[case](CLUSTER.legacy_claims()))
    with pytest.raises(Unauthenticated):
        verify(bound(), BAD_SIGNATURES[case](CLUSTER.bound_claims()))
    with pytest.raises(Unauthenticated):
        verify(bound(publicKeys=pem_base64(CLUSTER.key)), BAD_SIGNATURES[case](CLUSTER.bound_claims()))


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"b64": False}])
def test_a_token_that_demands_an_extension_does_not_even_get_that_far(header: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match="extension"):
        parse_token(CLUSTER.sign(CLUSTER.legacy_claims(), **header))


# --- tokens of secrets


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="ok/no-times"),
        pytest.param({"aud": "whoever"}, id="ok/audience-does-not-matter"),
        pytest.param({"iat": AT - 10**8, "exp": AT + 10**9}, id="ok/old-and-long-lived"),
        pytest.param({"exp": AT - 59}, id="ok/expired-within-the-leeway"),
        pytest.param({"sub": "x"}, id="ok/any-subject"),
        pytest.param({WHO: None, WHERE: None}, id="ok/no-account"),
        pytest.param({WHO: 7, WHERE: ["x"]}, id="ok/odd-account"),
        pytest.param({"exp": AT - 62}, id="fail/expired"),
        pytest.param({"nbf": AT + 10**8}, id="fail/far-future-start"),
        pytest.param({"iat": AT + 120}, id="fail/issued-in-the-future"),
        pytest.param({"exp": "never"}, id="fail/expiry-is-text"),
        pytest.param({"iss": None}, id="fail/no-issuer"),
        pytest.param({"iss": "Kubernetes/serviceaccount"}, id="fail/issuer-in-another-case"),
        pytest.param({"iss": CLUSTER_ISSUER}, id="fail/issuer-is-the-clusters-address"),
        pytest.param({"sub": None}, id="fail/no-subject"),
        pytest.param({"sub": ""}, id="fail/empty-subject"),
        pytest.param({"sub": 7}, id="fail/subject-is-a-number"),
        pytest.param({"cnf": {"jkt": "x"}}, id="fail/bound-to-a-key"),
    ],
)
def test_an_old_token_counts_by_its_signature_issuer_and_subject(
    changes: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    token = CLUSTER.legacy(**changes)
    if request.node.callspec.id.startswith("ok/"):
        assert verify(legacy(), token).claims.expires_at <= NOW + timedelta(hours=1)
    else:
        with pytest.raises(Unauthenticated):
            verify(legacy(), token)


def test_a_claim_that_is_there_twice_counts_once_and_the_last_one_does() -> None:
    text = json.dumps(CLUSTER.legacy_claims())
    doubled = f'{{"{WHO}": "root", "iss": "x", {text[1:-1]}}}'
    assert verify(legacy(), jws({}, doubled.encode(), CLUSTER.key)).template_subject == "builder"
    doubled = f'{{{text[1:-1]}, "iss": "x"}}'
    with pytest.raises(Unauthenticated, match="issuer"):
        verify(legacy(), jws({}, doubled.encode(), CLUSTER.key))


def test_an_old_token_is_no_projected_one_nor_the_other_way_round() -> None:
    with pytest.raises(Unauthenticated, match="issuer"):
        verify(bound(publicKeys=pem_base64(CLUSTER.key)), CLUSTER.legacy(aud=AUDIENCE))
    with pytest.raises(Unauthenticated, match="issuer"):
        verify(legacy(), CLUSTER.bound())


# --- projected tokens


def _cluster_claim(**changes: object) -> dict[str, Any]:
    return {"namespace": "build", "serviceaccount": {"name": "builder"}, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": AUDIENCE}, id="ok/one-audience"),
        pytest.param({"aud": ["other", AUDIENCE]}, id="ok/one-of-several-audiences"),
        pytest.param({"iat": AT - 80_000, "nbf": AT - 80_000, "exp": AT + 6_400}, id="ok/not-yet-replaced"),
        pytest.param({"iat": None, "nbf": None}, id="ok/no-start"),
        pytest.param({"aud": None}, id="fail/no-audience"),
        pytest.param({"aud": []}, id="fail/empty-audience"),
        pytest.param({"aud": "https://kubernetes.default.svc"}, id="fail/another-audience"),
        pytest.param({"aud": AUDIENCE.upper()}, id="fail/audience-in-another-case"),
        pytest.param({"iss": f"{CLUSTER_ISSUER}/"}, id="fail/issuer-with-a-slash"),
        pytest.param({"exp": None}, id="fail/no-expiry"),
        pytest.param({"exp": AT - 62}, id="fail/expired"),
        pytest.param({"nbf": AT + 10**8, "exp": AT + 2 * 10**8}, id="fail/far-future-start"),
        pytest.param({"kubernetes.io": None}, id="fail/no-account"),
        pytest.param({"kubernetes.io": "build/builder"}, id="fail/account-is-text"),
        pytest.param({"kubernetes.io": _cluster_claim(namespace="")}, id="fail/empty-namespace"),
        pytest.param({"kubernetes.io": _cluster_claim(namespace="other")}, id="fail/namespace-is-not-the-subjects"),
        pytest.param(
            {"kubernetes.io": _cluster_claim(serviceaccount={"name": "x"})}, id="fail/name-is-not-the-subjects"
        ),
        pytest.param({"kubernetes.io": _cluster_claim(serviceaccount="builder")}, id="fail/odd-account"),
        pytest.param({"sub": "system:node:build"}, id="fail/a-node"),
        pytest.param({"sub": "7"}, id="fail/subject-is-a-serial"),
    ],
)
def test_a_projected_token_counts_for_its_audience_while_it_lasts(
    changes: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    token = CLUSTER.bound(**changes)
    if request.node.callspec.id.startswith("ok/"):
        assert verify(bound(), token).template_subject == "builder"
        return
    for provisioner in (bound(), bound(publicKeys=pem_base64(CLUSTER.key))):
        with pytest.raises(Unauthenticated):
            # Nobody is asked for keys: all of this shows without them.
            provisioner.key_source(parse_token(token), now=NOW)
        with pytest.raises(Unauthenticated):
            provisioner.verify(parse_token(token), now=NOW, keys=CLUSTER.keys)


def test_the_keys_of_a_cluster_come_from_its_issuer() -> None:
    token = parse_token(CLUSTER.bound())
    address = f"{CLUSTER_ISSUER}/.well-known/openid-configuration"
    assert bound().key_source(token, now=NOW) == KeySetSource("cluster", address)
    assert bound(publicKeys=pem_base64(CLUSTER.key)).key_source(token, now=NOW) is None
    with pytest.raises(Unauthenticated, match="no keys"):
        bound().verify(token, now=NOW)
    with pytest.raises(Unauthenticated, match="another issuer"):
        bound().verify(token, now=NOW, keys=KeySet("https://evil.example", CLUSTER.keys.keys))
    with pytest.raises(Unauthenticated, match="key id"):
        verify(bound(), CLUSTER.sign(CLUSTER.bound_claims(), kid="other"))


# --- again and again


def test_the_reuse_key_is_of_the_token_and_the_hour() -> None:
    first = verify(legacy(), CLUSTER.legacy())
    assert verify(legacy(), CLUSTER.legacy()).reuse_key == first.reuse_key
    assert verify(legacy(), CLUSTER.legacy(jti="x")).reuse_key != first.reuse_key
    later = legacy().verify(parse_token(CLUSTER.legacy()), now=NOW + timedelta(hours=1))
    assert later.reuse_key != first.reuse_key
