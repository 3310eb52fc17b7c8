"""DER written by hand (X.690), where a template chooses the types: the pieces that Go's ``encoding/asn1`` offers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
UTF8_STRING: Final = 0x0C
SEQUENCE: Final = 0x10
SET: Final = 0x11
NUMERIC_STRING: Final = 0x12
PRINTABLE_STRING: Final = 0x13
IA5_STRING: Final = 0x16
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
APPLICATION: Final = 0x40
CONTEXT: Final = 0x80
PRIVATE: Final = 0xC0
_CONSTRUCTED: Final = 0x20
_LONG_FORM: Final = 0x80
_HIGH_TAG: Final = 0x1F
_UTC_YEARS: Final = range(1950, 2050)


@dataclass(frozen=True, slots=True)
class Element:
    """One value: its tag, and its content in DER."""

    tag: int
    content: bytes
    tag_class: int = 0
    constructed: bool = False

    @property
    def der(self) -> bytes:
        """Tag, length and content."""
        return _identifier(self.tag_class | (_CONSTRUCTED if self.constructed else 0), self.tag) + _sized(self.content)

    def implicit(self, tag: int, tag_class: int = CONTEXT) -> Element:
        """The same content under another tag."""
        return replace(self, tag=tag, tag_class=tag_class)

    def explicit(self, tag: int, tag_class: int = CONTEXT) -> Element:
        """The value inside of another tag."""
        return Element(tag, self.der, tag_class, constructed=True)


def _identifier(leading: int, tag: int) -> bytes:
    if tag < _HIGH_TAG:
        return bytes([leading | tag])
    return bytes([leading | _HIGH_TAG]) + _base128(tag)


def _base128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def _sized(content: bytes) -> bytes:
    length = len(content)
    if length < _LONG_FORM:
        return bytes([length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([_LONG_FORM | size]) + length.to_bytes(size, "big") + content


def sequence(*parts: bytes) -> Element:
    """A SEQUENCE of encoded values."""
    return Element(SEQUENCE, b"".join(parts), constructed=True)


def set_of(*parts: bytes) -> Element:
    """A SET of encoded values, in the order given."""
    return Element(SET, b"".join(parts), constructed=True)


def integer(number: int) -> Element:
    """An INTEGER."""
    return Element(INTEGER, number.to_bytes((number + (number < 0)).bit_length() // 8 + 1, "big", signed=True))


def boolean(value: bool) -> Element:  # noqa: FBT001  # the value itself, not a switch
    """A BOOLEAN."""
    return Element(BOOLEAN, b"\xff" if value else b"\x00")


def object_identifier(dotted: str) -> Element:
    """An OBJECT IDENTIFIER.

    Raises:
        ValueError: not one, such as ``1.2.840``.
    """
    first, second, *rest = (int(arc) for arc in x509.ObjectIdentifier(dotted).dotted_string.split("."))
    return Element(OBJECT_IDENTIFIER, b"".join(map(_base128, (first * 40 + second, *rest))))


def time(instant: datetime, *, generalized: bool = False) -> Element:
    """A UTCTime, or a GeneralizedTime when asked for or when the year does not fit (RFC 5280 §4.1.2.5)."""
    instant = instant.astimezone(UTC)
    if generalized or instant.year not in _UTC_YEARS:
        return Element(GENERALIZED_TIME, f"{instant.year:04d}{instant:%m%d%H%M%SZ}".encode())
    return Element(UTC_TIME, f"{instant:%y%m%d%H%M%SZ}".encode())


def content_of(encoded: bytes) -> bytes:
    """The content of one encoded value with a short tag.

    Raises:
        ValueError: it is cut off, or something follows it.
    """
    leading = encoded[1] if len(encoded) > 1 else 0
    size = max(leading - _LONG_FORM, 0)
    start = 2 + size
    length = int.from_bytes(encoded[2:start], "big") if size else leading
    if len(encoded) < start or len(encoded) - start != length:
        msg = "not one value in DER"
        raise ValueError(msg)
    return encoded[start:]
