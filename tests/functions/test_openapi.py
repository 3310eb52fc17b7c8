"""Every route against the OpenAPI document of the API: schemathesis asks, and only what is documented is answered."""

import re
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.functions.support.authority import Issued, MotoAuthority
from tests.functions.support.credentials import Attempt
from tests.functions.support.endpoints import ENDPOINTS
from tests.functions.support.events import routes
from tests.functions.support.fuzzing import Case, fuzz_at_boundaries, fuzz_by_chance, send
from tests.functions.support.genuine import WAYS, Way
from tests.functions.support.in_process import session
from tests.functions.support.openapi import Operation, operations

OPERATIONS = list(operations())
# What members may hold that are not a credential, and chance does not find.
WISHES: dict[str, dict[str, tuple[Any, ...]]] = {
    "post_sign": {
        "notbefore": ("0", "5m", "-1h", "2030-01-01T00:00:00Z", "9999-12-31T23:59:59+23:59"),
        "notafter": ("1h", "24h", "-5m", "10s", "2562047h47m16s", "2030-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    },
    "post_revoke": {"reasoncode": (-1, 0, 1, 6, 7, 10, 11), "reason": ("superseded", "x" * 1_024, "x" * 1_025)},
}
GUARDED = [operation for operation in OPERATIONS if operation.handler in WAYS]
NAMING = [operation for operation in OPERATIONS if "{" in operation.path]


@pytest.fixture(scope="module")
def owner(authority: MotoAuthority) -> Issued:
    """A certificate that is not revoked."""
    return authority.issue("owner.test")


def unnamed(path: str) -> str:
    """A path without the names of its parameters, on which template and FastAPI need not agree."""
    return re.sub(r"\{[^}]+\}", "{}", path)


def test_the_document_has_exactly_the_routes_of_the_template() -> None:
    of_the_template = sorted((method, unnamed(path), folder) for method, path, folder in routes())
    of_the_document = sorted((item.method, unnamed(item.path), item.folder) for item in OPERATIONS)
    assert of_the_document == of_the_template


def test_every_row_of_the_tables_is_a_handler() -> None:
    assert {operation.handler for operation in OPERATIONS} == set(ENDPOINTS)
    assert {operation.handler for operation in OPERATIONS if operation.method == "POST"} == set(WAYS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_route_answers_as_documented(operation: Operation, authority: MotoAuthority) -> None:
    caller = session(authority.warm(operation.folder))

    def check(case: Case) -> None:
        send(case, caller)

    fuzz_at_boundaries(operation, check)
    fuzz_by_chance(operation, check, 20)


@pytest.mark.parametrize("operation", NAMING, ids=str)
def test_a_route_has_what_its_path_names(operation: Operation, authority: MotoAuthority) -> None:
    caller = session(authority.warm(operation.folder))
    (fingerprint,) = authority.wiring.source_authority().roots_by_fingerprint
    names = {"sha256": fingerprint, "key_id": authority.forge.kid}

    def check(case: Case) -> None:
        case.path_parameters = {name: names[name] for name in case.path_parameters}
        assert send(case, caller) == operation.endpoint.status

    fuzz_by_chance(operation, check, 5)


@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_a_route_answers_as_documented_at_boundaries_behind_its_credentials(
    operation: Operation, authority: MotoAuthority, owner: Issued
) -> None:
    way = WAYS[operation.handler][0]

    def check(case: Case) -> None:
        send_with(way(authority, owner), case, operation, authority)

    fuzz_at_boundaries(operation, check)


@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_a_route_answers_as_documented_by_chance_behind_its_credentials(
    operation: Operation, authority: MotoAuthority, owner: Issued
) -> None:
    """Now and then one of the credentials is `spoilt`: missing, or what chance made of it."""
    members = members_of(operation)

    def check(case: Case, way: Way, wishes: dict[str, Any], spoilt: str | None) -> None:
        if isinstance(case.body, dict):
            case.body = case.body | wishes
        send_with(way(authority, owner), case, operation, authority, spoilt)

    values = {name: st.sampled_from(values) for name, values in WISHES.get(operation.handler, {}).items()}
    fuzz_by_chance(
        operation,
        check,
        30 if members else 10,
        way=st.sampled_from(WAYS[operation.handler]),
        wishes=st.fixed_dictionaries({}, optional=values),
        spoilt=st.none() | st.sampled_from(sorted(members)) if members else st.none(),
    )


def members_of(operation: Operation) -> set[str]:
    """What the handler knows of a body."""
    body = operation.endpoint.body
    return set(body.model_fields) if body is not None else set()


def send_with(
    genuine: Attempt, case: Case, operation: Operation, authority: MotoAuthority, spoilt: str | None = None
) -> None:
    """A request with the credentials in the place of what the case has there; it must succeed if nothing else is in it.

    A value of another type stays: it must be refused beside credentials too.
    """
    members, is_good = members_of(operation), operation.endpoint.body is None
    if isinstance(case.body, dict):
        # Of members that differ in case alone the last one counts, and would take the place of a credential.
        asked = {name: value for name, value in case.body.items() if name in members or name.lower() not in members}
        shown = {
            name: value
            for name, value in genuine.body.items()
            if name != spoilt and isinstance(asked.get(name), type(value) | None)
        }
        case.body = asked | shown
        given = {name: value for name, value in case.body.items() if name in members and value is not None}
        is_good = given == genuine.body
    caller = session(authority.warm(operation.folder), genuine.certificate)
    status = send(case, caller, genuine.headers)
    if is_good and case.method == operation.method:
        assert status == operation.endpoint.status
