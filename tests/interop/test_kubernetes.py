"""Conformance row 23: service accounts of a Kubernetes cluster."""

from pathlib import Path

import pytest

from tests.interop.support import certificate_facts as take
from tests.interop.support import kubernetes
from tests.interop.support.process import Outcome
from tests.interop.support.stage import Stage
from tests.interop.support.step_client import StepClient, read_leaf

UNAUTHORIZED = "The request lacked necessary authorization to be completed."


def _obtain(client: StepClient, token: str, *flags: str, provisioner: str = "cluster") -> Outcome:
    client.path("tok").write_text(token)
    chosen = ("--provisioner", provisioner, "--k8ssa-token-path", "tok", "--force")
    return client.step("ca", "certificate", "k.test", "k.crt", "k.key", *flags, *chosen)


def test_certificate_is_for_what_the_account_asks_for_as_often_as_it_does(client: StepClient) -> None:
    """Row 23."""
    token, serials = kubernetes.secret_token(), set()
    for _ in range(2):
        _obtain(client, token, "--san", "k.test", "--san", "10.0.0.1").succeed()
        leaf = read_leaf(client.path("k.crt"))
        serials.add(leaf.serial_number)
        assert leaf.subject.rfc4514_string() == "CN=k.test"
        assert set(take.names(leaf)) == {("DNSName", "k.test"), ("IPAddress", "10.0.0.1")}
        stamped = take.provisioner_extension(leaf)
        assert (stamped.kind, stamped.name, stamped.credential_id, stamped.rest) == (8, "cluster", "", b"")
    assert len(serials) == 2
    client.step("ca", "root", "r.crt").succeed()
    client.step("certificate", "verify", "k.crt", "--roots", "r.crt").succeed()


def test_certificate_has_no_names_when_none_was_asked_for(client: StepClient) -> None:
    """Row 23, without `--san`."""
    _obtain(client, kubernetes.secret_token()).succeed()
    leaf = read_leaf(client.path("k.crt"))
    assert leaf.subject.rfc4514_string() == "CN=k.test"
    assert "2.5.29.17" not in {extension.oid.dotted_string for extension in leaf.extensions}


def test_certificate_is_renewed(client: StepClient) -> None:
    """Row 24, for a service account."""
    _obtain(client, kubernetes.secret_token(), "--san", "k.test").succeed()
    client.step("ca", "renew", "--force", "k.crt", "k.key").succeed()
    assert set(take.names(read_leaf(client.path("k.crt")))) == {("DNSName", "k.test")}


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(kubernetes.secret_token()[:-8] + "AAAAAAAA", id="forged"),
        pytest.param(kubernetes.secret_token(sub=""), id="without-subject"),
        pytest.param(kubernetes.secret_token(exp=1), id="expired"),
        pytest.param(kubernetes.secret_token(nbf=10**11), id="not-yet-valid"),
        pytest.param(kubernetes.pod_token(aud="other"), id="for-another-audience"),
    ],
)
def test_token_is_refused_when_it_does_not_hold(client: StepClient, token: str) -> None:
    """Row 23, the other way."""
    assert UNAUTHORIZED in _obtain(client, token, "--san", "k.test").refuse().stderr


@pytest.fixture
def pod(stage: Stage, tmp_path: Path) -> StepClient:
    """Return a `step` of stepless, which alone knows the tokens of pods."""
    return stage.client("stepless", tmp_path)


def test_certificate_is_for_what_the_pod_asks_for_when_the_token_is_for_the_authority(pod: StepClient) -> None:
    token = kubernetes.pod_token()
    for _ in range(2):
        _obtain(pod, token, "--san", "k.test", provisioner="pods").succeed()
        leaf = read_leaf(pod.path("k.crt"))
        assert set(take.names(leaf)) == {("DNSName", "k.test")}
        assert (take.provisioner_extension(leaf).kind, take.provisioner_extension(leaf).name) == (8, "pods")


def test_pod_is_refused_when_its_namespace_is_not_allowed(pod: StepClient) -> None:
    outcome = _obtain(pod, kubernetes.pod_token("other"), "--san", "k.test", provisioner="pods")
    assert UNAUTHORIZED in outcome.refuse().stderr
