"""The handler of a function behind API Gateway: event in, FastAPI, event out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mangum import Mangum

from stepless.http.step_app import step_app
from stepless.runtime.observability import Observability
from stepless.runtime.settings import FunctionSettings
from stepless.runtime.wiring import Wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from fastapi import APIRouter

_UNREAD: Final = frozenset({"host", "x-forwarded-port"})
Routers = Callable[[Wiring, Callable[..., None]], "list[APIRouter]"]


class ApiFunction:
    """Built when the first event arrives, so that importing a function touches nothing."""

    def __init__(self, name: str, routers: Routers, wiring: Callable[[FunctionSettings], Wiring] = Wiring) -> None:
        """``routers`` makes the function's routes from its services and the note-taker of its log event."""
        self._name = name
        self._routers = routers
        self._wiring = wiring
        self._built: tuple[Mangum, Observability] | None = None

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Serve one API Gateway event."""
        if self._built is None:
            self._built = self._build()
        mangum, observability = self._built
        observability.begin(context)
        observability.note(route=event.get("resource", ""), method=event.get("httpMethod", ""))
        try:
            response: dict[str, Any] = mangum(_without_host(event), context)  # type: ignore[arg-type]  # two spellings of one protocol
            observability.note(status=response["statusCode"])
        finally:
            observability.end()
        return response

    def _build(self) -> tuple[Mangum, Observability]:
        settings = FunctionSettings.from_environment()
        observability = Observability(self._name, settings.log_level)
        app = step_app(*self._routers(self._wiring(settings), observability.note), report=observability.report)
        _ensure_event_loop()
        return Mangum(app, lifespan="off"), observability


def _without_host(event: dict[str, Any]) -> dict[str, Any]:
    """The event without the headers that Mangum takes apart and nobody reads: it fails on an address in brackets."""
    parts = {part: event.get(part) or {} for part in ("headers", "multiValueHeaders")}
    kept = {
        part: {name: value for name, value in headers.items() if name.lower() not in _UNREAD}
        for part, headers in parts.items()
    }
    return {**event, **kept}


def _ensure_event_loop() -> None:
    """Mangum takes the current event loop; newer Pythons make none on their own."""
    try:
        asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())
