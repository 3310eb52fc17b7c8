from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.requests import Request

from stepless.errors import Unauthenticated
from stepless.http.client_certificate import client_certificate
from tests.fakes.ephemeral_ca import make_ca, sign_leaf
from tests.fakes.private_keys import p256

LEAF = sign_leaf(make_ca().issuing, p256())
PEM = LEAF.public_bytes(Encoding.PEM).decode()


def request_of(event: object, *headers: tuple[bytes, bytes]) -> Request:
    scope: dict[str, Any] = {"type": "http", "headers": list(headers), "aws.event": event}
    return Request(scope)


def event_with(client_cert: object) -> dict[str, Any]:
    return {"requestContext": {"identity": {"clientCert": client_cert}}}


def test_reads_the_certificate_that_the_gateway_verified() -> None:
    assert client_certificate(request_of(event_with({"clientCertPem": PEM}))) == LEAF


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"requestContext": None},
        {"requestContext": {"identity": None}},
        event_with(None),
        event_with({}),
        event_with({"clientCertPem": ""}),
    ],
)
def test_there_is_none_when_the_client_showed_none(event: object) -> None:
    assert client_certificate(request_of(event)) is None


@pytest.mark.parametrize("name", [b"x-client-cert", b"x-forwarded-client-cert", b"ssl-client-cert", b"clientcertpem"])
def test_a_header_is_not_believed(name: bytes) -> None:
    assert client_certificate(request_of(event_with(None), (name, PEM.encode()))) is None


def test_refuses_a_certificate_that_does_not_parse() -> None:
    with pytest.raises(Unauthenticated):
        client_certificate(request_of(event_with({"clientCertPem": "garbage"})))
