"""Durations and instants in the notation of step's wire protocol (Go's ``time.ParseDuration``, RFC 3339)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_UNIT_NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, micro sign
    "μs": 1_000,  # U+03BC, Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_TERM: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_MAX_LENGTH: Final = 64
_MILLISECOND: Final = 1_000  # microseconds
_SECOND: Final = 1_000_000
# Go keeps a duration in 63 bits of nanoseconds: 292 years.
_MAX_NANOSECONDS: Final = 2**63 - 1
_RFC3339: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)


def parse_duration(text: str) -> timedelta:
    """Read a Go duration such as ``1h30m``, ``-5m`` or ``1.5h``; there is no unit for days.

    Fractions below a microsecond are cut off.

    Raises:
        ValueError: the text is not a duration, or is beyond Go's 292 years.
    """
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return timedelta(0)
    nanoseconds = 0
    position = 0
    if rest and len(rest) <= _MAX_LENGTH:
        while position < len(rest):
            term = _TERM.match(rest, position)
            if term is None or not (term[1] or term[2]):
                break
            nanoseconds += _term_nanoseconds(term[1], term[2] or "", _UNIT_NANOSECONDS[term[3]])
            position = term.end()
    if not rest or position != len(rest) or nanoseconds > _MAX_NANOSECONDS:
        msg = f"{text[:_MAX_LENGTH]!r} is not a duration such as 1h30m"
        raise ValueError(msg)
    return timedelta(microseconds=sign * (nanoseconds // 1_000))


def _term_nanoseconds(whole: str, fraction: str, unit: int) -> int:
    scale: int = 10 ** len(fraction)
    return int(whole or "0") * unit + int(fraction or "0") * unit // scale


def format_duration(duration: timedelta) -> str:
    """Write a duration as Go prints it: ``24h0m0s``, ``5m0s``, ``1.5s``, ``0s``."""
    microseconds = duration // timedelta(microseconds=1)
    sign = "-" if microseconds < 0 else ""
    microseconds = abs(microseconds)
    if microseconds < _SECOND:
        return sign + _below_a_second(microseconds)
    seconds, fraction = divmod(microseconds, _SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{seconds}{f'.{fraction:06d}'.rstrip('0') if fraction else ''}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def _below_a_second(microseconds: int) -> str:
    if microseconds == 0:
        return "0s"
    if microseconds < _MILLISECOND:
        return f"{microseconds}µs"
    return f"{microseconds / _MILLISECOND:.3f}".rstrip("0").rstrip(".") + "ms"


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 instant with any offset; the answer is UTC, cut to the second (X.509 has no fractions).

    Raises:
        ValueError: the text is not an RFC 3339 instant, or outside of the years 1 to 9999.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        msg = f"{text[:_MAX_LENGTH]!r} is not an RFC 3339 time"
        raise ValueError(msg)
    local = datetime(*(int(part) for part in match.groups()[:6]), tzinfo=UTC)  # type: ignore[misc,arg-type]  # six ints
    if match[7] is None:
        return local
    offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
    try:
        return local - offset if match[7] == "+" else local + offset
    except OverflowError as error:
        msg = f"{text!r} is outside of the years 1 to 9999"
        raise ValueError(msg) from error


@dataclass(frozen=True, slots=True)
class TimeDuration:
    """An instant, or a duration relative to one that the reader knows: step's ``TimeDuration``."""

    instant: datetime | None = None
    duration: timedelta | None = None

    def resolve(self, base: datetime) -> datetime:
        """The instant meant, with durations counted from ``base``, cut to the second.

        Raises:
            ValueError: the sum is outside of the years 1 to 9999.
        """
        if self.instant is not None:
            return self.instant
        try:
            return (base + (self.duration or timedelta(0))).replace(microsecond=0)
        except OverflowError as error:
            msg = "the duration leads out of the years 1 to 9999"
            raise ValueError(msg) from error


def parse_time_duration(text: str) -> TimeDuration | None:
    """Read step's ``TimeDuration``: empty means unset, then an RFC 3339 time is tried, then a duration.

    Raises:
        ValueError: the text is neither.
    """
    if not text:
        return None
    try:
        return TimeDuration(instant=parse_rfc3339(text))
    except ValueError:
        return TimeDuration(duration=parse_duration(text))


def format_go_time(instant: datetime) -> str:
    """Write an instant as Go's ``time.Time.String`` does for UTC: ``2026-02-01 10:00:00 +0000 UTC``."""
    whole = instant.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    return f"{whole.isoformat(sep=' ')} +0000 UTC"
