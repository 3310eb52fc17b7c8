"""JSON as Go's ``encoding/json`` reads it where step's clients rely on that, with limits that Go does not have."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from stepless.errors import MalformedRequest

MAX_DEPTH: Final = 32


def _in_order_of_last_mention(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A repeated key takes the place of its last mention, so that the last one wins among keys of different case."""
    value: dict[str, Any] = {}
    for key, item in pairs:
        value.pop(key, None)
        value[key] = item
    return value


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_in_order_of_last_mention, parse_constant=_no_number)


def load_object(body: bytes) -> dict[str, Any]:
    """The first JSON value of a body, which must be an object; what follows it is ignored.

    Top-level keys are returned in lower case, as Go matches them; of duplicates the last one wins.

    Raises:
        MalformedRequest: not UTF-8, not JSON, not an object, or nested deeper than ``MAX_DEPTH``.
    """
    try:
        value, _ = _DECODER.raw_decode(body.decode("utf-8").lstrip(" \t\r\n"))
        return {key.lower(): item for key, item in _checked_object(value).items()}
    # RecursionError: the C scanner counts depth for us; MAX_DEPTH is the tighter limit of what is kept.
    except (ValueError, RecursionError) as error:
        raise MalformedRequest("error decoding json") from error


def parse_object(data: bytes) -> dict[str, Any]:
    """The JSON object that is all of ``data``, its keys as they are: what a segment of a token holds.

    Raises:
        ValueError: not UTF-8, not JSON, not an object, or nested deeper than ``MAX_DEPTH``.
    """
    try:
        return _checked_object(_DECODER.decode(data.decode("utf-8")))
    except RecursionError as error:
        msg = "nested too deeply"
        raise ValueError(msg) from error


def _checked_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not _is_acceptable(value, MAX_DEPTH):
        msg = "not an object within limits"
        raise ValueError(msg)
    return value


def _is_acceptable(value: object, levels: int) -> bool:
    """Whether a value is nested within limits and all of its text can be encoded (no lone surrogates)."""
    match value:
        case str():
            return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
        case dict():
            return levels > 0 and all(
                _is_acceptable(key, levels - 1) and _is_acceptable(item, levels - 1) for key, item in value.items()
            )
        case list():
            return levels > 0 and all(_is_acceptable(item, levels - 1) for item in value)
        case _:
            return True
