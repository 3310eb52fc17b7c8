from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.durations import (
    TimeDuration,
    format_duration,
    format_go_time,
    parse_duration,
    parse_rfc3339,
    parse_time_duration,
)

BASE = datetime(2026, 2, 1, 10, 0, 0, tzinfo=UTC)
# Go's longest duration: 2^63 - 1 ns.
LONGEST = timedelta(microseconds=(2**63 - 1) // 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0", timedelta(0), id="ok/zero-without-unit"),
        pytest.param("-0", timedelta(0), id="ok/minus-zero"),
        pytest.param("24h0m0s", timedelta(hours=24), id="ok/canonical"),
        pytest.param("1.5h", timedelta(minutes=90), id="ok/fraction"),
        pytest.param(".5s", timedelta(milliseconds=500), id="ok/fraction-without-whole"),
        pytest.param("1.s", timedelta(seconds=1), id="ok/dot-without-fraction"),
        pytest.param("-5m", timedelta(minutes=-5), id="ok/negative"),
        pytest.param("+5m", timedelta(minutes=5), id="ok/plus"),
        pytest.param("100ms", timedelta(milliseconds=100), id="ok/milliseconds"),
        pytest.param("3us", timedelta(microseconds=3), id="ok/microseconds"),
        pytest.param("3µs", timedelta(microseconds=3), id="ok/micro-sign"),
        pytest.param("3\u03bcs", timedelta(microseconds=3), id="ok/greek-mu"),
        pytest.param("1999ns", timedelta(microseconds=1), id="ok/nanoseconds-are-cut"),
        pytest.param("-1999ns", timedelta(microseconds=-1), id="ok/negative-nanoseconds-are-cut-towards-zero"),
        pytest.param("1m1h", timedelta(minutes=61), id="ok/any-order"),
        pytest.param("1h1h", timedelta(hours=2), id="ok/repeated-unit"),
        pytest.param("9223372036854775807ns", LONGEST, id="ok/longest"),
    ],
)
def test_reads_what_go_reads(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="fail/empty"),
        pytest.param("1", id="fail/no-unit"),
        pytest.param("1d", id="fail/days"),
        pytest.param("h", id="fail/no-number"),
        pytest.param(".h", id="fail/only-a-dot"),
        pytest.param("+", id="fail/only-a-sign"),
        pytest.param("--5m", id="fail/two-signs"),
        pytest.param("1h-5m", id="fail/sign-inside"),
        pytest.param("1h ", id="fail/space-after"),
        pytest.param(" 1h", id="fail/space-before"),
        pytest.param("1H", id="fail/upper-case-unit"),
        pytest.param("1e3s", id="fail/exponent"),
        pytest.param("1_000s", id="fail/underscore"),
        pytest.param("٣s", id="fail/digits-of-another-script"),
        pytest.param("1..5h", id="fail/two-dots"),
        pytest.param("9223372036854775808ns", id="fail/one-more-than-go-holds"),
        pytest.param("2562048h", id="fail/293-years"),
        pytest.param("9" * 60 + "h", id="fail/absurd-number"),
        pytest.param("1h" * 5000, id="fail/absurd-length"),
        pytest.param("1h\x00", id="fail/null-byte"),
    ],
)
def test_refuses_what_go_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_refusal_does_not_repeat_an_absurd_text() -> None:
    with pytest.raises(ValueError, match="not a duration") as refused:
        parse_duration("x" * 100_000)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(microseconds=7), "7µs"),
        (timedelta(microseconds=1500), "1.5ms"),
        (timedelta(milliseconds=100), "100ms"),
        (timedelta(seconds=1.5), "1.5s"),
        (timedelta(minutes=5), "5m0s"),
        (timedelta(hours=24), "24h0m0s"),
        (timedelta(hours=24, minutes=1), "24h1m0s"),
        (timedelta(minutes=-5), "-5m0s"),
        (timedelta(days=3650), "87600h0m0s"),
    ],
)
def test_writes_durations_as_go_prints_them(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@given(st.timedeltas(min_value=-LONGEST, max_value=LONGEST))
def test_every_duration_survives_being_written_and_read(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.text() | st.from_regex(r"[+-]?([0-9.]{0,12}(ns|us|ms|s|m|h)){0,4}", fullmatch=True))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert abs(duration) <= LONGEST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-02-01T10:00:00Z", BASE, id="ok/utc"),
        pytest.param("2026-02-01t10:00:00z", BASE, id="ok/lower-case"),
        pytest.param("2026-02-01T12:00:00+02:00", BASE, id="ok/east"),
        pytest.param("2026-02-01T04:30:00-05:30", BASE, id="ok/west"),
        pytest.param("2026-02-01T10:00:00-00:00", BASE, id="ok/minus-zero-offset"),
        pytest.param("2026-02-01T10:00:00.999999999Z", BASE, id="ok/fraction-is-cut"),
        pytest.param("2026-02-02T09:59:00+23:59", BASE, id="ok/largest-offset"),
        pytest.param("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC), id="ok/first-year"),
        pytest.param("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), id="ok/last-year"),
        pytest.param("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC), id="ok/leap-day"),
    ],
)
def test_reads_rfc_3339_times_as_utc(text: str, expected: datetime) -> None:
    assert parse_rfc3339(text) == expected
    assert parse_rfc3339(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="fail/empty"),
        pytest.param("2026-02-01", id="fail/date-alone"),
        pytest.param("2026-02-01T10:00:00", id="fail/no-offset"),
        pytest.param("2026-02-01 10:00:00Z", id="fail/space"),
        pytest.param("2026-02-01T10:00Z", id="fail/no-seconds"),
        pytest.param("2026-02-30T10:00:00Z", id="fail/no-such-day"),
        pytest.param("2025-02-29T10:00:00Z", id="fail/not-a-leap-year"),
        pytest.param("2026-13-01T10:00:00Z", id="fail/no-such-month"),
        pytest.param("2026-02-01T24:00:00Z", id="fail/hour-24"),
        pytest.param("2026-02-01T10:00:60Z", id="fail/leap-second"),
        pytest.param("2026-02-01T10:00:00+24:00", id="fail/offset-of-a-day"),
        pytest.param("2026-02-01T10:00:00+02:60", id="fail/offset-minutes"),
        pytest.param("2026-02-01T10:00:00+0200", id="fail/offset-without-colon"),
        pytest.param("2026-02-01T10:00:00.Z", id="fail/dot-without-fraction"),
        pytest.param("0000-01-01T00:00:00Z", id="fail/year-zero"),
        pytest.param("10000-01-01T00:00:00Z", id="fail/year-ten-thousand"),
        pytest.param("0001-01-01T00:00:00+00:01", id="fail/before-the-first-year"),
        pytest.param("9999-12-31T23:59:59-00:01", id="fail/after-the-last-year"),
        pytest.param("٢٠٢٦-02-01T10:00:00Z", id="fail/digits-of-another-script"),
        pytest.param("2026-02-01T10:00:00Z\n", id="fail/line-break-after"),
    ],
)
def test_refuses_what_is_not_an_rfc_3339_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_rfc3339(text)


@given(st.datetimes(timezones=st.timezones()))
def test_every_time_of_any_zone_is_read_as_the_same_instant(instant: datetime) -> None:
    whole = instant.replace(microsecond=0)
    offset = whole.utcoffset()
    # RFC 3339 has no seconds in offsets, which zones had before they were standardized.
    if offset is None or offset.seconds % 60:
        return
    try:
        expected = whole.astimezone(UTC)
    except OverflowError:
        return
    assert parse_rfc3339(whole.isoformat()) == expected


@given(st.text())
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        parsed = parse_time_duration(text)
    except ValueError:
        return
    assert (parsed is None) == (text == "")


def test_nothing_means_unset() -> None:
    assert parse_time_duration("") is None


def test_an_instant_stays_whatever_the_base_is() -> None:
    parsed = parse_time_duration("2030-01-01T00:00:00+01:00")
    assert parsed is not None
    assert parsed.resolve(BASE) == datetime(2029, 12, 31, 23, 0, tzinfo=UTC)


def test_a_duration_counts_from_the_base_and_is_cut_to_the_second() -> None:
    parsed = parse_time_duration("90s")
    assert parsed is not None
    assert parsed.resolve(BASE.replace(microsecond=999_999)) == BASE + timedelta(seconds=90)


def test_a_duration_that_leads_out_of_the_calendar_is_a_value_error() -> None:
    duration = TimeDuration(duration=timedelta(days=365 * 9000))
    with pytest.raises(ValueError, match="years 1 to 9999"):
        duration.resolve(BASE)


def test_writes_times_as_go_does() -> None:
    assert format_go_time(BASE) == "2026-02-01 10:00:00 +0000 UTC"
    assert format_go_time(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01 00:00:00 +0000 UTC"
