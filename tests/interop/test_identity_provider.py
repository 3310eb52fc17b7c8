"""Conformance row 22: people who sign in at a real OpenID provider, in a browser, at a terminal, or beforehand."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest
from cryptography import x509

from tests.interop.support import certificate_facts as take
from tests.interop.support import process
from tests.interop.support.authority import POLL_SECONDS
from tests.interop.support.identity_provider import IdentityProvider
from tests.interop.support.stage import Target
from tests.interop.support.step_client import StepClient, read_leaf
from tests.interop.support.tools import Tools

UNAUTHORIZED = "The request lacked necessary authorization to be completed."
CONSOLE_SECONDS = 30.0


@pytest.fixture
def provider(target: Target) -> IdentityProvider:
    """Return the running provider, which the authority knows as `people`."""
    return target.provider


def _names(cert: x509.Certificate) -> set[tuple[str, str]]:
    return set(take.names(cert))


def _check_person(leaf: x509.Certificate, provider: IdentityProvider, name: str = "people") -> None:
    assert leaf.subject.rfc4514_string() == "CN=123"
    assert _names(leaf) == {("RFC822Name", "u@x.test"), ("UniformResourceIdentifier", f"{provider.url}#123")}
    stamped = take.provisioner_extension(leaf)
    assert (stamped.kind, stamped.name, stamped.credential_id) == (2, name, name)


def _obtain(client: StepClient, token: str, subject: str = "u@x.test", *flags: str) -> process.Outcome:
    return client.step("ca", "certificate", subject, "u.crt", "u.key", "--force", "--token", token, *flags)


def test_certificate_is_the_persons_when_the_token_is(client: StepClient, provider: IdentityProvider) -> None:
    """Row 22."""
    _obtain(client, provider.id_token("123")).succeed()
    leaf = read_leaf(client.path("u.crt"))
    _check_person(leaf, provider)
    client.step("ca", "root", "r.crt").succeed()
    client.step("certificate", "verify", "u.crt", "--roots", "r.crt").succeed()


def test_names_of_the_request_do_not_matter_when_person_is_none_of_the_admins(
    client: StepClient, provider: IdentityProvider
) -> None:
    """Row 22, with names that the person does not have."""
    _obtain(client, provider.id_token("123"), "evil.test", "--san", "evil.test", "--san", "10.0.0.1").succeed()
    _check_person(read_leaf(client.path("u.crt")), provider)


def test_subject_is_escaped_when_it_does_not_fit_into_a_uri(client: StepClient, provider: IdentityProvider) -> None:
    """Row 22, with a subject as some providers make them."""
    _obtain(client, provider.id_token("auth0|7 b"), "odd@x.test").succeed()
    leaf = read_leaf(client.path("u.crt"))
    assert leaf.subject.rfc4514_string() == "CN=auth0|7 b"
    assert ("UniformResourceIdentifier", f"{provider.url}#auth0%7C7%20b") in _names(leaf)


def test_names_are_those_of_the_request_when_person_is_an_admin(client: StepClient, provider: IdentityProvider) -> None:
    """Row 22, for the others: `ops` is among the admins, as a group."""
    flags = ("--san", "host.test", "--san", "10.0.0.1")
    _obtain(client, provider.id_token("root"), "host.test", *flags).succeed()
    leaf = read_leaf(client.path("u.crt"))
    assert leaf.subject.rfc4514_string() == "CN=host.test"
    assert _names(leaf) == {("DNSName", "host.test"), ("IPAddress", "10.0.0.1")}


def test_token_is_refused_when_used_a_second_time(client: StepClient, provider: IdentityProvider) -> None:
    """Row 22, again."""
    token = provider.id_token("123")
    _obtain(client, token).succeed()
    assert UNAUTHORIZED in _obtain(client, token).refuse().stderr


def test_person_is_refused_when_their_domain_is_not_allowed(client: StepClient, provider: IdentityProvider) -> None:
    """Row 22, the other way."""
    assert UNAUTHORIZED in _obtain(client, provider.id_token("outsider"), "o@y.test").refuse().stderr


def test_token_is_refused_when_it_was_tampered_with(client: StepClient, provider: IdentityProvider) -> None:
    """Row 22, the other way."""
    header, claims, signature = provider.id_token("123").split(".")
    forged = f"{header}.{claims}.{signature[:-8]}AAAAAAAA"
    assert UNAUTHORIZED in _obtain(client, forged).refuse().stderr


def test_certificate_is_renewed_when_the_provisioner_says_so(client: StepClient, provider: IdentityProvider) -> None:
    """Row 24, for a person: stepless renews none unless the claims say so."""
    _obtain(client, provider.id_token("123", "people-renewed")).succeed()
    client.step("ca", "renew", "--force", "u.crt", "u.key").succeed()
    _check_person(read_leaf(client.path("u.crt")), provider, "people-renewed")


def test_provisioner_is_listed_with_what_the_client_needs(client: StepClient, provider: IdentityProvider) -> None:
    """Row 5, for OIDC."""
    listed = json.loads(client.step("ca", "provisioner", "list").succeed().stdout)
    by_name = {entry["name"]: entry for entry in listed}
    for document in provider.provisioners:
        shown = by_name[document["name"]]
        assert {name: shown[name] for name in document} == document


# --- with the browser


@pytest.fixture
def browser(tmp_path: Path, tools: Tools) -> Path:
    """Return a folder with the `xdg-open` of a person's desktop: it opens a browser, and they sign in."""
    script = tmp_path / "desktop" / "xdg-open"
    script.parent.mkdir()
    node, chromium = process.find_program("node"), process.find_program("chromium")
    command = f'{node} {tools.oidc / "browser.js"} {chromium} {tmp_path / "profile"} 123 "$1"'
    script.write_text(f"#!/bin/sh\nexec {command} >{tmp_path / 'browser.log'} 2>&1\n")
    script.chmod(0o755)
    return script.parent


def test_certificate_is_the_persons_when_they_signed_in_with_a_browser(
    client: StepClient, provider: IdentityProvider, browser: Path
) -> None:
    """Row 22, as people do it: Chromium opens the page, they fill in the form, and it leads back to `step`."""
    outcome = client.step(
        *("ca", "certificate", "u@x.test", "u.crt", "u.key", "--provisioner", "people"),
        env={"SSL_CERT_FILE": str(provider.root), "PATH": f"{browser}:{process.SYSTEM_PATH}"},
    ).succeed()
    _check_person(read_leaf(client.path("u.crt")), provider)
    assert "Your default web browser has been opened to visit" in outcome.stderr
    # What the provisioner's settings say arrives in the address.
    assert "scope=openid+email+groups" in outcome.stderr
    assert "ui_locales=nl" in outcome.stderr


def _wait_for(pattern: str, screen: Path) -> str:
    deadline = time.monotonic() + CONSOLE_SECONDS
    while (found := re.search(pattern, screen.read_text())) is None:
        assert time.monotonic() < deadline, screen.read_text()
        time.sleep(POLL_SECONDS)
    return found[1]


@pytest.fixture
def console(client: StepClient, provider: IdentityProvider) -> Iterator[tuple[Path, Popen[str]]]:
    """Start `step` at a terminal without a browser; return what it shows."""
    screen = client.path("screen")
    command = ("ca", "certificate", "u@x.test", "u.crt", "u.key", "--provisioner", "people", "--console")
    environment = {**client.environment, "SSL_CERT_FILE": str(provider.root)}
    with screen.open("w") as output:
        running = process.start([client.program, *command], cwd=client.directory, output=output, env=environment)
        try:
            yield screen, running
        finally:
            process.stop(running)


@pytest.mark.slow
def test_certificate_is_the_persons_when_they_signed_in_elsewhere(
    client: StepClient, provider: IdentityProvider, console: tuple[Path, Popen[str]]
) -> None:
    """Row 22, with `--console`: `step` shows an address and a code, and asks the provider until it was typed there."""
    screen, running = console
    address = _wait_for(r"(https://\S+)", screen)
    code = _wait_for(r"\b([A-Z]{4}-[A-Z]{4})\b", screen)
    provider.sign_in(address if "user_code" in address else f"{address}?user_code={code}", "123")
    assert running.wait(CONSOLE_SECONDS) == 0, screen.read_text()
    _check_person(read_leaf(client.path("u.crt")), provider)
