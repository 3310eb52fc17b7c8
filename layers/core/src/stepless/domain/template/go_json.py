"""JSON as Go's ``encoding/json`` writes it: keys of maps sorted, ``<>&`` escaped, floats in Go's notation."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, Final

from gotpl.runtime.values import INVALID, UNTYPED_NIL

from stepless.domain.template.go_values import GoStruct, NilSlice
from stepless.domain.template.times import GoTime

_HTML: Final = str.maketrans({"&": "\\u0026", "<": "\\u003c", ">": "\\u003e"})
_SEPARATORS: Final = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029"})
# Where Go changes to an exponent.
_SMALLEST_PLAIN: Final = 1e-6
_LARGEST_PLAIN: Final = 1e21


def encode(value: Any, *, html_safe: bool = True) -> str:
    """One value on one line; what a template does not have is ``null``.

    Raises:
        TypeError, ValueError: a value that has no JSON form.
    """
    return _encode(value, _html_string if html_safe else _string)


def encode_pretty(value: Any) -> str:
    """As ``encode``, on many lines, indented by two spaces."""
    return _encode(value, _html_string, "\n")


def _string(text: str) -> str:
    quoted: str = encode_basestring(text)
    return quoted.translate(_SEPARATORS)


def _html_string(text: str) -> str:
    return _string(text).translate(_HTML)


def _encode(  # noqa: PLR0911  # a return for each kind
    value: Any, string: Callable[[str], str], line: str = ""
) -> str:
    if value is None or value is INVALID or value is UNTYPED_NIL:
        return "null"
    match value:
        case str():
            return string(value)
        case bool() | int() | float():
            return _number(value)
        case bytes():
            return string(base64.b64encode(value).decode())
        case dict() | list() | tuple():
            return _container(value, string, line)
        case GoTime():
            return string(value.json_text)
        case GoStruct():
            return _struct(value.to_json(), string, line)
    msg = f"a {type(value).__name__} has no JSON form"
    raise TypeError(msg)


def _container(value: Any, string: Callable[[str], str], line: str) -> str:
    if isinstance(value, dict):
        return _object(sorted(value.items()), string, line)
    if isinstance(value, NilSlice):
        return "null"
    return _wrapped("[", [_encode(item, string, _deeper(line)) for item in value], "]", line)


def _struct(form: Any, string: Callable[[str], str], line: str) -> str:
    """Go writes a struct's fields in their order, and only the keys of a map sorted."""
    return _object(form.items(), string, line) if isinstance(form, dict) else _encode(form, string, line)


def _object(items: Any, string: Callable[[str], str], line: str) -> str:
    colon = ": " if line else ":"
    parts = [f"{string(str(key))}{colon}{_encode(item, string, _deeper(line))}" for key, item in items]
    return _wrapped("{", parts, "}", line)


def _deeper(line: str) -> str:
    return f"{line}  " if line else ""


def _wrapped(opening: str, parts: list[str], closing: str, line: str) -> str:
    if not parts:
        return opening + closing
    return f"{opening}{_deeper(line)}{f',{_deeper(line)}'.join(parts)}{line}{closing}"


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value).lower()
    if not math.isfinite(value):
        msg = f"{value} has no JSON form"
        raise ValueError(msg)
    text = repr(value)
    if value and not _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa}e{int(exponent):+d}"
    if "e" in text:
        return format(Decimal(text), "f")
    return text.removesuffix(".0")
