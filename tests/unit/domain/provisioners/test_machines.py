"""Whatever a properly signed token of a cluster or cloud says, it is granted something or refused."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.claims import Claims
from stepless.domain.provisioners import Grant, Provisioner, parse_provisioner
from stepless.domain.token import parse_token
from stepless.errors import CAError
from tests.fakes.clock import NOW
from tests.fakes.clouds import Amazon, Azure, Google
from tests.fakes.kubernetes import Cluster

CLUSTER, AWS, GCP, AZURE = Cluster(), Amazon(), Google(), Azure()


def _parse(document: dict[str, Any], **changes: object) -> Provisioner:
    return parse_provisioner("id", {**document, **changes}, Claims())


KEYS = {"cluster": CLUSTER.keys, "google": GCP.keys, "azure": AZURE.keys, "amazon": None}
MAKERS: dict[str, tuple[list[Provisioner], Callable[..., str]]] = {
    "old-cluster": (
        [_parse(CLUSTER.legacy_document), _parse(CLUSTER.legacy_document, namespaces=["x"])],
        CLUSTER.legacy,
    ),
    "new-cluster": ([_parse(CLUSTER.bound_document)], CLUSTER.bound),
    "aws-claims": ([_parse(AWS.document)], lambda **changes: AWS.token(None, **changes)),
    "aws-identity": (
        [_parse(AWS.document, disableCustomSANs=True, instanceAge="1h"), _parse(AWS.document)],
        lambda **changes: AWS.token(AWS.identity(**changes), sub="i-0abc"),
    ),
    "gcp-claims": ([_parse(GCP.document, serviceAccounts=["113"])], lambda **changes: GCP.token(None, **changes)),
    "gcp-engine": (
        [_parse(GCP.document, disableCustomSANs=True, instanceAge="1h"), _parse(GCP.document)],
        lambda **changes: GCP.token(GCP.engine(**changes)),
    ),
    "azure": ([_parse(AZURE.document, disableCustomSANs=True), _parse(AZURE.document, objectIDs=["o-1"])], AZURE.token),
}
NAMES = {
    "old-cluster": [*CLUSTER.legacy_claims(), "exp", "nbf", "cnf", "sans"],
    "new-cluster": [*CLUSTER.bound_claims(), "cnf", "sans"],
    "aws-claims": [*AWS.claims(b"{}", b"x"), "cnf"],
    "aws-identity": ["accountId", "instanceId", "privateIp", "region", "pendingTime"],
    "gcp-claims": [*GCP.claims(), "nbf", "cnf"],
    "gcp-engine": [*GCP.engine()],
    "azure": [*AZURE.claims(), "cnf"],
}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize("kind", MAKERS)
@given(data=st.data())
def test_any_token_is_granted_something_or_refused(kind: str, data: st.DataObject) -> None:
    provisioners, make = MAKERS[kind]
    changes = data.draw(st.dictionaries(st.sampled_from(NAMES[kind]), _JSON, min_size=1, max_size=3))
    token = make(**changes)
    for provisioner in provisioners:
        try:
            parsed = parse_token(token)
            source = provisioner.key_source(parsed, now=NOW)
            grant = provisioner.verify(parsed, now=NOW, keys=KEYS[provisioner.name] if source else None)
        except CAError:
            continue
        assert isinstance(grant, Grant)
        assert grant.reuse_key
        assert grant.claims.subject


@pytest.mark.parametrize("kind", MAKERS)
def test_the_tokens_hold_when_nothing_is_changed(kind: str) -> None:
    provisioners, make = MAKERS[kind]
    provisioner = provisioners[-1] if kind != "old-cluster" else provisioners[0]
    parsed = parse_token(make())
    source = provisioner.key_source(parsed, now=NOW)
    assert provisioner.verify(parsed, now=NOW, keys=KEYS[provisioner.name] if source else None).reuse_key
