"""Text as ASN.1: ``asn1Enc``, ``asn1Marshal``, ``asn1Seq``, ``asn1Set``, and the values of other names.

A type is written before the value, ``utf8:Jane``, or ``int:7``; step's words for types and Go's for tags.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from gotime.go import ParseError, Time

from stepless.domain.template import der
from stepless.domain.template.der import Element
from stepless.domain.template.times import GoTime

_GO_TIME: Final = "2006-01-02 15:04:05.999999999 -0700 MST"
_RFC3339: Final = "2006-01-02T15:04:05Z07:00"
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_INT64: Final = range(-(2**63), 2**63)
_MAX_DIGITS: Final = 20
# `*` and `&` are no characters of a PrintableString; step takes them, because certificates have them.
_PRINTABLE: Final = re.compile(r"[A-Za-z0-9 '()+,\-./:=?*&]*")
_STRICTLY_PRINTABLE: Final = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")
_STRINGS: Final = {
    "utf8": (der.UTF8_STRING, re.compile(r".*", re.DOTALL)),
    "ia5": (der.IA5_STRING, re.compile(r"[\x00-\x7f]*")),
    "numeric": (der.NUMERIC_STRING, re.compile(r"[0-9 ]*")),
    "printable": (der.PRINTABLE_STRING, _PRINTABLE),
}
_CLASSES: Final = {"application": der.APPLICATION, "private": der.PRIVATE}
_OTHER_TYPES: Final = ("int", "oid", "bool", "boolean", "utc", "generalized", "raw")


def typed_text(text: str) -> bytes:
    """``[type:]value`` in DER; a PrintableString by default.

    Raises:
        ValueError: the value does not fit the type.
    """
    kind, separator, value = text.partition(":")
    return encode_text(value, kind) if separator else encode_text(text, "printable")


def encode_text(value: str, parameters: str) -> bytes:
    """A text as the type, and under the tags, that comma-separated parameters name."""
    words = parameters.split(",")
    kind = next((word for word in reversed(words) if word in _STRINGS or word in _OTHER_TYPES), "printable")
    if kind == "raw":
        return decode_base64(value)
    return _tagged(_element(value, kind), words).der


def _element(value: str, kind: str) -> Element:
    match kind:
        case "int":
            return der.integer(_int(value))
        case "oid":
            return der.object_identifier(value)
        case "bool" | "boolean":
            return der.boolean(_bool(value))
        case "utc" | "generalized":
            return der.time(_time(value), generalized=kind == "generalized")
        case _:
            tag, pattern = _STRINGS[kind]
            if not pattern.fullmatch(value):
                msg = f"invalid {kind} value"
                raise ValueError(msg)
            return Element(tag, value.encode())


def _int(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) or len(text) > _MAX_DIGITS or int(text) not in _INT64:
        msg = "invalid int value"
        raise ValueError(msg)
    return int(text)


def _bool(text: str) -> bool:
    if text not in _TRUE | _FALSE:
        msg = "invalid bool value"
        raise ValueError(msg)
    return text in _TRUE


def _time(text: str) -> datetime:
    try:
        return Time.parse(_GO_TIME, text).to_datetime()
    except (ParseError, OverflowError):
        return Time.parse(_RFC3339, text).to_datetime()


def _tagged(element: Element, words: list[str]) -> Element:
    """Go's parameters ``tag:N``, ``explicit``, ``application``, ``private``, ``set``."""
    if "set" in words and element.tag == der.SEQUENCE:
        element = element.implicit(der.SET, 0)
    number = next((int(word[4:]) for word in words if re.fullmatch(r"tag:[0-9]{1,4}", word, re.ASCII)), None)
    tag_class = next((_CLASSES[word] for word in words if word in _CLASSES), der.CONTEXT)
    if "explicit" in words:
        return element.explicit(number or 0, tag_class)
    if number is None and tag_class == der.CONTEXT:
        return element
    return element.implicit(number or 0, tag_class)


def decode_base64(text: str) -> bytes:
    """Standard base64, line breaks ignored, as Go reads it.

    Raises:
        ValueError: it is not.
    """
    try:
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except binascii.Error as error:
        msg = "illegal base64 data"
        raise ValueError(msg) from error


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def asn1_enc(text: str) -> str:
    """``asn1Enc``: base64 of ``[type:]value`` in DER."""
    return _base64(typed_text(text))


def asn1_marshal(value: Any, *parameters: str) -> str:
    """``asn1Marshal``: base64 of a value in DER, with Go's parameters."""
    words = [word for text in parameters for word in text.split(",")]
    if "optional" in words and not value and isinstance(value, str | int | bytes):
        return ""
    return _base64(_tagged(_marshalled(value, words), words).der)


def _marshalled(value: Any, words: list[str]) -> Element:
    match value:
        case bool():
            return der.boolean(value)
        case int():
            return der.integer(value)
        case str():
            kind = next((word for word in words if word in _STRINGS), None)
            return _element(value, kind or ("printable" if _STRICTLY_PRINTABLE.fullmatch(value) else "utf8"))
        case bytes():
            return Element(der.OCTET_STRING, value)
        case GoTime():
            return der.time(value.time.to_datetime(), generalized="generalized" in words)
        case list() | tuple():
            return der.sequence(*(_marshalled(item, []).der for item in value))
    msg = f"asn1Marshal does not take a {type(value).__name__}"
    raise ValueError(msg)


def asn1_seq(*parts: str) -> str:
    """``asn1Seq``: base64 of a SEQUENCE of values in base64 of DER."""
    return _base64(der.sequence(*map(decode_base64, parts)).der)


def asn1_set(*parts: str) -> str:
    """``asn1Set``: base64 of a SET of values in base64 of DER."""
    return _base64(der.set_of(*map(decode_base64, parts)).der)


FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {
    "asn1Enc": asn1_enc,
    "asn1Marshal": asn1_marshal,
    "asn1Seq": asn1_seq,
    "asn1Set": asn1_set,
}
