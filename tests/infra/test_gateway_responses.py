"""Errors that the gateway makes itself look to a client like errors of the authority."""

import json
from typing import Any

import pytest

from tests.infra.templates import load

# Every type of gateway response that AWS documents, and the status that a client shall see. A type
# without one of its own would answer with its default status and the body of DEFAULT_4XX or _5XX.
STATUSES = {
    "DEFAULT_4XX": 400,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "UNAUTHORIZED": 401,
    "ACCESS_DENIED": 403,
    "EXPIRED_TOKEN": 403,
    "INVALID_API_KEY": 403,
    "INVALID_SIGNATURE": 403,
    "WAF_FILTERED": 403,
    # What a REST API calls a path that it does not have, or a method that a path does not have.
    "MISSING_AUTHENTICATION_TOKEN": 404,
    "RESOURCE_NOT_FOUND": 404,
    "REQUEST_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "QUOTA_EXCEEDED": 429,
    "THROTTLED": 429,
    "DEFAULT_5XX": 500,
    "API_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500,
    "INTEGRATION_FAILURE": 503,
    "INTEGRATION_TIMEOUT": 504,
}
# The default texts of step-ca (errs/error.go), which its clients' users know.
STEP_TEXTS = {
    400: "The request could not be completed; malformed or missing data.",
    401: "The request lacked necessary authorization to be completed.",
    403: "The request was forbidden by the certificate authority.",
    404: "The requested resource could not be found.",
    500: "The certificate authority encountered an Internal Server Error.",
}
SEE_LOGS = " Please see the certificate authority logs for more info."

every_response = pytest.mark.parametrize("kind", sorted(STATUSES))


def responses() -> dict[str, Any]:
    found: dict[str, Any] = load("template.yaml")["Resources"]["Api"]["Properties"]["GatewayResponses"]
    return found


def body(kind: str) -> dict[str, Any]:
    templates = responses()[kind]["ResponseTemplates"]
    assert set(templates) == {"application/json"}
    document = json.loads(templates["application/json"])
    assert isinstance(document, dict)
    return document


def test_every_type_of_response_is_set() -> None:
    assert set(responses()) == set(STATUSES)


@every_response
def test_status_and_body_agree(kind: str) -> None:
    assert responses()[kind]["StatusCode"] == STATUSES[kind]
    assert set(body(kind)) == {"status", "message"}
    assert body(kind)["status"] == STATUSES[kind]


@every_response
def test_the_message_is_steps_own_or_a_sentence(kind: str) -> None:
    message = body(kind)["message"]
    if text := STEP_TEXTS.get(STATUSES[kind]):
        assert message == text + SEE_LOGS
    else:
        assert message.startswith("The ")
        assert message.endswith(".")
    # API Gateway would substitute these; and an answer must be the same text everywhere.
    assert "$" not in message


@every_response
def test_a_client_is_told_when_to_come_back(kind: str) -> None:
    retried = STATUSES[kind] in {429, 503, 504}
    parameters = responses()[kind].get("ResponseParameters")
    assert parameters == ({"Headers": {"Retry-After": "'1'"}} if retried else None)
