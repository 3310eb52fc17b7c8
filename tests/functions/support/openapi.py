"""The OpenAPI document of the whole API, out of the applications of its functions.

Paths, methods and path parameters are FastAPI's; bodies are the models that the handlers read; statuses are those of
step's error table. It is made for tests: the functions serve no document and spend no time on one.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi.routing import APIRoute
from typing_extensions import override

from stepless.http.step_app import step_app
from stepless.http.step_errors import STEP_ERRORS
from stepless.http.step_schemas import StepBody
from stepless.runtime.settings import FunctionSettings
from stepless.runtime.wiring import Wiring
from tests.functions.support.endpoints import ENDPOINTS, JSON, Endpoint, Schema, record
from tests.functions.support.events import routes
from tests.functions.support.handlers import load_app

Document = dict[str, Any]

_CERTIFICATE, _TOKEN = "clientCertificate", "renewToken"
_SECURITY_SCHEMES = {_CERTIFICATE: {"type": "mutualTLS"}, _TOKEN: {"type": "http", "scheme": "bearer"}}
_HEADERS = {"X-Request-Id": {"required": True, "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"}}}


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path; the function that has it, and the handler in it."""

    method: str
    path: str
    folder: str
    handler: str

    @override
    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def endpoint(self) -> Endpoint:
        """What the table says of the handler."""
        return ENDPOINTS[self.handler]


def operations() -> Iterator[Operation]:
    """Every operation of the document."""
    for path, methods in document()["paths"].items():
        for method, described in methods.items():
            yield Operation(method.upper(), path, *described["tags"])


@cache
def document() -> Document:
    """The document. Shared: not to be changed."""
    paths: dict[str, Document] = {}
    for folder in sorted({folder for _, _, folder in routes()}):
        for path, methods in _paths(folder).items():
            # FastAPI takes the methods of a route out of a set.
            for method in sorted(methods):
                paths.setdefault(path, {})[method] = _operation(methods[method], method, path, folder)
    return {
        "openapi": "3.1.0",
        "info": {"title": "stepless", "version": "1.0"},
        "paths": dict(sorted(paths.items())),
        "components": {"securitySchemes": _SECURITY_SCHEMES},
    }


def _paths(folder: str) -> dict[str, Document]:
    """What FastAPI says of a function, each operation under the name of its handler; nothing is connected."""
    handler = load_app(folder).handler
    routers = handler._routers(Wiring(FunctionSettings({})), lambda **_: None)  # noqa: SLF001 - what the app mounts
    for router in routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            route.operation_id = route.name
    with warnings.catch_warnings():
        # A handler serves several paths and methods, which so share its name.
        warnings.filterwarnings("ignore", "Duplicate Operation ID")
        paths: dict[str, Document] = step_app(*routers, report=lambda _: None).openapi()["paths"]
    return paths


def _operation(found: Document, method: str, path: str, folder: str) -> Document:
    handler = found["operationId"]
    assert handler in ENDPOINTS, f"{handler} is not in the table: say how it answers"
    endpoint = ENDPOINTS[handler]
    query = [{"name": name, "in": "query", "schema": schema} for name, schema in endpoint.query.items()]
    described: Document = {
        "operationId": f"{method} {path}",
        "tags": [folder, handler],
        "parameters": [*found.get("parameters", []), *query],
        "responses": _responses(endpoint),
    }
    if endpoint.body is not None:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": _body(endpoint.body)}}}
    if endpoint.renew_token:
        described["security"] = [{_CERTIFICATE: []}, {_TOKEN: []}]
    return described


def _body(model: type[StepBody]) -> Schema:
    """A body as the model has it; of each member `null` is as good as none."""
    members = model.model_json_schema()["properties"]
    return {
        "type": "object",
        "properties": {name: {"anyOf": [schema, {"type": "null"}]} for name, schema in members.items()},
    }


def _responses(endpoint: Endpoint) -> dict[str, Document]:
    statuses = sorted({STEP_ERRORS[refusal][0] for refusal in endpoint.refusals})
    refusals = {str(status): _response(_error(status), JSON) for status in statuses}
    return {str(endpoint.status): _response(endpoint.schema, endpoint.media_type), **refusals}


def _response(schema: Schema, media_type: str) -> Document:
    return {"description": "", "headers": _HEADERS, "content": {media_type: {"schema": schema}}}


def _error(status: int) -> Schema:
    message = {"type": "string", "minLength": 10, "maxLength": 1_000}
    return record({"status": {"const": status}, "message": message})
