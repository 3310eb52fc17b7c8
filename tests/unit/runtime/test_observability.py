import importlib
import json
import logging
import secrets
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from stepless.errors import Forbidden, IntegrityFailure, Unauthenticated, Unavailable
from stepless.runtime.observability import Observability

# It opens its (here never used) socket when it is imported, which no test may do.
importlib.import_module("aws_xray_sdk.core")
CONTEXT: Any = SimpleNamespace(aws_request_id="request-1")
SECRET = "s3cret-token"


@pytest.fixture(autouse=True)
def _logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Powertools reads its namespace from the environment, and changes the loggers of the process."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "stepless")
    library = logging.getLogger("stepless")
    before = library.handlers[:], library.propagate, library.level
    yield
    library.handlers[:], library.propagate = before[0], before[1]
    library.setLevel(before[2])


def new_observability() -> Observability:
    """Powertools keeps a logger per service: a new name is a new one, on the standard output of this very test."""
    return Observability(f"issue-{secrets.token_hex(4)}", "INFO")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [line for line in lines(capsys) if line.get("message") == "request"]


def test_a_request_is_one_event_with_what_was_noted(capsys: pytest.CaptureFixture[str]) -> None:
    observability = new_observability()
    observability.begin(CONTEXT)
    observability.note(route="/sign", serial="abc")
    observability.note(status=201)
    observability.end()
    (event,) = events(capsys)
    assert event["request_id"] == "request-1"
    assert (event["route"], event["serial"], event["status"]) == ("/sign", "abc", 201)
    assert (event["outcome"], event["level"], event["cold_start"]) == ("ok", "INFO", True)
    assert event["duration_ms"] >= 0
    assert "error_kind" not in event


def test_an_event_keeps_nothing_of_the_one_before(capsys: pytest.CaptureFixture[str]) -> None:
    observability = new_observability()
    observability.begin(CONTEXT)
    observability.note(serial="abc")
    observability.report(Forbidden("no"))
    observability.end()
    observability.begin(CONTEXT)
    observability.end()
    _, second = events(capsys)
    assert "serial" not in second
    assert (second["outcome"], second["cold_start"]) == ("ok", False)


@pytest.mark.parametrize(
    "field", ["token", "ott", "csr", "body", "headers", "authorization", "password", "private_key", "cookie", "detail"]
)
def test_a_field_that_is_not_on_the_list_is_refused(capsys: pytest.CaptureFixture[str], field: str) -> None:
    observability = new_observability()
    observability.begin(CONTEXT)
    with pytest.raises(KeyError, match=field):
        observability.note(**{field: SECRET, "serial": "abc"})
    observability.end()
    (event,) = events(capsys)
    assert SECRET not in json.dumps(event)
    assert "serial" not in event


def _refuse() -> None:
    try:
        json.loads(SECRET)
    except ValueError as error:
        raise Unauthenticated("the token's signature is wrong") from error


def test_the_cause_is_told_by_kind_and_place_and_never_by_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    observability = new_observability()
    observability.begin(CONTEXT)
    with pytest.raises(Unauthenticated) as refused:
        _refuse()
    observability.report(refused.value)
    observability.end()
    output = lines(capsys)
    assert SECRET not in json.dumps(output)
    (event,) = (line for line in output if line.get("message") == "request")
    assert event["error_kind"] == "Unauthenticated"
    assert event["detail"] == "the token's signature is wrong"
    assert "Unauthenticated at " in event["cause"]
    assert " < JSONDecodeError at " in event["cause"]


def test_the_text_of_what_nobody_expected_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    observability = new_observability()
    observability.begin(CONTEXT)
    observability.report(ZeroDivisionError(SECRET))
    observability.end()
    output = lines(capsys)
    assert SECRET not in json.dumps(output)
    (event,) = (line for line in output if line.get("message") == "request")
    assert (event["error_kind"], event["detail"], event["outcome"]) == ("ZeroDivisionError", "", "failed")


@pytest.mark.parametrize(
    ("error", "outcome", "level"),
    [
        (None, "ok", "INFO"),
        (Forbidden("x"), "refused", "WARNING"),
        (Unauthenticated("x"), "refused", "WARNING"),
        (Unavailable("x"), "failed", "ERROR"),
        (IntegrityFailure("x"), "failed", "ERROR"),
        (ValueError("x"), "failed", "ERROR"),
    ],
)
def test_an_outcome_has_its_level_and_its_metric(
    capsys: pytest.CaptureFixture[str],
    error: Exception | None,
    outcome: str,
    level: str,
) -> None:
    observability = new_observability()
    observability.begin(CONTEXT)
    if error is not None:
        observability.report(error)
    observability.end()
    output = lines(capsys)
    (event,) = (line for line in output if line.get("message") == "request")
    assert (event["outcome"], event["level"]) == (outcome, level)
    (metrics,) = (line for line in output if "_aws" in line)
    assert metrics[f"requests_{outcome}"] == [1.0]


def test_the_audit_events_of_the_library_are_printed_too(capsys: pytest.CaptureFixture[str]) -> None:
    observability = new_observability()
    observability.begin(CONTEXT)
    logging.getLogger("stepless.audit").info("intent", extra={"serial": "abc"})
    (event,) = (line for line in lines(capsys) if line["message"] == "intent")
    assert event["serial"] == "abc"
