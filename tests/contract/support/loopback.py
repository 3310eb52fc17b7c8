"""Endpoints on loopback that fail as networks and services do: scripted answers, lost answers, silence."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

_HOP = {"connection", "transfer-encoding", "content-length"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an AWS service with JSON protocol."""

    operation: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service says; `cut` ends the connection in the middle of it, `lost` before its first byte."""

    status: int
    raw: bytes
    cut: bool = False
    lost: bool = False


def success(**body: Any) -> Answer:
    """An answer of status 200."""
    return Answer(200, json.dumps(body).encode())


def failure(code: str, status: int = 400, **more: Any) -> Answer:
    """An error as services with JSON protocol state it."""
    return Answer(status, json.dumps({"__type": f"com.amazonaws#{code}", "message": code, **more}).encode())


@dataclass(slots=True)
class Service:
    """An endpoint that asks a function for each answer, and keeps the calls."""

    url: str
    calls: list[Call] = field(default_factory=list)

    def operations(self) -> list[str]:
        """The names of the calls, in order."""
        return [call.operation for call in self.calls]


@contextlib.contextmanager
def serving(answer: Callable[[Call], Answer]) -> Iterator[Service]:
    """Run an endpoint in threads of this process."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            call = Call(operation, dict(self.headers), raw)
            service.calls.append(call)
            given = answer(call)
            self.close_connection = given.lost or given.cut
            if given.lost:
                return
            self.send_response(given.status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(given.raw) + (100 if given.cut else 0)))
            self.end_headers()
            self.wfile.write(given.raw)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Nothing to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Service(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(slots=True)
class LossyLine:
    """Passes calls on to an AWS and loses the next answers on their way back, of one operation if it is named."""

    upstream: str
    lose: int = 0
    operation: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, call: Call) -> Answer:
        """The upstream's answer, or its loss."""
        headers = {name: value for name, value in call.headers.items() if name.lower() not in _HOP}
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=10)
        try:
            connection.request("POST", "/", call.raw, headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.read())
        finally:
            connection.close()
        with self._lock:
            lost = self.lose > 0 and self.operation in ("", call.operation)
            self.lose -= lost
        return Answer(answer.status, answer.raw, lost=lost)


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """An address where connections are refused."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    yield url


@contextlib.contextmanager
def silence() -> Iterator[str]:
    """An endpoint that takes every connection and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def no_way_through() -> Iterator[str]:
    """An address where connections are neither taken nor refused, as behind a firewall that drops packets.

    The kernel drops them while the queue of a listener that accepts nobody is full.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 - the socket module's own form
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
