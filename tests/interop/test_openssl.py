"""Another library's view: OpenSSL verifies, prints and connects."""

import re
from pathlib import Path

import pytest

from tests.interop.support import process
from tests.interop.support.step_client import StepClient, read_chain, read_leaf

HEALTHY = '"ok"}'


def _openssl(client: StepClient, *arguments: str | Path, stdin: str = "") -> process.Outcome:
    command = [process.find_program("openssl"), *arguments]
    return process.run(command, cwd=client.directory, stdin=stdin)


def _connect(client: StepClient, *arguments: str | Path) -> process.Outcome:
    """Open a TLS connection with the root pinned, ask for /health, and wait for the answer."""
    port = client.authority.port
    request = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    return _openssl(
        client,
        *("s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost"),
        *("-CAfile", client.authority.root, "-verify_return_error", "-verify_hostname"),
        *("localhost", "-ign_eof", *arguments),
        stdin=request,
    )


@pytest.mark.parametrize("purpose", ["sslserver", "sslclient"])
def test_chain_verifies_when_only_the_root_is_trusted(client: StepClient, purpose: str) -> None:
    chain, _ = client.obtain("v.test", "v")
    outcome = _openssl(
        client,
        *("verify", "-x509_strict", "-purpose", purpose, "-verify_hostname", "v.test"),
        *("-CAfile", client.authority.root, "-untrusted", chain, chain),
    )
    assert outcome.succeed().stdout == f"{chain}: OK\n"


def test_chain_is_refused_when_intermediate_is_missing(client: StepClient) -> None:
    chain, _ = client.obtain("v.test", "v")
    outcome = _openssl(client, "verify", "-CAfile", client.authority.root, chain)
    assert outcome.exit_code == 2
    assert "unable to get local issuer certificate" in outcome.stderr


def test_text_says_what_was_issued_when_printed(client: StepClient) -> None:
    chain, _ = client.obtain("t.test", "t", "--san=t.test", "--san=10.1.2.3")
    text = _openssl(client, "x509", "-in", chain, "-noout", "-text", "-nameopt", "oneline").succeed().stdout
    lines = [line.strip() for line in text.splitlines()]
    assert "Version: 3 (0x2)" in lines
    assert "Signature Algorithm: ecdsa-with-SHA256" in lines
    assert "Subject: CN = t.test" in lines
    assert re.search(r"Issuer: O = \S.*, CN = \S.* Intermediate CA", text)
    for heading, value in (
        ("X509v3 Key Usage: critical", "Digital Signature"),
        (
            "X509v3 Extended Key Usage:",
            "TLS Web Server Authentication, TLS Web Client Authentication",
        ),
        ("X509v3 Subject Alternative Name:", "DNS:t.test, IP Address:10.1.2.3"),
    ):
        assert lines[lines.index(heading) + 1] == value
    assert "1.3.6.1.4.1.37476.9000.64.1:" in text
    assert "X509v3 Basic Constraints" not in text


def test_endpoint_sends_its_intermediate_when_connected(client: StepClient) -> None:
    outcome = _connect(client, "-showcerts")
    assert "Verify return code: 0 (ok)" in outcome.stdout
    assert outcome.stdout.count("-----BEGIN CERTIFICATE-----") >= 2
    assert HEALTHY in outcome.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_client_certificate_is_accepted_when_offered(client: StepClient, version: str) -> None:
    chain, key = client.obtain("c.test", "c")
    outcome = _connect(client, version, "-cert", chain, "-key", key)
    assert HEALTHY in outcome.stdout, outcome.describe()


def test_client_certificate_is_accepted_when_sent_without_its_intermediate(
    client: StepClient,
) -> None:
    chain, key = client.obtain("c.test", "c")
    end = "-----END CERTIFICATE-----\n"
    client.path("leaf.crt").write_text(chain.read_text().split(end)[0] + end)
    assert len(read_chain(client.path("leaf.crt"))) == 1
    outcome = _connect(client, "-cert", "leaf.crt", "-key", key)
    assert HEALTHY in outcome.stdout, outcome.describe()


def test_handshake_is_refused_when_client_certificate_is_foreign(client: StepClient) -> None:
    client.step(
        *("certificate", "create", "c.test", "o.crt", "o.key", "--profile", "self-signed"),
        *("--subtle", "--no-password", "--insecure"),
    ).succeed()
    outcome = _connect(client, "-cert", "o.crt", "-key", "o.key")
    assert HEALTHY not in outcome.stdout
    assert HEALTHY in _connect(client).stdout


def test_handshake_is_refused_when_tls_is_1_1(client: StepClient) -> None:
    # Security level 0 lets this client itself offer the old version; the refusal is the server's.
    outcome = _connect(client, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")
    assert outcome.exit_code == 1
    assert HEALTHY not in outcome.stdout
    assert "no peer certificate available" in outcome.stdout
    assert HEALTHY in _connect(client, "-tls1_2", "-cipher", "DEFAULT:@SECLEVEL=0").stdout


def test_endpoint_certificate_is_of_the_authority_when_inspected(client: StepClient) -> None:
    shown = _connect(client, "-showcerts").stdout
    client.path("endpoint.crt").write_text(shown)
    leaf = read_leaf(client.path("endpoint.crt"))
    outcome = _openssl(
        client,
        *("verify", "-purpose", "sslserver", "-verify_hostname", "localhost"),
        *("-CAfile", client.authority.root, "-untrusted", "endpoint.crt", "endpoint.crt"),
    )
    outcome.succeed()
    assert leaf.issuer != leaf.subject
