"""A TLS proxy that writes down each request and never asks for client certificates.

It stands where a load balancer without mutual TLS stands, and shows what a client really sends.
"""

import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

from tests.interop.support.authority import Authority
from tests.interop.support.http_client import Answer, Caller

# Names of one hop, which a proxy must not pass on (RFC 9110 §7.6.1), and those it writes itself.
HOP_HEADERS = {"connection", "transfer-encoding", "content-length", "date", "server", "keep-alive"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as it arrived; header names are lower-case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy's own URL, and what passed through it so far."""

    url: str
    requests: list[Recorded] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Method and path of each request."""
        return [f"{request.method} {request.path}" for request in self.requests]


def _handler(authority: Authority, requests: list[Recorded]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def _pass_on(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            requests.append(Recorded(self.command, self.path, headers, body))
            kept = {n: v for n, v in headers.items() if n not in HOP_HEADERS}
            answer = Caller(authority).call(self.command, self.path, body, kept)
            self._reply(answer)

        def _reply(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name not in HOP_HEADERS:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_HEAD = _pass_on  # noqa: N815 - names of http.server

        @override
        def log_message(self, *_arguments: object) -> None:
            """Keep the test's output clean."""

    return Handler


@contextlib.contextmanager
def running(authority: Authority, chain: Path, key: Path) -> Iterator[Proxy]:
    """Yield a proxy in front of `authority` that shows `chain` as its server certificate."""
    requests: list[Recorded] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(authority, requests))
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Proxy(f"https://localhost:{server.server_port}", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
