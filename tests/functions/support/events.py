"""Real API Gateway REST events, made by the local gateway's own code from the routes of `template.yaml`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from stepless_dev.events import ClientCertificate, Request, from_result, to_event
from stepless_dev.routes import Match, NoRouteError, RouteTable, WrongMethodError
from stepless_dev.template import Route, Template, read_template
from tests.functions.support.handlers import ROOT, Environment
from tests.support.https import Answer

_TRACE = "Root=1-00000000-000000000000000000000000"


@cache
def template() -> Template:
    """The deployed template."""
    return read_template(ROOT / "template.yaml")


@cache
def folder_of(logical_id: str) -> str:
    """The folder of a function of the template."""
    return template().functions[logical_id].code.name


def routes() -> list[tuple[str, str, str]]:
    """(method, path, folder) of every route of the template."""
    return [(route.method, route.path, folder_of(route.function)) for route in template().routes]


def shown(certificate: x509.Certificate) -> ClientCertificate:
    """A client certificate as the TLS layer reports it."""
    return ClientCertificate(
        certificate.public_bytes(Encoding.DER),
        {
            "subject": ((("commonName", certificate.subject.rfc4514_string()),),),
            "issuer": ((("commonName", certificate.issuer.rfc4514_string()),),),
            "serialNumber": f"{certificate.serial_number:X}",
            "notBefore": f"{certificate.not_valid_before_utc:%b %d %H:%M:%S %Y GMT}",
            "notAfter": f"{certificate.not_valid_after_utc:%b %d %H:%M:%S %Y GMT}",
        },
    )


def make_event(
    method: str,
    path: str,
    body: object = b"",
    headers: Mapping[str, str] | None = None,
    certificate: x509.Certificate | None = None,
) -> dict[str, Any]:
    """The event of one request; `body` is JSON unless it is bytes. A path that has no route keeps its own name."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    raw_path, _, query = path.partition("?")
    given = {"Host": "localhost:9000", "Content-Type": "application/json", **(headers or {})}
    request = Request(
        method=method,
        raw_path=raw_path,
        query=query,
        headers=list(given.items()),
        body=data,
        client_host="127.0.0.1",
        port=9000,
        client_certificate=shown(certificate) if certificate else None,
    )
    return to_event(request, _match(method, raw_path), _TRACE, template().binary_media_types)


def _match(method: str, path: str) -> Match:
    """The route of a request, or what a function would see if the gateway let anything through."""
    try:
        return RouteTable(template().routes).match(method, path)
    except (NoRouteError, WrongMethodError):
        return Match(Route(method, path, ""), {})


@dataclass(frozen=True, slots=True)
class Client:
    """Calls one environment in-process and reads its answer as the gateway does."""

    environment: Environment

    def call(
        self,
        method: str,
        path: str,
        body: object = b"",
        headers: Mapping[str, str] | None = None,
        certificate: x509.Certificate | None = None,
    ) -> Answer:
        """One request."""
        return self.deliver(make_event(method, path, body, headers, certificate))

    def deliver(self, event: dict[str, Any]) -> Answer:
        """One event, as it is."""
        result = self.environment.invoke(event)
        request = Request(event["httpMethod"], event["path"], "", [], b"", "127.0.0.1", 9000)
        response = from_result(result, request)
        return Answer(response.status, {name.lower(): value for name, value in response.headers}, response.body)
