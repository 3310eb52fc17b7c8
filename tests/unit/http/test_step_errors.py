import json
from collections.abc import Iterator

import pytest

from stepless import errors
from stepless.http.step_errors import STEP_ERRORS, error_response, render_error

SEE_LOGS = "Please see the certificate authority logs for more info."


def subclasses(kind: type[errors.CAError]) -> Iterator[type[errors.CAError]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


KINDS = sorted({kind for kind in subclasses(errors.CAError) if kind.__module__ == "stepless.errors"}, key=str)


def message_of(error: Exception) -> tuple[int, str]:
    response = render_error(error)
    body = json.loads(bytes(response.body))
    assert body.keys() == {"status", "message"}
    assert body["status"] == response.status_code
    assert bytes(response.body).endswith(b"\n")
    assert response.headers["content-type"] == "application/json"
    return response.status_code, body["message"]


def test_the_table_has_every_refusal_and_nothing_else() -> None:
    assert set(STEP_ERRORS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_refusal_has_an_answer_of_its_status(kind: type[errors.CAError]) -> None:
    status, message = message_of(kind("the detail"))
    assert status == STEP_ERRORS[kind][0]
    assert message


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (errors.MalformedRequest("missing ott"), 400, "The request could not be completed: missing ott."),
        (errors.BadCSR("invalid csr"), 400, "The request could not be completed: invalid csr."),
        (errors.InvalidValidity("x"), 400, "The request could not be completed: x."),
        (
            errors.AlreadyRevoked("certificate with serial number '1' is already revoked"),
            400,
            "The request could not be completed: certificate with serial number '1' is already revoked.",
        ),
        (
            errors.Unauthenticated("which check failed"),
            401,
            f"The request lacked necessary authorization to be completed. {SEE_LOGS}",
        ),
        (errors.BadRenewToken("error validating renew token"), 401, "error validating renew token"),
        (
            errors.RenewalRefused("certificate expired on x"),
            401,
            "The request lacked necessary authorization to be completed: certificate expired on x",
        ),
        (errors.Forbidden("x"), 403, "The request was forbidden by the certificate authority: x."),
        (errors.KeyNotAllowed("x"), 403, "The request was forbidden by the certificate authority: x."),
        (errors.ValidityNotAllowed("x"), 403, "The request was forbidden by the certificate authority: x."),
        (errors.NotFound("x was not found"), 404, "x was not found"),
        (
            errors.NotSupported("x"),
            501,
            f"The requested method is not implemented by the certificate authority. {SEE_LOGS}",
        ),
        (
            errors.IntegrityFailure("where the key is"),
            500,
            f"The certificate authority encountered an Internal Server Error. {SEE_LOGS}",
        ),
    ],
)
def test_words_refusals_as_step_does(error: errors.CAError, status: int, message: str) -> None:
    assert message_of(error) == (status, message)


def test_an_outage_says_when_to_come_back() -> None:
    response = render_error(errors.Unavailable("DynamoDB is down"))
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert b"DynamoDB" not in response.body


@pytest.mark.parametrize(
    "error",
    [errors.Unauthenticated("s3cret"), errors.IntegrityFailure("s3cret"), ValueError("s3cret"), KeyError("s3cret")],
)
def test_what_helps_only_an_attacker_stays_in_the_log(error: Exception) -> None:
    assert b"s3cret" not in render_error(error).body


def test_what_is_no_refusal_is_an_internal_error() -> None:
    assert message_of(ZeroDivisionError("x"))[0] == 500


def test_a_refusal_that_is_not_in_the_table_is_an_internal_error() -> None:
    class Unlisted(errors.CAError):
        pass

    assert message_of(Unlisted("x"))[0] == 500


@pytest.mark.parametrize("detail", ["{}", "{0.__class__}", "%s", '"quoted"', "\n", "ü", "\ud800"])
def test_a_detail_is_text_and_never_a_template(detail: str) -> None:
    assert message_of(errors.Forbidden(detail))[1].endswith(f": {detail}.")


def test_an_error_knows_its_kind_and_detail() -> None:
    error = errors.BadCSR("invalid csr")
    assert (error.kind, error.detail, str(error)) == ("BadCSR", "invalid csr", "invalid csr")


def test_an_answer_of_any_status_has_the_form() -> None:
    assert json.loads(bytes(error_response(418, "x").body)) == {"status": 418, "message": "x"}
