"""GET and POST of small documents, bounded in time and size whatever the other side does."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from http.client import HTTPException
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from stepless.domain.json_text import parse_object

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection
    from urllib3.response import HTTPResponse

MAX_BYTES: Final = 1_048_576
_MAX_AGE: Final = re.compile(r'(?:^|[\s,])max-age="?([0-9]{1,9})', re.IGNORECASE)
_NOT_KEPT: Final = re.compile(r"\bno-(?:store|cache)\b", re.IGNORECASE)
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "stepless"}
Result = TypeVar("Result")


class NoDocument(Exception):
    """What was asked for did not come; the text completes "the identity provider …"."""


class NoConnection(NoDocument):
    """The other side could not be reached, or hung up: it may be another time."""


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object, and for how many seconds its sender wants it to be kept, if it says so."""

    content: dict[str, Any]
    max_age: int | None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whose body is read only where its status tells of success."""

    status: int
    body: bytes
    cache_control: str

    @property
    def is_success(self) -> bool:
        """A status of 2xx."""
        return _is_success(self.status)


def within(seconds: float, work: Callable[[Line], Result], context: ssl.SSLContext | None = None) -> Result:
    """Do some work on a line, and cut the line when the time is over.

    The work has a thread of its own: limits on sockets bound neither a name that is not resolved nor an answer of which
    a byte comes now and then.

    Raises:
        NoDocument: it failed, or took too long.
    """
    line = Line(seconds, context)
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work(line))
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            future.set_exception(error)

    Thread(target=run, name="line", daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError as error:
        raise NoDocument(f"does not answer within {seconds:g} seconds") from error
    finally:
        line.cut()


class Line:
    """Connections of one piece of work, one after the other."""

    def __init__(self, seconds: float, context: ssl.SSLContext | None) -> None:
        """``seconds`` are for all of it; ``context`` is for tests, and by default trusts the system's roots."""
        self._step_seconds = seconds + 1  # only for what goes on after the line was cut
        self._context = context
        self._lock = Lock()
        self._held: socket.socket | None = None
        self._was_cut = False

    def get(self, url: str) -> Document:
        """A JSON object from an address that may be called (``key_set.check_address``); redirects are not followed.

        Raises:
            NoDocument: it did not come.
        """
        reply = self._ask("GET", url, _HEADERS)
        if reply.status != HTTPStatus.OK:
            raise NoDocument(f"answers with status {reply.status}")
        try:
            content = parse_object(reply.body)
        except ValueError as error:
            raise NoDocument("answers with something that is not a JSON object") from error
        return Document(content, _seconds_kept(reply.cache_control))

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """What an address says to a body; redirects are not followed.

        Raises:
            NoConnection, NoDocument: nothing, or too much.
        """
        return self._ask("POST", url, {**_HEADERS, **headers}, body)

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - 75 ms that only who calls out needs to pay

        connection = self._new_connection(url)
        try:
            connection.connect()
            self._hold(connection.sock)
            address = urlsplit(url)
            target = (address.path or "/") + (f"?{address.query}" if address.query else "")
            connection.request(method, target, body, headers, preload_content=False, decode_content=False)
            return _read(connection.getresponse())
        except ssl.SSLCertVerificationError as error:
            raise NoDocument("has a TLS certificate that does not verify") from error
        except (OSError, HTTPError, HTTPException, ValueError) as error:
            raise NoConnection("cannot be reached, or hangs up") from error
        finally:
            connection.close()

    def _new_connection(self, url: str) -> HTTPConnection:
        from urllib3.connection import HTTPConnection, HTTPSConnection  # noqa: PLC0415 - as above

        address = urlsplit(url)
        host = address.hostname or ""
        if address.scheme == "http":
            return HTTPConnection(host, address.port, timeout=self._step_seconds)
        trust = self._context or _system_roots()
        return HTTPSConnection(host, address.port, timeout=self._step_seconds, ssl_context=trust)

    def _hold(self, connected: socket.socket | None) -> None:
        """Remember the socket that ``cut`` ends; the connection forgets it while an answer is still read."""
        with self._lock:
            if self._was_cut:
                raise NoDocument("took too long")
            self._held = connected

    def cut(self) -> None:
        """End the connection under whoever waits for it, and let no other one begin."""
        with self._lock:
            self._was_cut = True
            held = self._held
        if held is not None:
            with contextlib.suppress(OSError):
                # Not the method of a TLS socket, which takes it apart under the thread that reads.
                socket.socket.shutdown(held, socket.SHUT_RDWR)


def _is_success(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _read(response: HTTPResponse) -> Reply:
    body = b""
    wanted = MAX_BYTES + 1 if _is_success(response.status) else 0
    while wanted and (more := response.read(wanted - len(body))):  # one read alone does not tell a truncated answer
        body += more
        if len(body) > MAX_BYTES:
            raise NoDocument(f"answers with more than {MAX_BYTES} bytes")
    return Reply(response.status, body, response.headers.get("Cache-Control", ""))


def _seconds_kept(cache_control: str) -> int | None:
    if _NOT_KEPT.search(cache_control):
        return 0
    max_age = _MAX_AGE.search(cache_control)
    return int(max_age[1]) if max_age else None


@cache
def _system_roots() -> ssl.SSLContext:
    return ssl.create_default_context()
