"""POST /sign as a test says it: what must be refused leaves nothing behind."""

from typing import Any

from tests.functions.support.authority import MotoAuthority
from tests.support.https import Answer
from tests.support.refusal import check_refusal

NAME = "request.test"


def sign(authority: MotoAuthority, body: dict[str, Any]) -> Answer:
    """One request."""
    return authority.warm("issue").call("POST", "/sign", body)


def check_refused(authority: MotoAuthority, body: dict[str, Any], *statuses: int) -> None:
    """Refused, without a record and without a mark of a spent token."""
    before = authority.counts()
    check_refusal(sign(authority, body), statuses)
    assert authority.counts() == before
