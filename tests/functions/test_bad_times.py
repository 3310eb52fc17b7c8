"""Dates and durations that are none, or that no certificate may have: refused with a reason, and no token is burnt."""

import json
from typing import Any

import pytest

from tests.functions.support.authority import MotoAuthority
from tests.functions.support.signing import NAME, check_refused

NOT_A_TIME = (
    "tomorrow", "1", "1d", "1w", "1y", "h", ".h", "-", "+", "--1h", "1h ", " 1h", "1H", "1h1", "1,5h", "1e3h", "0x1h",
    "\u0661h", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
    "2026-01-01T24:00:00Z", "2026-01-01T00:00:00+24", "2026-01-01 00:00:00Z", "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "99999999999-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "9" * 60 + "h", "9" * 1_000 + "h", "9" * 100_000, "2562048h", "-2562048h", "NaN",
    "Infinity", "null", "\0", "{}",
)  # fmt: skip


@pytest.mark.parametrize("text", NOT_A_TIME, ids=lambda text: json.dumps(text[:30]))
@pytest.mark.parametrize("member", ["notBefore", "notAfter"])
def test_a_time_that_is_none_is_refused(member: str, text: str, authority: MotoAuthority) -> None:
    check_refused(authority, authority.forge.sign_body(NAME, **{member: text}), 400)


NOT_ALLOWED: dict[str, dict[str, str]] = {
    "a negative end": {"notAfter": "-1h"},
    "a negative end of 292 years": {"notAfter": "-2562047h"},
    "an end of 292 years": {"notAfter": "2562047h"},
    "the year 9999": {"notAfter": "9999-12-31T23:59:59Z"},
    "the last second": {"notBefore": "9999-12-31T23:59:59Z", "notAfter": "9999-12-31T23:59:59Z"},
    "past the last second": {"notBefore": "9999-12-31T23:59:59Z", "notAfter": "1h"},
    "the year 1": {"notBefore": "0001-01-01T00:00:00Z"},
    "both in the year 1": {"notBefore": "0001-01-01T00:00:00Z", "notAfter": "0001-01-02T00:00:00Z"},
    "before the year 1950": {"notBefore": "1949-12-31T23:59:59Z"},
    "before the epoch": {"notBefore": "1969-12-31T23:59:59Z"},
    "an end before the start": {"notBefore": "10h", "notAfter": "-5h"},
    "no time at all": {"notAfter": "0"},
    "a nanosecond": {"notAfter": "1ns"},
    "four minutes": {"notBefore": "0s", "notAfter": "4m"},
    "a day and two minutes": {"notAfter": "24h2m"},
    "a start in two hundred years": {"notBefore": "1752000h"},
}


@pytest.mark.parametrize("kind", NOT_ALLOWED)
def test_a_validity_beyond_the_claims_is_refused(kind: str, authority: MotoAuthority) -> None:
    check_refused(authority, authority.forge.sign_body(NAME, **NOT_ALLOWED[kind]), 400, 403)


@pytest.mark.parametrize("member", ["notBefore", "notAfter"])
@pytest.mark.parametrize("value", [0, 5, 1.5, True, [], {}])
def test_a_time_of_another_type_is_refused(member: str, value: Any, authority: MotoAuthority) -> None:
    check_refused(authority, authority.forge.sign_body(NAME, **{member: value}), 400)
