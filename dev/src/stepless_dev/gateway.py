"""The API: an ASGI application that stands where API Gateway stands, between clients and functions."""

import json
import logging
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from uuid import uuid4

from stepless_dev.environment import (
    Call,
    FunctionCrashedError,
    FunctionFailedError,
    FunctionTimedOutError,
    InvocationError,
)
from stepless_dev.events import (
    MalformedResponseError,
    Request,
    Response,
    from_result,
    to_event,
)
from stepless_dev.functions import Functions
from stepless_dev.pool import ThrottledError
from stepless_dev.routes import Match, NoRouteError, RouteTable, WrongMethodError
from stepless_dev.template import Template

MAX_BODY_BYTES = 10 * 1024 * 1024  # of an API Gateway request
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024  # of a Lambda event or result
MAX_HEADER_BYTES = 10_240  # request line and headers together

_access_log = logging.getLogger("stepless_dev.access")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# AWS's own texts, for a template that sets no response of a type.
_DEFAULT_STATUS = {
    "MISSING_AUTHENTICATION_TOKEN": 403, "REQUEST_TOO_LARGE": 413, "THROTTLED": 429,
    "INTEGRATION_TIMEOUT": 504, "INTEGRATION_FAILURE": 504, "DEFAULT_4XX": 400, "DEFAULT_5XX": 502,
}  # fmt: skip


class _RefusedError(Exception):
    """The gateway answers by itself, with the response that the template gives to a type."""

    def __init__(self, kind: str, *, closes: bool = False) -> None:
        super().__init__(kind)
        self.kind = kind
        self.closes = closes


class Gateway:
    """Routes requests to functions; knows nothing of what they do."""

    def __init__(self, template: Template, functions: Functions, port: int) -> None:
        self._template = template
        self._routes = RouteTable(template.routes)
        self._functions = functions
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request."""
        started = time.monotonic()
        route = function = "-"
        request = _head(scope, self._port)
        try:
            match = self._routes.match(request.method, request.raw_path)
            route, function = match.route.path, match.route.function
            _check_framing(scope)
            _check_header_size(scope)
            request = await _with_body(request, receive)
            response = await self._invoke(request, match)
        except _ClientGoneError:
            return
        except NoRouteError:
            response = self.own_response("MISSING_AUTHENTICATION_TOKEN", request.id)
        except WrongMethodError as exc:
            response = _wrong_method(exc.allowed, request.id)
        except _RefusedError as exc:
            response = self.own_response(exc.kind, request.id)
            if exc.closes:
                response.headers.append(("Connection", "close"))
        except (InvocationError, MalformedResponseError, OSError) as exc:
            response = self.own_response(_failure(exc), request.id)
            _access_log.warning(_line(error=type(exc).__name__, function=function, id=request.id))
        except Exception as exc:  # noqa: BLE001  # the last handler: a defect of the gateway itself
            response = self.own_response("DEFAULT_5XX", request.id)
            # Where, and not what: the text of an exception may hold what the client sent.
            where = traceback.format_tb(exc.__traceback__)
            _access_log.error(_line(error=type(exc).__name__, id=request.id, where=where))
        await _answer(send, response)
        _access_log.info(
            _line(
                id=request.id, method=request.method, route=route, function=function,
                status=response.status, ms=round((time.monotonic() - started) * 1000, 1),
            )
        )  # fmt: skip

    async def _invoke(self, request: Request, match: Match) -> Response:
        trace_id = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"  # noqa: TID251  # X-Ray's form
        event = to_event(request, match, trace_id, self._template.binary_media_types)
        if event["body"] and len(event["body"]) > MAX_PAYLOAD_BYTES:
            raise _RefusedError("REQUEST_TOO_LARGE")
        pool = self._functions[match.route.function]
        return from_result(await pool.invoke(Call(event, request.id, trace_id)), request)

    def own_response(self, kind: str, request_id: str) -> Response:
        """What the template's `GatewayResponses` say for a type of error."""
        found = self._template.responses.get(kind)
        if found is None:
            general = "DEFAULT_5XX" if _DEFAULT_STATUS[kind] >= 500 else "DEFAULT_4XX"  # noqa: PLR2004  # HTTP status
            found = self._template.responses.get(general)
        if found is None:
            status = _DEFAULT_STATUS[kind]
            body = json.dumps({"status": status, "message": kind.replace("_", " ").capitalize()})
            return _own(status, {}, body, request_id)
        body = _filled(found.body, kind.replace("_", " ").capitalize(), request_id)
        return _own(found.status, found.headers, body, request_id)


def _filled(template: str, message: str, request_id: str) -> str:
    """The variables that a gateway response may use."""
    values = {
        "$context.error.messageString": json.dumps(message),
        "$context.error.message": message,
        "$context.requestId": request_id,
    }
    for name, value in values.items():  # the longest name first
        template = template.replace(name, value)
    return template


class _ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


def _failure(exc: Exception) -> str:
    """The type of gateway response that a failed invocation stands for."""
    if isinstance(exc, FunctionTimedOutError):
        return "INTEGRATION_TIMEOUT"
    if isinstance(exc, ThrottledError):
        return "THROTTLED"
    if isinstance(exc, FunctionFailedError | FunctionCrashedError | MalformedResponseError):
        return "DEFAULT_5XX"
    return "INTEGRATION_FAILURE"


def _head(scope: Scope, port: int) -> Request:
    return Request(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        body=b"",
        client_host=scope["client"][0] if scope["client"] else "127.0.0.1",
        port=port,
        client_certificate=scope.get("state", {}).get("client_certificate"),
        id=str(uuid4()),
    )


def _check_framing(scope: Scope) -> None:
    """Where a request ends must not be a matter of opinion (RFC 9112 §6.3)."""
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
        raise _RefusedError("DEFAULT_4XX", closes=True)


def _check_header_size(scope: Scope) -> None:
    line = len(scope["raw_path"]) + len(scope["query_string"])
    headers = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    if line + headers > MAX_HEADER_BYTES:
        raise _RefusedError("DEFAULT_4XX")


async def _with_body(request: Request, receive: Receive) -> Request:
    declared = request.header("content-length")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        raise _RefusedError("REQUEST_TOO_LARGE")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGoneError
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _RefusedError("REQUEST_TOO_LARGE")
        if not message.get("more_body"):
            break
    return Request(
        request.method, request.raw_path, request.query, request.headers, bytes(body),
        request.client_host, request.port, request.client_certificate, request.id,
    )  # fmt: skip


def _own(status: int, headers: dict[str, str], body: str, request_id: str) -> Response:
    given = [("Content-Type", "application/json"), ("x-amzn-RequestId", request_id)]
    return Response(status, [*given, *headers.items()], body.encode())


def _wrong_method(allowed: list[str], request_id: str) -> Response:
    # API Gateway itself says "no such route" here; a person at a laptop is better served so.
    body = json.dumps({"status": 405, "message": "The request method is not allowed here."})
    return _own(405, {"Allow": ", ".join(allowed)}, body, request_id)


async def _answer(send: Send, response: Response) -> None:
    headers = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in response.headers]
    if response.status != 204:  # noqa: PLR2004  # HTTP status
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _line(**facts: Any) -> str:
    """One line of the access log. The route, never the path: paths carry what clients put there."""
    return json.dumps(facts)
