"""Conformance rows 24 to 30: renewing and rekeying, by the real client."""

import base64
import json
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from tests.interop.support import certificate_facts as take
from tests.interop.support.recording_proxy import Proxy
from tests.interop.support.step_client import StepClient, read_chain, read_key, read_leaf

UNAUTHORIZED = "The request lacked necessary authorization to be completed."
BY_TOKEN = "--mtls=false"


def _kept(cert: x509.Certificate, *left_out: x509.ObjectIdentifier) -> dict[str, bytes]:
    """Return the DER of subject, key and every extension that renewal must copy."""
    fresh = (ExtensionOID.AUTHORITY_KEY_IDENTIFIER, *left_out)
    kept = {
        f"{extension.oid.dotted_string} {extension.critical}": extension.value.public_bytes()
        for extension in cert.extensions
        if extension.oid not in fresh
    }
    return {**kept, "subject": cert.subject.public_bytes()}


@pytest.mark.parametrize("flags", [pytest.param((), id="ok/mutual-TLS"), pytest.param((BY_TOKEN,), id="ok/token")])
def test_everything_but_serial_and_dates_is_kept_when_renewed(client: StepClient, flags: tuple[str, ...]) -> None:
    """Rows 24 and 25."""
    names = ("--san=r.test", "--san=10.0.0.9", "--san=spiffe://x/y")
    chain, key = client.obtain("r.test", "r", *names)
    old, old_key = read_leaf(chain), key.read_bytes()
    outcome = client.step("ca", "renew", "--force", *flags, chain, key).succeed()

    new, intermediate = read_chain(chain)
    assert _kept(new) == _kept(old)
    assert new.public_key() == old.public_key()
    assert new.serial_number != old.serial_number
    assert take.span_seconds(new) == take.span_seconds(old)
    assert new.not_valid_before_utc >= old.not_valid_before_utc
    assert new.issuer == intermediate.subject
    assert key.read_bytes() == old_key
    assert chain.stat().st_mode & 0o777 == 0o600
    assert f"Your certificate has been saved in {chain}." in outcome.stderr


def _bearer_claims(header: str) -> tuple[dict[str, object], dict[str, object]]:
    scheme, _, token = header.partition(" ")
    assert scheme == "Bearer"
    parts = [part + "=" * (-len(part) % 4) for part in token.split(".")[:2]]
    head, claims = (json.loads(base64.urlsafe_b64decode(part)) for part in parts)
    return head, claims


def test_token_is_what_the_client_sends_when_mutual_tls_is_off(client: StepClient, proxy: Proxy) -> None:
    """Row 25, on the wire."""
    chain, key = client.obtain("r.test", "r")
    old = read_leaf(chain)
    command = ("ca", "renew", "--force", BY_TOKEN, "--ca-url", proxy.url)
    client.step(*command, chain, key).succeed()

    assert proxy.lines == ["POST /renew"]
    sent = proxy.requests[0]
    assert sent.body == b""
    header, claims = _bearer_claims(sent.headers["authorization"])
    assert isinstance(header["x5cInsecure"], list)
    assert claims["aud"] == f"{proxy.url}/renew"
    assert (claims["iss"], claims["sub"]) == ("step-ca-client/1.0", "r.test")
    assert read_leaf(chain).serial_number != old.serial_number


def test_renewal_is_refused_when_endpoint_never_asks_for_certificates(client: StepClient, proxy: Proxy) -> None:
    """Row 26."""
    chain, key = client.obtain("r.test", "r")
    old = chain.read_bytes()
    outcome = client.step("ca", "renew", "--force", "--ca-url", proxy.url, chain, key).refuse()
    assert "The request could not be completed: missing client certificate." in outcome.stderr
    assert chain.read_bytes() == old


def test_nothing_is_sent_when_certificate_is_fresh(client: StepClient, proxy: Proxy) -> None:
    """Row 27."""
    chain, key = client.obtain("r.test", "r")
    old = chain.read_bytes()
    command = ("ca", "renew", "--expires-in", "1h", "--ca-url", proxy.url)
    outcome = client.step(*command, chain, key).succeed()
    assert "certificate not renewed: expires in " in outcome.stdout + outcome.stderr
    assert proxy.lines == []
    assert chain.read_bytes() == old


def _expired(client: StepClient, provisioner: str) -> tuple[Path, Path]:
    """Return a certificate that has just expired.

    The client shows an expired certificate by token, which step-ca verifies as of one minute before
    its end. An authority younger than that did not exist then, so it is given time to grow up.
    """
    issuer = read_chain(client.obtain("age.test", "age")[0])[1]
    _wait_until(issuer.not_valid_before_utc.timestamp() + 60)
    flags = ("--not-after", "2s")
    chain, key = client.obtain("late.test", provisioner, *flags, provisioner=provisioner)
    _wait_until(read_leaf(chain).not_valid_after_utc.timestamp() + 1.1)
    return chain, key


def _wait_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.time()))  # noqa: TID251 - a real server's clock decides


@pytest.mark.slow
def test_renewal_is_refused_when_certificate_has_expired(client: StepClient) -> None:
    """Row 28."""
    chain, key = _expired(client, "short")
    end = read_leaf(chain).not_valid_after_utc
    outcome = client.step("ca", "renew", "--force", chain, key).refuse()
    assert (
        "The request lacked necessary authorization to be completed:"
        f" certificate expired on {end:%Y-%m-%d %H:%M:%S} +0000 UTC" in outcome.stderr
    )


@pytest.mark.slow
def test_expired_certificate_is_renewed_when_provisioner_allows(client: StepClient) -> None:
    """Row 28."""
    chain, key = _expired(client, "late")
    old = read_leaf(chain)
    client.step("ca", "renew", "--force", chain, key).succeed()
    new = read_leaf(chain)
    assert new.serial_number != old.serial_number
    assert take.span_seconds(new) == take.span_seconds(old)


@pytest.mark.parametrize("flags", [pytest.param((), id="fail/mutual-TLS"), pytest.param((BY_TOKEN,), id="fail/token")])
def test_renewal_is_refused_when_provisioner_forbids_it(client: StepClient, flags: tuple[str, ...]) -> None:
    """Row 29."""
    chain, key = client.obtain("o.test", "o", provisioner="once")
    old = chain.read_bytes()
    outcome = client.step("ca", "renew", "--force", *flags, chain, key).refuse()
    assert UNAUTHORIZED in outcome.stderr
    assert chain.read_bytes() == old


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param((), id="ok/default"),
        pytest.param(("--kty", "RSA", "--size", "2048"), id="ok/RSA"),
        pytest.param(("--kty", "OKP", "--crv", "Ed25519"), id="ok/Ed25519"),
    ],
)
def test_only_key_serial_and_dates_change_when_rekeyed(client: StepClient, flags: tuple[str, ...]) -> None:
    """Row 30."""
    chain, key = client.obtain("k.test", "k", "--san=k.test", "--san=10.0.0.9")
    old = read_leaf(chain)
    client.step("ca", "rekey", "--force", *flags, chain, key).succeed()

    new = read_leaf(chain)
    fresh = ExtensionOID.SUBJECT_KEY_IDENTIFIER
    assert _kept(new, fresh) == _kept(old, fresh)
    assert new.public_key() != old.public_key()
    assert new.public_key() == read_key(key).public_key()
    assert take.subject_key_identifier(new) == take.key_identifier(new)
    assert new.serial_number != old.serial_number
    assert take.span_seconds(new) == take.span_seconds(old)


def test_rekey_is_refused_when_endpoint_never_asks_for_certificates(client: StepClient, proxy: Proxy) -> None:
    """Row 30: there is no token for rekeying."""
    chain, key = client.obtain("k.test", "k")
    old = chain.read_bytes(), key.read_bytes()
    outcome = client.step("ca", "rekey", "--force", "--ca-url", proxy.url, chain, key).refuse()
    assert "missing client certificate" in outcome.stderr
    assert (chain.read_bytes(), key.read_bytes()) == old
