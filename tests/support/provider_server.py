"""Identity providers and other servers on loopback that behave, or misbehave in every way that a server can."""

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.identity_provider import IdentityProvider

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
Behaviour = Callable[[socket.socket], None]


def answer(body: bytes, status: str = "200 OK", **headers: str) -> Behaviour:
    """A whole answer; underscores in the names of headers stand for dashes."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return lambda line: line.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


def document(content: object, **headers: str) -> Behaviour:
    """A JSON answer."""
    return answer(json.dumps(content).encode(), **headers)


def silent(line: socket.socket) -> None:
    """Nothing, until the caller gives up."""
    while line.recv(65_536):
        pass


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """One after the other, the last for ever."""
    left = list(behaviours)

    def behave(line: socket.socket) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(line)

    return behave


def hangs_up(line: socket.socket) -> None:
    """The end of the connection instead of an answer."""
    line.close()


def dripping(before: bytes) -> Behaviour:
    """A byte now and then, for ever, so that no single read takes long."""

    def behave(line: socket.socket) -> None:
        line.sendall(before)
        line.settimeout(0.05)
        while True:
            line.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                if not line.recv(65_536):
                    return

    return behave


@dataclass(slots=True)
class Endless:
    """100 MB of JSON; `sent` tells how much of it the caller took."""

    sent: int = 0
    chunked: bool = False

    def __call__(self, line: socket.socket) -> None:
        size = 100 * 1024 * 1024
        how = "Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {size}"
        line.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{how}\r\n\r\n".encode())
        block = b'{"a":"' + b"a" * 65_530
        while self.sent < size:
            line.sendall(b"%x\r\n%b\r\n" % (len(block), block) if self.chunked else block)
            self.sent += len(block)


@dataclass(slots=True)
class ProviderServer:
    """What it answers by path, and which paths it was asked for. A path without behaviour is not found."""

    url: str
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def publish(self, provider: IdentityProvider, **headers: str) -> None:
        """Behave, as a provider with these keys; the headers are of the key set."""
        self.behaviours[DISCOVERY] = document(self.configuration())
        self.behaviours[KEYS] = document(provider.published, **headers)

    def configuration(self, **changes: Any) -> dict[str, Any]:
        """The provider's configuration."""
        return {"issuer": self.url, "jwks_uri": f"{self.url}{KEYS}", **changes}

    def serve(self, line: socket.socket) -> None:
        """One request on a connection."""
        head = b""
        while b"\r\n\r\n" not in head:
            received = line.recv(65_536)
            if not received:
                return
            head += received
        path = head.split(b" ")[1].decode()
        self.asked.append(path)
        head, _, body = head.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\ncontent-length: ([0-9]+)", head)
        while length is not None and len(body) < int(length[1]):
            body += line.recv(65_536)
        self.heads.append(head.decode())
        self.bodies.append(body)
        self.behaviours.get(path, answer(b"{}", "404 Not Found"))(line)


@contextlib.contextmanager
def running(context: ssl.SSLContext | None = None, greeting: Behaviour | None = None) -> Iterator[ProviderServer]:
    """A provider in threads of this process, with TLS if there is a context for it.

    With a greeting it does only that with each connection, before it has read anything.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener, contextlib.ExitStack() as lines:
        scheme = "http" if context is None else "https"
        server = ProviderServer(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")

        def talk(line: socket.socket) -> None:
            with contextlib.suppress(OSError), line:
                if greeting is not None:
                    greeting(line)
                elif context is None:
                    server.serve(line)
                else:
                    with context.wrap_socket(line, server_side=True) as secured:
                        server.serve(secured)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    line, _ = listener.accept()
                    lines.callback(line.close)
                    talker = threading.Thread(target=talk, args=(line,), daemon=True)
                    talker.start()
                    lines.callback(talker.join, 5)

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(5)
