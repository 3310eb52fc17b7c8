"""The FastAPI application of a function that speaks step's protocol: limits, request id, errors, one log event.

A function mounts the routers of its own routes only; whatever else arrives is refused.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stepless.errors import CAError, TooLarge
from stepless.http.step_errors import error_response, render_error

# Nothing that step sends comes near; a request that does is not worth parsing.
MAX_BODY_BYTES: Final = 262_144
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_PREFIXES: Final = ("", "/1.0")
_STATUS_TEXT: Final = {
    404: "The requested resource could not be found.",
    405: "The method is not allowed here.",
}

ReportError = Callable[[Exception], None]


def step_app(*routers: APIRouter, report: ReportError) -> FastAPI:
    """An application with the given routes at ``/`` and at ``/1.0/``.

    ``report`` is told of every exception before it becomes an answer: the cause belongs into the log.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in routers:
        for prefix in _PREFIXES:
            app.include_router(router, prefix=prefix)

    async def refused(_: Request, error: Exception) -> Response:
        report(error)
        return render_error(error)

    async def not_routed(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        response = error_response(status, _STATUS_TEXT.get(status, _STATUS_TEXT[404]))
        if isinstance(error, HTTPException):
            response.headers.update(error.headers or {})  # Allow (RFC 9110 §15.5.6)
        return response

    app.add_exception_handler(CAError, refused)
    app.add_exception_handler(HTTPException, not_routed)
    app.add_middleware(_RequestEnvelope, report=report)
    return app


class _RequestEnvelope:
    """Answers with the caller's request id (or a new one), and turns what nobody expected into a 500."""

    def __init__(self, app: ASGIApp, report: ReportError) -> None:
        self._app = app
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id.decode()
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:  # noqa: BLE001 - the last handler: no stack trace leaves the authority
            self._report(error)
            if not started:
                await render_error(error)(scope, receive, send_with_id)


def _request_id(scope: Scope) -> bytes:
    headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
    for name in (b"x-request-id", b"x-smallstep-id"):
        value = headers.get(name, b"")
        if _REQUEST_ID.fullmatch(value):
            return value
    return str(uuid.uuid4()).encode()


async def limited_body(request: Request) -> bytes:
    """The request's body.

    Raises:
        TooLarge: more than ``MAX_BODY_BYTES``.
    """
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(f"the body is {len(body)} bytes; {MAX_BODY_BYTES} is the most")
    return body
