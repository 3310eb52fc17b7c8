"""Audiences: which ``aud`` values mean this authority and this operation (step-ca's rules, RFC 7519 §4.1.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

# Every step-ca accepts this literal beside its URLs.
_ANY_AUTHORITY: Final = "step-certificate-authority"
_MAX_LENGTH: Final = 2_048
_MAX_PORT: Final = 65_535
# Stricter than urlsplit, which drops tabs, takes text after a bracket and believes in users.
_URL: Final = re.compile(r"(?i:https)://(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]\\]+)(?::([0-9]{0,5}))?(/[^\s?#]*)")


class Operation(StrEnum):
    """What a token asks for; the value is the last element of the URL in its audience."""

    SIGN = "sign"
    REVOKE = "revoke"
    RENEW = "renew"


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience in normal form: port dropped, fragment decoded; ``target`` is host and path, or step's literal."""

    target: tuple[str, ...]
    fragment: str


def parse_audience(text: str) -> Audience | None:
    """The normal form of an ``aud`` value, or ``None`` when it is neither an HTTPS URL nor step's literal."""
    base, _, fragment = text.partition("#")
    fragment = unquote(fragment)
    if len(text) > _MAX_LENGTH:
        return None
    if base == _ANY_AUTHORITY:
        return Audience((base,), fragment)
    url = _URL.fullmatch(base)
    if url is None or int(url[2] or 0) > _MAX_PORT:
        return None
    return Audience((url[1], url[3]), fragment)


def audience_for(audiences: Iterable[str], operation: Operation, dns_names: Iterable[str]) -> Audience | None:
    """The first audience that names one of this authority's hosts and this operation, whatever its port."""
    targets = _targets(operation, tuple(dns_names))
    parsed = (parse_audience(text) for text in audiences)
    return next(
        (audience for audience in parsed if audience is not None and audience.target in targets),
        None,
    )


def is_steps_own(audience: str) -> bool:
    """Whether tokens with this audience could name an authority: those are found in another way than all others."""
    parsed = parse_audience(audience)
    if parsed is None:
        return False
    path = parsed.target[-1]
    return len(parsed.target) == 1 or path.rpartition("/")[2] in {operation.value for operation in Operation}


def _targets(operation: Operation, dns_names: tuple[str, ...]) -> set[tuple[str, ...]]:
    targets: set[tuple[str, ...]] = {
        (f"[{host}]" if ":" in host else host, f"{prefix}/{operation}") for host in dns_names for prefix in ("", "/1.0")
    }
    # Renew tokens are made by anyone who holds a certificate: they must name the authority.
    return targets if operation is Operation.RENEW else {*targets, (_ANY_AUTHORITY,)}
