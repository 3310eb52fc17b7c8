"""Texts as rules and names compare them: hosts in lower case and A-labels, addresses in canonical form (RFC 5890)."""

from __future__ import annotations

import idna

from stepless.domain.names import NameType, classify_all
from stepless.errors import MalformedRequest


def canonical(kind: NameType, text: str) -> str:
    """A name of this type as certificates carry it.

    Raises:
        ValueError: no certificate can carry it, or it is a name of another type.
    """
    try:
        names = classify_all((text,))
    except MalformedRequest as error:
        raise ValueError(f"it is not a valid {kind} name") from error
    if not names:
        raise ValueError("it is empty")
    if names[0].type is not kind:
        raise ValueError(f"it is not a {kind} name; it reads as {names[0].type}")
    return names[0].value


def canonical_host(text: str) -> str:
    """A DNS name, or ``*.`` before one, in lower case and A-labels.

    A-labels are taken as they are; what they decode to makes no difference to who answers under them.

    Raises:
        ValueError: it is neither.
    """
    star = "*." if text.startswith("*.") else ""
    host = text[len(star) :]
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise ValueError("it has no A-label form (xn--…)") from error
    return canonical(NameType.DNS, star + host.lower())


def parent(host: str) -> str:
    """What follows the first label; empty after a single one."""
    return host.partition(".")[2]
