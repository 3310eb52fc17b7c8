"""Bodies of step's protocol. Unknown keys are ignored, as step-ca does; wrong types are refused."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stepless.domain.durations import TimeDuration, parse_time_duration
from stepless.domain.json_text import load_object
from stepless.errors import MalformedRequest

_Body = TypeVar("_Body", bound="StepBody")


class StepBody(BaseModel):
    """A JSON object whose keys are matched without regard to case; ``null`` counts as missing (Go's rules)."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, hide_input_in_errors=True)


class SignBody(StepBody):
    """POST /sign; ``templatedata`` is used by custom templates only."""

    csr: str = ""
    ott: str = ""
    notbefore: str = ""
    notafter: str = ""
    templatedata: Any = None


class RekeyBody(StepBody):
    """POST /rekey."""

    csr: str = ""


class RevokeBody(StepBody):
    """POST /revoke."""

    serial: str = ""
    ott: str = ""
    reasoncode: int = Field(default=0, ge=-(2**31), lt=2**31)
    reason: str = ""
    passive: bool = False


def read_body(kind: type[_Body], body: bytes) -> _Body:
    """Parse a body.

    Raises:
        MalformedRequest: not a JSON object, or a field of the wrong type.
    """
    given: dict[str, Any] = {key: value for key, value in load_object(body).items() if value is not None}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise MalformedRequest("error decoding json") from error


def read_time(text: str) -> TimeDuration | None:
    """Read a ``notBefore`` or ``notAfter``.

    Raises:
        MalformedRequest: neither empty, nor an RFC 3339 time, nor a duration.
    """
    try:
        return parse_time_duration(text)
    except ValueError as error:
        raise MalformedRequest("error decoding json") from error
