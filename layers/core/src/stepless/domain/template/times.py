"""``time.Time`` and the functions over it, of Sprig and of step (X ``internal/templates/funcmap.go``).

Local time is UTC: what a template renders does not depend on where it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from goduration.go import SECOND, Duration
from gotime.go import RFC3339, Location, Time
from gotime.go import UTC as ZONE_UTC
from gotpl.errors import TemplateExecutionError
from typing_extensions import override

from stepless.domain.template.budget import CURRENT

_ZONE: Final = "UTC"
_HTML_DATE: Final = "2006-01-02"
_MAX_ARGUMENTS: Final = 3  # layout, text, location
_LAYOUTS: Final = {
    "LAYOUT": "01/02 03:04:05PM '06 -0700",
    "ANSIC": "Mon Jan _2 15:04:05 2006",
    "UNIXDATE": "Mon Jan _2 15:04:05 MST 2006",
    "RUBYDATE": "Mon Jan 02 15:04:05 -0700 2006",
    "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": RFC3339,
    "RFC3339NANO": "2006-01-02T15:04:05.999999999Z07:00",
    "KITCHEN": "3:04PM",
    "STAMP": "Jan _2 15:04:05",
    "STAMPMILLI": "Jan _2 15:04:05.000",
    "STAMPMICRO": "Jan _2 15:04:05.000000",
    "STAMPNANO": "Jan _2 15:04:05.000000000",
    "DATETIME": "2006-01-02 15:04:05",
    "DATEONLY": _HTML_DATE,
    "TIMEONLY": "15:04:05",
}


class GoTime:
    """A ``time.Time`` with the methods that templates call."""

    __slots__ = ("time",)

    def __init__(self, time: Time) -> None:
        """Wrap an instant with its zone."""
        self.time = time

    @classmethod
    def of(cls, instant: datetime) -> GoTime:
        """The Go form of an instant, in UTC."""
        return cls(Time.from_datetime(instant.astimezone(UTC)))

    @property
    def json_text(self) -> str:
        """RFC 3339 with as many digits of a second as it takes."""
        return self.time.marshal_text().decode()

    @override
    def __str__(self) -> str:
        return str(self.time)

    def __go_format_value__(self, kind: str, mode: str, *, nested: bool) -> str:  # the engine's protocol
        """The value as ``printf`` shows it."""
        del mode, nested
        return "time.Time" if kind == "type" else str(self)

    def __gotemplate_lookup__(self, field: str) -> Any:  # as above
        """A method, for the engine: those with arguments as bound methods, which it calls."""
        if field in _PLAIN_METHODS:
            return _PLAIN_METHODS[field](self)
        method = {"Format": self._format, "AddDate": self._add_date, "After": self._after, "Before": self._before}
        if field in method:
            return method[field]
        msg = f"can't evaluate field {field} in type time.Time"
        raise TemplateExecutionError(msg)

    def _format(self, layout: str) -> str:
        return self.time.format(layout)

    def _add_date(self, years: int, months: int, days: int) -> GoTime:
        return GoTime(self.time.add_date(years, months, days))

    def _after(self, other: Any) -> bool:
        return self.time > _instant(other).time

    def _before(self, other: Any) -> bool:
        return self.time < _instant(other).time


_PLAIN_METHODS: Final[Mapping[str, Callable[[GoTime], Any]]] = {
    "Unix": lambda value: value.time.unix(),
    "UnixMilli": lambda value: value.time.unix_milliseconds(),
    "Year": lambda value: value.time.year,
    "Month": lambda value: value.time.month,
    "Day": lambda value: value.time.day,
    "Hour": lambda value: value.time.hour,
    "Minute": lambda value: value.time.minute,
    "Second": lambda value: value.time.second,
    "YearDay": lambda value: value.time.year_day,
    "Weekday": lambda value: value.time.weekday,
    "IsZero": lambda value: value.time.is_zero(),
    "UTC": lambda value: GoTime(value.time.utc()),
    "Local": lambda value: GoTime(value.time.utc()),
    "String": str,
}


def _instant(value: Any) -> GoTime:
    if isinstance(value, GoTime):
        return value
    msg = "a time.Time is required"
    raise TypeError(msg)


def now() -> GoTime:
    """The time of the request."""
    return GoTime.of(CURRENT.get().now)


def to_time(value: object) -> GoTime:
    """A time, or seconds since 1970; of anything else the time of the request, as in step-ca."""
    if isinstance(value, GoTime):
        return GoTime(value.time.utc())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return GoTime(Time.from_unix(int(value), location=ZONE_UTC))
    return now()


def format_time(value: object) -> str:
    """RFC 3339 in UTC."""
    return to_time(value).time.format(RFC3339)


def to_time_layout(name: str) -> str:
    """The layout of a constant's name, such as ``time.RFC3339``; another text is a layout itself."""
    return _LAYOUTS.get(name.removeprefix("time.").upper(), name)


def must_parse_time(*parts: str) -> GoTime:
    """A text, a layout and a text, or also a location, as a time."""
    if not parts:
        return now()
    if len(parts) > _MAX_ARGUMENTS:
        msg = "unsupported number of parameters"
        raise ValueError(msg)
    layout = to_time_layout(parts[0]) if len(parts) > 1 else RFC3339
    zone = Location.load(parts[2]) if len(parts) == _MAX_ARGUMENTS else ZONE_UTC
    return GoTime(Time.parse_in_location(layout, parts[1] if len(parts) > 1 else parts[0], zone))


def parse_time(*parts: str) -> GoTime:
    """As ``mustParseTime``; a text that does not parse is the year 1."""
    try:
        return must_parse_time(*parts)
    except ValueError:
        return GoTime(Time.zero())


def date_in_zone(layout: str, value: object, zone: str) -> str:
    """A time, or whole seconds since 1970, in a layout and zone; of anything else the time of the request."""
    instant = now() if isinstance(value, float) else to_time(value)
    try:
        location = ZONE_UTC if zone == "Local" else Location.load(zone)
    except ValueError:
        location = ZONE_UTC
    return instant.time.in_location(location).format(layout)


def date(layout: str, value: object) -> str:
    """A time in a layout."""
    return date_in_zone(layout, value, _ZONE)


def html_date(value: object) -> str:
    """A time as year, month and day."""
    return date_in_zone(_HTML_DATE, value, _ZONE)


def html_date_in_zone(value: object, zone: str) -> str:
    """A time as year, month and day of a zone."""
    return date_in_zone(_HTML_DATE, value, zone)


def must_date_modify(change: str, value: object) -> GoTime:
    """A time moved by a duration such as ``-1h30m``."""
    return GoTime(_instant(value).time.add(Duration.parse(change)))


def date_modify(change: str, value: object) -> GoTime:
    """As ``mustDateModify``; a duration that does not parse changes nothing."""
    try:
        return must_date_modify(change, value)
    except ValueError:
        return _instant(value)


def ago(value: object) -> str:
    """The duration from a time until the request."""
    return str(now().time.subtract(to_time(value).time).round(SECOND))


def unix_epoch(value: object) -> str:
    """Seconds since 1970."""
    return str(_instant(value).time.unix())


def must_to_date(layout: str, text: str) -> GoTime:
    """A text in a layout as a time."""
    return GoTime(Time.parse(layout, text))


def to_date(layout: str, text: str) -> GoTime:
    """As ``mustToDate``; a text that does not parse is the year 1."""
    try:
        return must_to_date(layout, text)
    except ValueError:
        return GoTime(Time.zero())


FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {
    "now": now,
    "ago": ago,
    "date": date,
    "dateInZone": date_in_zone,
    "date_in_zone": date_in_zone,
    "dateModify": date_modify,
    "date_modify": date_modify,
    "mustDateModify": must_date_modify,
    "must_date_modify": must_date_modify,
    "htmlDate": html_date,
    "htmlDateInZone": html_date_in_zone,
    "toDate": to_date,
    "mustToDate": must_to_date,
    "unixEpoch": unix_epoch,
    "toTime": to_time,
    "formatTime": format_time,
    "parseTime": parse_time,
    "mustParseTime": must_parse_time,
    "toTimeLayout": to_time_layout,
}
