"""Conformance rows 1 to 4: trust in the authority, by the real client."""

import json

import pytest

from tests.interop.support.authority import Authority
from tests.interop.support.recording_proxy import Proxy
from tests.interop.support.step_client import StepClient, read_chain
from tests.interop.support.tools import Tools


@pytest.fixture
def stranger(tools: Tools, authority: Authority, client: StepClient) -> StepClient:
    """Return a `step` that has not seen the authority yet."""
    home = client.path("stranger")
    home.mkdir()
    return StepClient(tools.step, authority, home)


def test_root_and_defaults_are_written_when_fingerprint_is_right(stranger: StepClient, proxy: Proxy) -> None:
    """Row 1."""
    fingerprint = stranger.authority.fingerprint
    stranger.step("ca", "bootstrap", "--ca-url", proxy.url, "--fingerprint", fingerprint).succeed()

    assert proxy.lines == [f"GET /root/{fingerprint}"]
    root = stranger.home / "certs" / "root_ca.crt"
    assert read_chain(root) == [stranger.authority.root_certificate]
    assert root.stat().st_mode & 0o777 == 0o600
    defaults = stranger.home / "config" / "defaults.json"
    assert defaults.stat().st_mode & 0o777 == 0o644
    assert json.loads(defaults.read_text()) == {
        "ca-url": proxy.url,
        "fingerprint": fingerprint,
        "root": str(root),
    }


def test_bootstrap_succeeds_when_fingerprint_is_upper_case_with_dashes(
    stranger: StepClient,
) -> None:
    """Row 1, as some tools print a fingerprint."""
    plain = stranger.authority.fingerprint.upper()
    dashed = "-".join(plain[i : i + 8] for i in range(0, len(plain), 8))
    url = stranger.authority.url
    stranger.step("ca", "bootstrap", "--ca-url", url, "--fingerprint", dashed).succeed()
    assert read_chain(stranger.home / "certs" / "root_ca.crt")


def test_bootstrap_is_refused_when_fingerprint_is_unknown(stranger: StepClient) -> None:
    """Row 2."""
    wrong = "0" * 64
    url = stranger.authority.url
    outcome = stranger.step("ca", "bootstrap", "--ca-url", url, "--fingerprint", wrong).refuse()
    assert f'root certificate with fingerprint "{wrong}" was not found' in outcome.stderr
    assert not (stranger.home / "certs" / "root_ca.crt").exists()


@pytest.mark.parametrize("command", ["root", "roots", "federation"])
def test_root_is_given_when_asked(client: StepClient, command: str) -> None:
    """Row 3."""
    client.step("ca", command, "r.crt").succeed()
    assert read_chain(client.path("r.crt")) == [client.authority.root_certificate]
    assert client.path("r.crt").stat().st_mode & 0o777 == 0o600


def test_health_is_ok_when_root_is_pinned(client: StepClient) -> None:
    """Row 4."""
    assert client.step("ca", "health").succeed().stdout == "ok\n"


def test_health_is_refused_when_another_root_is_pinned(client: StepClient) -> None:
    """Row 4, the other way: the endpoint's certificate is really verified."""
    client.step(
        *("certificate", "create", "Other Root", "other.crt", "other.key"),
        *("--profile", "root-ca", "--no-password", "--insecure"),
    ).succeed()
    outcome = client.step("ca", "health", "--root", "other.crt").refuse()
    assert "certificate signed by unknown authority" in outcome.stderr
