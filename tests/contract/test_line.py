"""Connections to DynamoDB: kept, found dropped, and only to who proves to be the host."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stepless.domain.authority import certificate_pem
from stepless.runtime.clock import SystemClock
from stepless.store.dynamodb import DynamoDB, NoAnswer
from tests.contract.support.clients import clients_for
from tests.fakes.ephemeral_ca import SERVER_AUTH, make_ca, sign_leaf
from tests.fakes.private_keys import p256

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def counting(*, hang_up: bool, context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[int]]]:
    """A port, and the requests that came over each connection to it; it may hang up after each answer."""
    requests: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                requests.append(0)
                with connection, contextlib.suppress(OSError):
                    if context is None:
                        _talk(connection)
                        continue
                    with context.wrap_socket(connection, server_side=True) as secured:
                        _talk(secured)

        def _talk(connection: socket.socket) -> None:
            while received := connection.recv(65_536):
                while not received.endswith(b"}"):
                    received += connection.recv(65_536)
                requests[-1] += 1
                connection.sendall(_ANSWER)
                if hang_up:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], requests
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def calls(dynamodb: DynamoDB, count: int) -> None:
    with closing(dynamodb):
        for _ in range(count):
            assert dynamodb.call("GetItem", {}) == {}


def test_a_connection_is_kept() -> None:
    with counting(hang_up=False) as (port, requests):
        calls(clients_for(f"http://127.0.0.1:{port}").dynamodb(), 3)
    assert requests == [3]


def test_a_connection_that_was_dropped_meanwhile_is_not_used_again() -> None:
    """As after a freeze: the first attempt must not be wasted on it."""
    with counting(hang_up=True) as (port, requests):
        dynamodb = clients_for(f"http://127.0.0.1:{port}").dynamodb()
        with closing(dynamodb):
            dynamodb.call("GetItem", {})
            _wait_until_dropped(dynamodb)
            dynamodb.call("GetItem", {})
    assert requests == [1, 1]


def _wait_until_dropped(dynamodb: DynamoDB) -> None:
    (kept,) = dynamodb._idle  # noqa: SLF001 - nothing outside shows when the end has arrived
    kept.settimeout(5)
    assert kept.recv(1, socket.MSG_PEEK) == b""


def _now() -> datetime:
    return SystemClock().now()


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "a-stranger"])
def test_only_a_host_with_a_trusted_certificate_is_talked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool
) -> None:
    ca, other, key = make_ca(now=_now()), make_ca(now=_now()), p256()
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    end = _now() + timedelta(hours=1)
    leaf = sign_leaf(
        ca.issuing, key, extensions=((SERVER_AUTH, False), (names, False)), not_before=_now(), not_after=end
    )  # fmt: skip
    own = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = "".join(map(certificate_pem, (leaf, ca.intermediate_certificate)))
    (tmp_path / "server.pem").write_bytes(own + chain.encode())
    (tmp_path / "roots.pem").write_text(certificate_pem((ca if trusted else other).root_certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with counting(hang_up=False, context=context) as (port, requests):
        dynamodb = clients_for(f"https://localhost:{port}").dynamodb()
        if trusted:
            calls(dynamodb, 2)
        else:
            with pytest.raises(NoAnswer):
                dynamodb.call("GetItem", {})
    assert requests == ([2] if trusted else [0, 0])
