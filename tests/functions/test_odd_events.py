"""Events with parts that clients choose, or that are not what one expects: served or refused, never a crash."""

from typing import Any

import pytest

from tests.functions.support.authority import MotoAuthority
from tests.functions.support.events import make_event
from tests.support.refusal import check_refusal

HOSTS = (
    "localhost",
    "[::1]:9000",
    "[::1]",
    "[::1",
    "::1",
    "a:b:c",
    "localhost:",
    "localhost:port",
    ":",
    "",
    "\xff",
    "a b",
)


@pytest.mark.parametrize("host", HOSTS)
def test_every_host_is_served(host: str, authority: MotoAuthority) -> None:
    answer = authority.warm("ca_info").call("GET", "/health", headers={"Host": host, "host": host})
    assert answer.json() == {"status": "ok"}


def test_a_certificate_is_issued_at_an_address_in_brackets(authority: MotoAuthority) -> None:
    body = authority.forge.sign_body("host.test")
    answer = authority.warm("issue").call("POST", "/sign", body, {"Host": "[::1]:9000"})
    assert answer.status == 201


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-For", "X-Forwarded-Host", "Cookie"]
)
@pytest.mark.parametrize("value", ["", "x", "443, 443", "-1", "\xff", "x" * 5_000])
def test_what_proxies_say_is_not_read(name: str, value: str, authority: MotoAuthority) -> None:
    event = make_event("GET", "/health")
    event["headers"][name] = value
    event["multiValueHeaders"][name] = [value, value]
    assert authority.warm("ca_info").deliver(event).status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"body": None},
        {"body": ""},
        {"headers": None, "multiValueHeaders": None},
        {"headers": {}, "multiValueHeaders": {}},
        {"queryStringParameters": {"a": ""}, "multiValueQueryStringParameters": {"a": ["", "b"]}},
        {"isBase64Encoded": False, "body": "{}"},
        {"isBase64Encoded": False, "body": "\ufffd"},
    ],
    ids=str,
)
def test_an_event_may_lack_what_is_optional(change: dict[str, Any], authority: MotoAuthority) -> None:
    event = {**make_event("POST", "/sign", {}), **change}
    check_refusal(authority.warm("issue").deliver(event), (400,))


def test_an_event_without_identity_has_no_client_certificate(authority: MotoAuthority) -> None:
    identities: tuple[dict[str, Any], ...] = ({}, {"clientCert": None}, {"clientCert": {}})
    for identity in identities:
        event = make_event("POST", "/renew")
        event["requestContext"]["identity"] = identity
        check_refusal(authority.warm("renew").deliver(event), (400,))
