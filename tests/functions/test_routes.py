"""Every route of `template.yaml` refuses by default, and every function serves its own routes alone."""

from collections import Counter

import pytest

from stepless_dev.routes import RouteTable
from tests.functions.support.authority import Issued, MotoAuthority
from tests.functions.support.credentials import (
    CERTIFICATE_HEADERS,
    Attempt,
    Needs,
    accepted,
    certificate_in_body,
    certificate_in_headers,
    refused,
)
from tests.functions.support.events import Client, make_event, routes, template
from tests.support.forge import make_csr, pem
from tests.support.https import Answer

# The table. A route that is not in it fails, so that nobody adds one without saying who may use it.
WHO_MAY = {
    ("GET", "/health"): Needs.NOTHING,
    ("GET", "/version"): Needs.NOTHING,
    ("GET", "/root/{sha}"): Needs.NOTHING,
    ("GET", "/roots"): Needs.NOTHING,
    ("GET", "/roots.pem"): Needs.NOTHING,
    ("GET", "/intermediates"): Needs.NOTHING,
    ("GET", "/intermediates.pem"): Needs.NOTHING,
    ("GET", "/federation"): Needs.NOTHING,
    ("GET", "/provisioners"): Needs.NOTHING,
    ("GET", "/provisioners/{kid}/encrypted-key"): Needs.NOTHING,
    ("POST", "/sign"): Needs.SIGN_TOKEN,
    ("POST", "/renew"): Needs.CERTIFICATE_OR_RENEW_TOKEN,
    ("POST", "/re-sign"): Needs.CERTIFICATE_OR_RENEW_TOKEN,
    ("POST", "/rekey"): Needs.CERTIFICATE,
    ("POST", "/revoke"): Needs.CERTIFICATE_OR_REVOKE_TOKEN,
}
ROUTES = routes()
WRITING = [route for route in ROUTES if route[0] not in ("GET", "HEAD")]
FOLDERS = sorted({folder for _, _, folder in ROUTES})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def ids(route: tuple[str, str, str]) -> str:
    return f"{route[0]} {route[1]}"


def needs_of(method: str, path: str) -> Needs:
    row = "GET" if method == "HEAD" else method, path.removeprefix("/1.0")
    assert row in WHO_MAY, f"{row} is not in the table: say who may use it"
    return WHO_MAY[row]


@pytest.fixture(scope="module")
def clients(authority: MotoAuthority) -> dict[str, Client]:
    """One warm environment of each function."""
    return {folder: authority.client(folder) for folder in FOLDERS}


@pytest.fixture(scope="module")
def owner(authority: MotoAuthority) -> Issued:
    """A certificate that is not revoked."""
    return authority.issue("owner.test")


def filled(path: str, authority: MotoAuthority) -> str:
    """The path of a route with values that exist."""
    current = authority.wiring.source_authority()
    return path.replace("{sha}", next(iter(current.roots_by_fingerprint))).replace("{kid}", authority.forge.kid)


def send(clients: dict[str, Client], route: tuple[str, str, str], attempt: Attempt) -> Answer:
    method, path, folder = route
    return clients[folder].call(method, path, attempt.body, attempt.headers, attempt.certificate)


def test_every_row_of_the_table_is_a_route() -> None:
    found = Counter(("GET" if method == "HEAD" else method, path.removeprefix("/1.0")) for method, path, _ in ROUTES)
    assert set(found) == set(WHO_MAY)


@pytest.mark.parametrize("route", WRITING, ids=ids)
def test_a_route_refuses_whoever_does_not_bring_what_its_row_says(
    route: tuple[str, str, str], authority: MotoAuthority, clients: dict[str, Client], owner: Issued
) -> None:
    before = authority.counts()
    attempts = dict(refused(needs_of(*route[:2]), authority, owner))
    assert len(attempts) >= 8
    for name, attempt in attempts.items():
        answer = send(clients, route, attempt)
        assert answer.status in (400, 401, 403), f"{name}: {answer.status} {answer.body!r}"
        assert answer.json().keys() == {"status", "message"}, name
        assert answer.json()["status"] == answer.status, name
        assert "BEGIN" not in answer.message, name
    assert authority.counts() == before, "a refused request left a record"


@pytest.mark.parametrize("route", ROUTES, ids=ids)
def test_a_route_serves_whoever_brings_what_its_row_says(
    route: tuple[str, str, str], authority: MotoAuthority, clients: dict[str, Client], owner: Issued
) -> None:
    method, path, folder = route
    for name, attempt in accepted(needs_of(method, path), authority, owner):
        answer = send(clients, (method, filled(path, authority), folder), attempt)
        assert answer.status in (200, 201), f"{name}: {answer.status} {answer.body!r}"


def test_a_route_that_writes_is_not_open_to_anyone() -> None:
    assert all(needs_of(method, path) is not Needs.NOTHING for method, path, _ in WRITING)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_serves_exactly_the_routes_of_the_template(
    folder: str, authority: MotoAuthority, clients: dict[str, Client]
) -> None:
    paths = {path for _, path, _ in ROUTES}
    own = {(method, path) for method, path, owner in ROUTES if owner == folder}
    for path in sorted(paths):
        for method in METHODS:
            answer = clients[folder].call(method, filled(path, authority))
            served = answer.status not in (404, 405)
            assert served == ((method, path) in own), f"{folder}: {method} {path} gave {answer.status}"


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(
    "path", ["/", "/docs", "/redoc", "/openapi.json", "/1.0", "/1.0/1.0/health", "/2.0/health", "/admin/provisioners"]
)
def test_a_function_serves_nothing_that_the_framework_brings(
    folder: str, path: str, clients: dict[str, Client]
) -> None:
    answer = clients[folder].call("GET", path)
    assert answer.status == 404
    assert answer.json()["status"] == 404


@pytest.mark.parametrize("path", ["/renew", "/re-sign", "/rekey", "/revoke"])
@pytest.mark.parametrize("header", CERTIFICATE_HEADERS)
def test_no_header_grants_a_client_certificate(
    path: str, header: str, clients: dict[str, Client], owner: Issued
) -> None:
    folder = "revoke" if path == "/revoke" else "renew"
    body = {"csr": pem(make_csr("x.test")), "serial": str(owner.certificate.serial_number), "passive": True}
    value = certificate_in_headers(owner.certificate)[header]
    answer = clients[folder].call("POST", path, body, {header: value})
    assert answer.status == 400
    assert "client certificate" in answer.message


@pytest.mark.parametrize("path", ["/renew", "/rekey", "/revoke"])
def test_neither_body_nor_query_grants_a_client_certificate(
    path: str, clients: dict[str, Client], owner: Issued
) -> None:
    folder = "revoke" if path == "/revoke" else "renew"
    body = {"csr": pem(make_csr("x.test")), "serial": str(owner.certificate.serial_number), "passive": True}
    body |= certificate_in_body(owner.certificate)
    answer = clients[folder].call("POST", f"{path}?clientCert=1&requestContext=identity", body)
    assert answer.status == 400
    assert "client certificate" in answer.message


def test_an_event_carries_what_the_client_sent_outside_of_the_request_context(owner: Issued) -> None:
    """What the two tests above rely on: the gateway builds the context itself."""
    sent = make_event("POST", "/renew", certificate_in_body(owner.certificate))
    assert "clientCert" not in sent["requestContext"]["identity"]
    shown = make_event("POST", "/renew", certificate=owner.certificate)
    assert shown["requestContext"]["identity"]["clientCert"]["clientCertPem"] == pem(owner.certificate)


@pytest.mark.parametrize("value", ["garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_client_certificate_that_does_not_parse_is_refused(
    value: str, clients: dict[str, Client], owner: Issued
) -> None:
    event = make_event("POST", "/renew", certificate=owner.certificate)
    event["requestContext"]["identity"]["clientCert"]["clientCertPem"] = value
    assert clients["renew"].deliver(event).status == 401


def test_the_gateway_knows_every_route_of_the_table() -> None:
    table = RouteTable(template().routes)
    for method, path, folder in ROUTES:
        match = table.match(method, path.replace("{sha}", "x").replace("{kid}", "x"))
        assert template().functions[match.route.function].code.name == folder
