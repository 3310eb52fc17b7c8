"""Serial numbers: random, in decimal on the wire and in hexadecimal in the store (RFC 5280 §4.1.2.2)."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

from stepless.errors import MalformedRequest

# RFC 5280: at most 20 octets; what others issued may be revoked here too.
MAX_SERIAL: Final = 2**159
# The first bit of a serial stays clear (a DER integer is signed), the second is set: so all are of one length.
_LINEAGE_BITS: Final = 72
_RANDOM_BITS: Final = 80
_MAX_LENGTH: Final = 64
_GO_INTEGER: Final = re.compile(
    r"(?P<hex>0[xX](?:_?[0-9a-fA-F])+)|(?P<bin>0[bB](?:_?[01])+)|(?P<oct>0[oO]?(?:_?[0-7])+)|(?P<dec>0|[1-9](?:_?[0-9])*)"
)
_BASE: Final = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}


def new_lineage() -> str:
    """A lineage of its own: 18 hexadecimal digits, with which the serials of all its certificates begin."""
    return f"{secrets.randbits(_LINEAGE_BITS - 1) | 1 << (_LINEAGE_BITS - 2):x}"


def new_serial(lineage: str) -> int:
    """A positive serial of 19 octets: the lineage, then 80 bits from a cryptographic generator.

    So a renewal continues its lineage without reading the certificate before it, and the certificate alone tells.
    """
    return int(lineage, 16) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)


def lineage_of(serial: int) -> str:
    """The lineage of a serial; one that was not made here gets the lineage of its hash."""
    if serial.bit_length() == _LINEAGE_BITS - 1 + _RANDOM_BITS:
        return f"{serial >> _RANDOM_BITS:x}"
    digest = int.from_bytes(hashlib.sha256(serial_hex(serial).encode()).digest()[: _LINEAGE_BITS // 8], "big")
    return f"{digest % 2 ** (_LINEAGE_BITS - 2) | 1 << (_LINEAGE_BITS - 2):x}"


def serial_hex(serial: int) -> str:
    """The form of the store and the logs: lower-case hexadecimal without prefix."""
    return f"{serial:x}"


def parse_serial(text: str) -> int:
    """Read a serial as step-ca does: decimal, or with Go's prefixes ``0x``, ``0o`` or ``0`` (octal), ``0b``.

    Raises:
        MalformedRequest: empty, not such a number, or larger than a serial can be.
    """
    if not text:
        raise MalformedRequest("missing serial")
    match = _GO_INTEGER.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None or match.lastgroup is None:
        raise _invalid(text)
    digits = match[0].replace("_", "")
    digits = digits.lstrip("0oO") or "0" if match.lastgroup == "oct" else digits
    serial = int(digits, _BASE[match.lastgroup])
    if serial >= MAX_SERIAL:
        raise _invalid(text)
    return serial


def _invalid(text: str) -> MalformedRequest:
    return MalformedRequest(
        f"'{text[:_MAX_LENGTH]}' is not a valid serial number - use a base 10 representation "
        "or a base 16 representation with '0x' prefix"
    )
