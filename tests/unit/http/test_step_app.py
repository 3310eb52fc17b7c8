import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import APIRouter, Request
from starlette.responses import Response

from stepless.errors import Forbidden
from stepless.http.step_app import MAX_BODY_BYTES, limited_body, step_app


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes


def routes() -> APIRouter:
    router = APIRouter()

    @router.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(await limited_body(request))

    @router.get("/refuse")
    async def refuse() -> Response:
        raise Forbidden("no")

    @router.get("/crash")
    async def crash() -> Response:
        raise ZeroDivisionError("s3cret")

    return router


def call(
    method: str,
    path: str,
    *headers: tuple[bytes, bytes],
    body: bytes = b"",
    report: Callable[[Exception], None] = lambda _: None,
) -> Answer:
    """One request straight into the application, without a server."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "https",
        "server": ("ca.example", 443),
        "headers": list(headers),
    }
    asyncio.run(step_app(routes(), report=report)(scope, receive, send))
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], dict(sent[0]["headers"]), content)


@pytest.mark.parametrize("prefix", ["", "/1.0"])
def test_every_route_is_there_with_and_without_version(prefix: str) -> None:
    assert call("POST", f"{prefix}/echo", body=b"x").body == b"x"


@pytest.mark.parametrize("path", ["/", "/nowhere", "/echo/", "/2.0/echo", "/1.0", "//echo", "/docs", "/openapi.json"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    answer = call("POST", path)
    assert answer.status == 404
    assert json.loads(answer.body)["status"] == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW"])
def test_another_method_is_not_allowed(method: str) -> None:
    assert call(method, "/echo").status == 405


def test_a_refusal_is_reported_and_rendered() -> None:
    reported: list[Exception] = []
    answer = call("GET", "/refuse", report=reported.append)
    assert answer.status == 403
    assert [type(error) for error in reported] == [Forbidden]


def test_what_nobody_expected_is_reported_and_answered_without_its_text() -> None:
    reported: list[Exception] = []
    answer = call("GET", "/crash", report=reported.append)
    assert answer.status == 500
    assert b"s3cret" not in answer.body
    assert [type(error) for error in reported] == [ZeroDivisionError]


def test_a_body_may_be_as_large_as_the_limit_and_not_larger() -> None:
    assert call("POST", "/echo", body=b"x" * MAX_BODY_BYTES).status == 200
    assert call("POST", "/echo", body=b"x" * (MAX_BODY_BYTES + 1)).status == 413


@pytest.mark.parametrize("path", ["/refuse", "/crash", "/nowhere"])
def test_every_answer_has_the_request_id_of_the_caller(path: str) -> None:
    answer = call("GET", path, (b"x-request-id", b"id-1"), (b"x-smallstep-id", b"id-2"))
    assert answer.headers[b"x-request-id"] == b"id-1"
    assert call("GET", path, (b"x-smallstep-id", b"id-2")).headers[b"x-request-id"] == b"id-2"


@pytest.mark.parametrize("value", [b"", b"a b", b"x" * 129, b"a\r\nSet-Cookie: x", b"\xff"])
def test_a_request_id_that_is_none_is_replaced_by_a_new_one(value: bytes) -> None:
    first, second = (call("GET", "/refuse", (b"x-request-id", value)).headers[b"x-request-id"] for _ in range(2))
    assert re.fullmatch(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", first)
    assert first != second
