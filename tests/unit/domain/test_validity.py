from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.claims import Claims
from stepless.domain.durations import TimeDuration
from stepless.domain.validity import RequestedValidity, Validity, decide_validity
from stepless.errors import CAError, InvalidValidity, ValidityNotAllowed
from tests.fakes.deployment import wish

NOW = datetime(2026, 2, 1, 10, 0, 0, 999_999, tzinfo=UTC)
SECOND = NOW.replace(microsecond=0)
BACKDATE = timedelta(minutes=1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def decide(
    requested: RequestedValidity, claims: Claims | None = None, credential: Validity | None = None
) -> tuple[timedelta, timedelta]:
    """The decided dates, counted from now."""
    validity = decide_validity(requested, claims or Claims(), now=NOW, backdate=BACKDATE, credential=credential)
    return validity.not_before - SECOND, validity.not_after - SECOND


@pytest.mark.parametrize(
    ("not_before", "not_after", "expected"),
    [
        pytest.param("", "", (-MINUTE, 24 * HOUR), id="ok/default-is-backdated"),
        pytest.param("", "1h", (-MINUTE, HOUR), id="ok/relative-end-counts-from-before-the-backdate"),
        pytest.param("5m", "1h", (5 * MINUTE, 65 * MINUTE), id="ok/asked-for-start-is-not-backdated"),
        pytest.param("0", "1h", (timedelta(0), HOUR), id="ok/start-now-is-not-backdated"),
        pytest.param("-10m", "", (-10 * MINUTE, 24 * HOUR - 10 * MINUTE), id="ok/negative-start"),
        pytest.param("", "2026-02-01T11:00:00Z", (-MINUTE, HOUR), id="ok/absolute-end"),
        pytest.param("2026-02-01T13:30:00+03:30", "1h", (timedelta(0), HOUR), id="ok/absolute-start-with-an-offset"),
        pytest.param("", "4m", (-MINUTE, 4 * MINUTE), id="ok/span-with-backdate-reaches-the-minimum"),
        pytest.param("", "24h", (-MINUTE, 24 * HOUR), id="ok/longest-with-backdate"),
        pytest.param("-1m", "24h1m", (-MINUTE, 24 * HOUR), id="ok/longest-asked-for"),
        pytest.param("", "10m0.9s", (-MINUTE, 10 * MINUTE), id="ok/cut-to-the-second"),
    ],
)
def test_decides_the_dates_as_step_does(not_before: str, not_after: str, expected: tuple[timedelta, timedelta]) -> None:
    assert decide(wish(not_before, not_after)) == expected


@pytest.mark.parametrize(
    ("not_before", "not_after", "text"),
    [
        pytest.param("", "2026-02-01T09:59:59Z", "notAfter cannot be in the past; na=2026-02-01 09:59:59", id="past"),
        pytest.param("-2h", "1h", "notAfter cannot be in the past", id="relative-end-in-the-past"),
        pytest.param("2h", "2026-02-01T11:00:00Z", "notAfter cannot be before notBefore; na=.*, nb=", id="swapped"),
        pytest.param("2h", "-1h", "notAfter cannot be before notBefore", id="negative-end"),
        pytest.param("2562047h", "2562047h", "notAfter|requested", id="two-absurd-durations"),
        pytest.param("", "0001-01-01T00:00:00Z", "in the past", id="year-one"),
        pytest.param("9999-12-31T23:59:59Z", "1s", "cannot be written", id="out-of-the-calendar"),
    ],
)
def test_refuses_dates_that_contradict_themselves(not_before: str, not_after: str, text: str) -> None:
    with pytest.raises((InvalidValidity, ValidityNotAllowed), match=text):
        decide(wish(not_before, not_after))


@pytest.mark.parametrize(
    ("not_before", "not_after", "text"),
    [
        pytest.param(
            "0",
            "1m",
            "requested duration of 1m0s is less than the authorized minimum certificate duration of 5m0s",
            id="short",
        ),
        pytest.param(
            "",
            "25h",
            "requested duration of 25h1m0s is more than the authorized maximum certificate duration of 24h1m0s",
            id="long",
        ),
        pytest.param("", "9999-12-31T23:59:59Z", "is more than", id="last-instant"),
        pytest.param("0001-01-01T00:00:00Z", "2026-02-01T11:00:00Z", "is more than", id="first-instant"),
        pytest.param("", "2562047h", "is more than", id="longest-duration-there-is"),
    ],
)
def test_refuses_lifetimes_outside_of_the_claims(not_before: str, not_after: str, text: str) -> None:
    with pytest.raises(ValidityNotAllowed, match=text):
        decide(wish(not_before, not_after))


def test_an_end_at_this_very_second_is_not_past() -> None:
    claims = Claims(min_tls_duration=timedelta(seconds=1))
    assert decide(wish("", "2026-02-01T10:00:00Z"), claims) == (-MINUTE, timedelta(0))


WINDOW = Validity(SECOND - HOUR, SECOND + HOUR)


@pytest.mark.parametrize(
    ("not_before", "not_after", "expected"),
    [
        pytest.param("", "", (-MINUTE, HOUR), id="ok/default-ends-with-the-credential"),
        pytest.param("", "30m", (-MINUTE, 30 * MINUTE), id="ok/inside"),
        pytest.param("-1h", "2h", (-HOUR, HOUR), id="ok/exactly-the-window"),
        pytest.param("10m", "", (10 * MINUTE, HOUR), id="ok/later-start"),
    ],
)
def test_keeps_inside_of_the_window_of_the_credential(
    not_before: str, not_after: str, expected: tuple[timedelta, timedelta]
) -> None:
    assert decide(wish(not_before, not_after), credential=WINDOW) == expected


@pytest.mark.parametrize(
    ("not_before", "not_after", "text"),
    [
        pytest.param("-61m", "", "notBefore .* is before the active validity window", id="fail/starts-earlier"),
        pytest.param("", "61m", "notAfter .* is after the expiration", id="fail/ends-later"),
        pytest.param("58m", "", "is less than the authorized minimum", id="fail/what-is-left-is-too-short"),
    ],
)
def test_refuses_what_reaches_out_of_the_window_of_the_credential(not_before: str, not_after: str, text: str) -> None:
    with pytest.raises(ValidityNotAllowed, match=text):
        decide(wish(not_before, not_after), credential=WINDOW)


def test_a_default_that_ends_before_the_credential_stays() -> None:
    claims = Claims(default_tls_duration=30 * MINUTE)
    assert decide(wish(), claims, WINDOW) == (-MINUTE, 30 * MINUTE)


_INSTANTS = st.datetimes().map(lambda at: TimeDuration(instant=at.replace(tzinfo=UTC, microsecond=0)))
_DURATIONS = st.timedeltas(timedelta(days=-106_000), timedelta(days=106_000)).map(lambda d: TimeDuration(duration=d))
_NEAR = st.timedeltas(timedelta(days=-2), timedelta(days=2)).map(lambda d: TimeDuration(duration=d))
_WISHES = st.builds(
    RequestedValidity, st.none() | _INSTANTS | _DURATIONS | _NEAR, st.none() | _INSTANTS | _DURATIONS | _NEAR
)
_WINDOWS = st.none() | st.builds(
    lambda start, length: Validity(SECOND + start, SECOND + start + length),
    st.timedeltas(timedelta(days=-2), timedelta(days=2)),
    st.timedeltas(timedelta(0), timedelta(days=4)),
)


@given(_WISHES, _WINDOWS)
def test_whatever_is_asked_for_the_answer_is_within_the_claims_or_a_refusal(
    requested: RequestedValidity, credential: Validity | None
) -> None:
    claims = Claims()
    try:
        validity = decide_validity(requested, claims, now=NOW, backdate=BACKDATE, credential=credential)
    except CAError:
        return
    assert validity.not_after >= SECOND
    assert claims.min_tls_duration <= validity.span <= claims.max_tls_duration + BACKDATE
    if credential is not None:
        assert credential.not_before - BACKDATE <= validity.not_before
        assert validity.not_after <= credential.not_after
