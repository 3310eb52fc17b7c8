"""Requests that schemathesis makes: boundary values and chance, what the document allows and what it does not."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import requests
import schemathesis
from hypothesis import settings
from hypothesis.strategies import SearchStrategy
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test

from tests.functions.support.authority import URL
from tests.functions.support.endpoints import PEM_FILE
from tests.functions.support.openapi import Operation, document
from tests.support.https import Answer
from tests.support.refusal import check_refusal

_CONFIG = {
    "checks": {
        "not_a_server_error": {"expected-statuses": ["2xx", "4xx", 501]},
        # It takes the token away, and not the certificate beside it.
        "ignored_auth": {"enabled": False},
    },
    # What is well-formed may still lack a credential.
    "operations": [{"include-method": "POST", "checks": {"positive_data_acceptance": {"enabled": False}}}],
}


Case = schemathesis.Case[Any]


@schemathesis.deserializer(PEM_FILE)
def _as_text(_: schemathesis.DeserializationContext, response: schemathesis.Response) -> str:
    return response.content.decode("ascii")


def fuzz_at_boundaries(operation: Operation, test: Callable[..., None]) -> None:
    """Call `test` with a `case` for each boundary value of an operation, and for each method that its path has not."""
    _run(operation, test, HypothesisTestMode.COVERAGE, 1, {})


def fuzz_by_chance(
    operation: Operation, test: Callable[..., None], examples: int, **drawn: SearchStrategy[Any]
) -> None:
    """Call `test` with some `case` of an operation, and with further arguments by strategy."""
    _run(operation, test, HypothesisTestMode.FUZZING, examples, drawn)


def _run(
    operation: Operation,
    test: Callable[..., None],
    mode: HypothesisTestMode,
    examples: int,
    drawn: dict[str, SearchStrategy[Any]],
) -> None:
    """The same cases on every run: the schema is a new one, because it remembers what was made of it."""
    schema = schemathesis.openapi.from_dict(deepcopy(document()), config=SchemathesisConfig.from_dict(_CONFIG))
    # Not `schema.parametrize()`: under pytest 9.2 its items all have one node id, and xdist runs one of them.
    create_test(
        operation=schema[operation.path][operation.method],
        test_func=test,
        config=HypothesisTestConfig(
            project=schema.config,
            modes=[mode],
            explicit_settings=settings(max_examples=examples, derandomize=True),
            given_kwargs=drawn,
        ),
    )()


def send(case: Case, session: requests.Session, headers: Mapping[str, str] | None = None) -> int:
    """Make the request of a case and hold the answer to the document; its status."""
    checks: list[schemathesis.CheckFunction] = [_refused_as_step_does]
    return case.call_and_validate(URL, session, headers=dict(headers or {}), additional_checks=checks).status_code


def _refused_as_step_does(_: object, response: schemathesis.Response, case: Case) -> None:
    """Whether the document knows of the refusal or the router made it."""
    if response.status_code >= 400:
        headers = {name: values[-1] for name, values in response.headers.items()}
        answer = Answer(response.status_code, headers, response.content)
        check_refusal(answer, (response.status_code,), case.operation.label)
