"""DynamoDB's low-level protocol: one JSON document each way over a kept connection, signed, tried twice.

The SDK's client does the same in five times the CPU, most of what a certificate costs (ADR 0008).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.client
import json
import secrets
import select
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from stepless.store.sigv4 import Credentials, Scope, sign

_TARGET: Final = "DynamoDB_20120810."
_ATTEMPTS: Final = 2
_CONNECT_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 1.5
# For all attempts together, so that a request is answered within five seconds whatever happens.
_CALL_SECONDS: Final = 4.0
_PAUSE_MILLISECONDS: Final = 100
_MAX_ANSWER: Final = 16 * 1024 * 1024  # what DynamoDB can say at most; a page of a query is 1 MB
_SERVER_ERROR: Final = 500
_TRY_AGAIN: Final = frozenset({
    "InternalServerError", "LimitExceededException", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
    "ServiceUnavailable", "ThrottlingException", "TransactionInProgressException",
})  # fmt: skip


class CallRefused(Exception):
    """DynamoDB understood a call and refused it."""

    def __init__(self, code: str, reasons: tuple[Mapping[str, Any], ...] = ()) -> None:
        """Keep AWS's code, and for a canceled transaction the reason of each of its writes."""
        super().__init__(code)
        self.code = code
        self.reasons = reasons


class NoAnswer(Exception):
    """Nothing that could be understood came back: whether the call had its effect is unknown."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where DynamoDB is."""

    url: str
    region: str


class DynamoDB:
    """The calls of one endpoint with one identity; connections are kept and may be used from several threads."""

    def __init__(self, endpoint: Endpoint, credentials: Callable[[], Credentials]) -> None:
        """Nothing is connected before the first call; ``credentials`` are asked for at each."""
        self.endpoint = endpoint
        self.credentials = credentials
        address = urlsplit(endpoint.url)
        self._secure = address.scheme == "https"
        self._host = address.hostname or ""
        self._port = address.port or (443 if self._secure else 80)
        self._authority = address.netloc
        self._scope = Scope(endpoint.region, "dynamodb")
        self._idle: list[socket.socket] = []

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do one operation of the API, such as ``GetItem``; binary values are bytes both ways.

        A write that is to happen once must carry a ``ClientRequestToken``: an attempt without an answer is repeated.

        Raises:
            CallRefused: it was refused, for the second time if another attempt could have helped.
            NoAnswer: nobody answered within four seconds.
        """
        body = json.dumps(request, separators=(",", ":"), default=_to_base64).encode()
        deadline = time.monotonic() + _CALL_SECONDS
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._attempt(operation, body, deadline)
            except CallRefused as refusal:
                if attempt == _ATTEMPTS or refusal.code not in _TRY_AGAIN:
                    raise
            except NoAnswer:
                if attempt == _ATTEMPTS:
                    raise
            time.sleep(secrets.randbelow(_PAUSE_MILLISECONDS) / 1000)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _attempt(self, operation: str, body: bytes, deadline: float) -> dict[str, Any]:
        try:
            status, answer = self._exchange(self._headers(operation, body), body, deadline)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(operation) from error
        try:
            document = json.loads(answer)
        except ValueError as error:
            raise NoAnswer(operation) from error
        if not isinstance(document, dict):
            raise NoAnswer(operation)
        if status == http.client.OK:
            return document
        code = str(document.get("__type", "")).rpartition("#")[2]
        if status >= _SERVER_ERROR:
            code = code if code in _TRY_AGAIN else "InternalServerError"
        raise CallRefused(code, tuple(document.get("CancellationReasons") or ()))

    def _headers(self, operation: str, body: bytes) -> dict[str, str]:
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "host": self._authority,
            "x-amz-target": _TARGET + operation,
        }
        sign(headers, body, self.credentials(), self._scope, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
        return headers

    def _exchange(self, headers: dict[str, str], body: bytes, deadline: float) -> tuple[int, bytes]:
        """Status and body of the answer.

        Raises:
            OSError, HTTPException: no connection, no answer in time, or one that was damaged on the way.
        """
        connection = self._connection(deadline)
        try:
            connection.settimeout(_left(deadline, _ANSWER_SECONDS))
            connection.sendall(_request(headers, body))
            # The standard library's client, less what it does to build a request: half of its cost.
            response = http.client.HTTPResponse(connection, method="POST")
            response.begin()
            answer = _read(response)
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response.status, answer

    def _connection(self, deadline: float) -> socket.socket:
        with contextlib.suppress(IndexError):  # another thread may take the last one
            while self._idle:
                kept = self._idle.pop()
                if not _was_dropped(kept):
                    return kept
                kept.close()
        connection = socket.create_connection((self._host, self._port), _left(deadline, _CONNECT_SECONDS))
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._secure:
                return self._tls_context.wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            connection.close()
            raise
        return connection

    @cached_property
    def _tls_context(self) -> ssl.SSLContext:
        """Made when first needed: it reads all the system's roots."""
        return ssl.create_default_context()

    def close(self) -> None:
        """End the connections that are kept."""
        while self._idle:
            self._idle.pop().close()


def _request(headers: dict[str, str], body: bytes) -> bytes:
    """On the wire; the headers are our own and AWS's, so they hold no line breaks."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode("ascii") + body


def _read(response: http.client.HTTPResponse) -> bytes:
    """The whole body, undamaged."""
    answer = response.read(_MAX_ANSWER)
    if response.length:
        raise http.client.IncompleteRead(answer)
    checksum = response.headers.get("x-amz-crc32")
    if checksum is not None and checksum != str(zlib.crc32(answer)):
        raise http.client.HTTPException("the checksum of the answer is wrong")
    return answer


def _left(deadline: float, most: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time is left for another attempt")
    return min(left, most)


def _was_dropped(connection: socket.socket) -> bool:
    """Whether the other side ended a connection while nothing was asked: then there is something to read."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _to_base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    msg = f"{type(value).__name__} has no place in a request"
    raise TypeError(msg)


def plain_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of an answer with its binary values as bytes.

    Raises:
        NoAnswer: they are not base64.
    """
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        if "B" in value:
            return {"B": base64.b64decode(value["B"], validate=True)}
    except (binascii.Error, TypeError) as error:
        raise NoAnswer("a binary value that is not base64") from error
    if "L" in value:
        return {"L": [_plain(entry) for entry in value["L"]]}
    if "M" in value:
        return {"M": plain_item(value["M"])}
    return value
