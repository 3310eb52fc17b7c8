"""Webhooks over real connections: what arrives at a server, and what happens when it fails."""

import hashlib
import hmac
import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stepless.domain.webhook import WebhookAnswer, WebhookCall, read_webhooks, signed_headers
from stepless.errors import WebhookUnavailable
from stepless.outbound.webhooks import PostedWebhooks
from tests.contract.support.loopback import nobody
from tests.fakes.ephemeral_ca import DIGITAL_SIGNATURE, SERVER_AUTH, EphemeralCA, make_ca, sign_leaf
from tests.fakes.private_keys import p256
from tests.fakes.webhooks import SECRET, MemoryWebhooks, webhook_document
from tests.support.provider_server import (
    Behaviour,
    Endless,
    ProviderServer,
    answer,
    document,
    dripping,
    hangs_up,
    in_turn,
    running,
    silent,
)

PATIENCE = 0.5
PATH = "/people?x=1"
BODY = b'{"timestamp":"2026-11-24T00:00:00Z","provisionerName":"admin"}'
ALLOWED = document({"allow": True, "data": {"role": "eng"}})
PORT = PostedWebhooks(pause=0.01)


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with running() as server:
        yield server


def call_of(server: ProviderServer | str, *, roots: str = "") -> WebhookCall:
    url = (server if isinstance(server, str) else server.url) + PATH
    (webhook,) = read_webhooks([webhook_document(url=url, bearerToken="t0ken")])
    return WebhookCall("webhook 'people'", url, BODY, signed_headers(webhook, BODY, "req-1"), roots)


def ask(server: ProviderServer | str, *, roots: str = "", seconds: float = PATIENCE) -> WebhookAnswer:
    return PORT.ask(call_of(server, roots=roots), seconds)


def refusal(server: ProviderServer | str, *, roots: str = "") -> str:
    """What is said of a server that fails, for which nobody must wait."""
    started = time.monotonic()
    with pytest.raises(WebhookUnavailable) as refused:
        ask(server, roots=roots)
    assert time.monotonic() - started < PATIENCE + 0.6
    assert refused.value.retry_after_seconds == 10
    said = re.fullmatch(r"webhook 'people' (.+); please try again later", refused.value.detail)
    assert said is not None, refused.value.detail
    return said[1]


def check_lines_end() -> None:
    """A thread that nobody waits for any more ends, too."""
    for thread in threading.enumerate():
        if thread.name == "line":
            thread.join(2)
            assert not thread.is_alive()


def test_the_fake_and_the_adapter_keep_the_same_promise(server: ProviderServer) -> None:
    memory, said = MemoryWebhooks(), WebhookAnswer(allow=True, data={"role": "eng"})
    memory.answers[f"{server.url}{PATH}"] = said
    server.behaviours[PATH] = ALLOWED
    for port in (memory, PORT):
        assert port.ask(call_of(server), PATIENCE) == said
    with nobody() as away:
        for port in (memory, PORT):
            with pytest.raises(WebhookUnavailable, match=r"^webhook 'people' "):
                port.ask(call_of(away), PATIENCE)


def test_a_server_can_verify_what_it_gets(server: ProviderServer) -> None:
    server.behaviours[PATH] = ALLOWED
    ask(server)
    (head,), (body,) = server.heads, server.bodies
    assert head.startswith(f"POST {PATH} HTTP/1.1\r\n")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert body == BODY
    assert headers.pop("X-Smallstep-Signature") == hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    assert headers.pop("Host") == server.url.removeprefix("http://")
    assert headers == {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "stepless",
        "Content-Type": "application/json",
        "Content-Length": str(len(BODY)),
        "X-Smallstep-Webhook-ID": webhook_document()["id"],
        "X-Request-Id": "req-1",
        "Authorization": "Bearer t0ken",
    }


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ({"allow": False}, WebhookAnswer(allow=False)),
        ({}, WebhookAnswer(allow=False)),
        ({"allow": False, "error": {"code": "e", "message": "no"}}, WebhookAnswer(allow=False, reason="no (e)")),
    ],
)
def test_a_server_may_say_no(server: ProviderServer, said: object, answered: WebhookAnswer) -> None:
    server.behaviours[PATH] = document(said)
    assert ask(server) == answered
    assert len(server.asked) == 1


def test_any_success_is_one(server: ProviderServer) -> None:
    server.behaviours[PATH] = answer(b'{"allow":true}', "202 Accepted", Content_Type="text/plain")
    assert ask(server).allow


# --- once more


FAULTS = {
    "500": answer(b"{}", "500 Internal Server Error"),
    "503 that allows": answer(b'{"allow":true}', "503 Service Unavailable"),
    "hangs up": hangs_up,
    "hangs up in its answer": answer(b"{}", Content_Length="100"),
    "speaks no HTTP": lambda line: line.sendall(b"SSH-2.0-x\r\n"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_fails_once_is_asked_again_with_the_same_words(server: ProviderServer, fault: str) -> None:
    server.behaviours[PATH] = in_turn(FAULTS[fault], ALLOWED)
    assert ask(server).allow
    assert server.bodies == [BODY, BODY]
    assert server.heads[0] == server.heads[1]


def test_there_is_a_pause_before_it_is_asked_again(server: ProviderServer) -> None:
    server.behaviours[PATH] = in_turn(FAULTS["500"], ALLOWED)
    started = time.monotonic()
    assert PostedWebhooks(pause=0.2).ask(call_of(server), PATIENCE).allow
    assert time.monotonic() - started > 0.2
    with pytest.raises(WebhookUnavailable, match=r"does not answer within 0\.2 seconds"):
        PostedWebhooks(pause=0.4).ask(call_of("http://127.0.0.1:1"), 0.2)
    check_lines_end()


FAILURES: dict[str, tuple[Behaviour, str, int]] = {
    "500": (FAULTS["500"], "answers with status 500", 2),
    "500 of 100 MB": (answer(b"{", "500 x", Content_Length="99999999"), "answers with status 500", 2),
    "hangs up": (hangs_up, "cannot be reached, or hangs up", 2),
    "404": (answer(b'{"allow":true}', "404 Not Found"), "answers with status 404", 1),
    "redirects": (answer(b"", "307 Temporary Redirect", Location="/elsewhere"), "answers with status 307", 1),
    "redirects to itself": (answer(b"", "302 Found", Location=PATH), "answers with status 302", 1),
    "says nothing": (silent, f"does not answer within {PATIENCE} seconds", 1),
    "drips its headers": (dripping(b"HTTP/1.1 200 OK\r\nX: "), f"does not answer within {PATIENCE} seconds", 1),
    "drips its body": (dripping(b"HTTP/1.1 200 OK\r\n\r\n{"), f"does not answer within {PATIENCE} seconds", 1),
    "HTML": (answer(b"<html>", Content_Type="text/html"), "answers with something that is not step's JSON", 1),
    "nothing": (answer(b"", "204 No Content"), "answers with something that is not step's JSON", 1),
    "true": (document(True), "answers with something that is not step's JSON", 1),  # noqa: FBT003 - the answer itself
    "yes": (document({"allow": "yes"}), "answers with something that is not step's JSON", 1),
    "deep": (
        answer(b'{"allow":true,"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        "answers with something that is not step's JSON",
        1,
    ),
    "100 MB": (Endless(), "answers with more than 1048576 bytes", 1),
    "100 MB in chunks": (Endless(chunked=True), "answers with more than 1048576 bytes", 1),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_server_that_fails_is_named_in_time(server: ProviderServer, failure: str) -> None:
    behaviour, text, times = FAILURES[failure]
    server.behaviours |= {PATH: behaviour, "/elsewhere": ALLOWED}
    assert refusal(server) == text
    assert server.asked == [PATH] * times
    check_lines_end()
    if isinstance(behaviour, Endless):
        assert behaviour.sent < 20 * 1024 * 1024, "it was read to its end"


def test_nobody_is_there() -> None:
    with nobody() as url:
        assert refusal(url) == "cannot be reached, or hangs up"


# --- TLS


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _secured(tmp_path: Path, name: str = "127.0.0.1", hours: int = 1) -> tuple[ssl.SSLContext, EphemeralCA]:
    """The context of a server, and who made its certificate."""
    now = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - TLS judges by the wall clock
    ca, key = make_ca("Hooks", now=now), p256()
    san = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
    usages = ((DIGITAL_SIGNATURE, True), (SERVER_AUTH, False), (san, False))
    end = now + timedelta(hours=hours)
    leaf = sign_leaf(ca.issuing, key, extensions=usages, not_before=now - timedelta(days=2), not_after=end)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    (tmp_path / "chain").write_text(_pem(leaf) + _pem(ca.intermediate_certificate) + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain")
    return context, ca


@pytest.mark.parametrize("trust", ["authority", "system"])
def test_a_server_is_trusted_by_the_authoritys_roots_and_by_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trust: str
) -> None:
    context, ca = _secured(tmp_path)
    root, other = _pem(ca.root_certificate), _pem(make_ca("Other").root_certificate)
    if trust == "system":
        (tmp_path / "roots").write_text(root)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots"))
    with running(context) as server:
        server.behaviours[PATH] = ALLOWED
        assert ask(server, roots=root if trust == "authority" else other).allow
        assert json.loads(server.bodies[0])["provisionerName"] == "admin"


@pytest.mark.parametrize("wrong", ["root", "name", "dates"])
def test_a_server_whose_certificate_does_not_verify_is_told_nothing(tmp_path: Path, wrong: str) -> None:
    name, hours = "127.0.0.2" if wrong == "name" else "127.0.0.1", -1 if wrong == "dates" else 1
    context, ca = _secured(tmp_path, name, hours)
    trusted = make_ca("Other") if wrong == "root" else ca
    with running(context) as server:
        server.behaviours[PATH] = ALLOWED
        assert refusal(server, roots=_pem(trusted.root_certificate)) == "has a TLS certificate that does not verify"
        assert server.bodies == []
