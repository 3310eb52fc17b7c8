"""From requested dates to a certificate's validity, within claims and credential (RFC 5280 §4.1.2.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from stepless.domain.claims import Claims
from stepless.domain.durations import TimeDuration, format_duration, format_go_time
from stepless.errors import InvalidValidity, ValidityNotAllowed


@dataclass(frozen=True, slots=True)
class Validity:
    """An interval in whole seconds of UTC, both ends included."""

    not_before: datetime
    not_after: datetime

    @property
    def span(self) -> timedelta:
        """How long it lasts, as step counts it: the difference of the two dates."""
        return self.not_after - self.not_before


@dataclass(frozen=True, slots=True)
class RequestedValidity:
    """What the caller asked for; ``None`` leaves it to the provisioner."""

    not_before: TimeDuration | None = None
    not_after: TimeDuration | None = None


def decide_validity(
    requested: RequestedValidity,
    claims: Claims,
    *,
    now: datetime,
    backdate: timedelta,
    credential: Validity | None = None,
) -> Validity:
    """The validity to issue.

    Only a start that nobody asked for is moved back by ``backdate``; a relative end counts from the start before that
    move. ``credential`` is the window of the certificate that proves who asks (X5C): the new one must lie inside of it.

    Raises:
        InvalidValidity: the end is past, or before the start, or a date cannot be written.
        ValidityNotAllowed: shorter or longer than the claims permit, or outside of the credential's window.
    """
    now = now.replace(microsecond=0)
    try:
        start = requested.not_before.resolve(now) if requested.not_before else now
        end = requested.not_after.resolve(start) if requested.not_after else start + claims.default_tls_duration
        not_before = start if requested.not_before else start - backdate
    except (ValueError, OverflowError) as error:
        raise InvalidValidity(f"the requested dates cannot be written: {error}") from error
    if credential is not None:
        not_before, end = _within(credential, not_before, end, requested, start)
    validity = Validity(not_before, end)
    _check_order(validity, now)
    _check_claims(validity.span, claims, backdate)
    return validity


def _within(
    credential: Validity,
    not_before: datetime,
    end: datetime,
    requested: RequestedValidity,
    start: datetime,
) -> tuple[datetime, datetime]:
    if start < credential.not_before:
        raise ValidityNotAllowed(
            f"requested certificate notBefore ({format_go_time(start)}) is before the active validity window "
            f"of the provisioning credential ({format_go_time(credential.not_before)})"
        )
    if requested.not_after is None:
        end = min(end, credential.not_after)
    elif end > credential.not_after:
        raise ValidityNotAllowed(
            f"requested certificate notAfter ({format_go_time(end)}) is after the expiration "
            f"of the provisioning credential ({format_go_time(credential.not_after)})"
        )
    return not_before, end


def _check_order(validity: Validity, now: datetime) -> None:
    if validity.not_after < now:
        raise InvalidValidity(f"notAfter cannot be in the past; na={format_go_time(validity.not_after)}")
    if validity.not_after < validity.not_before:
        raise InvalidValidity(
            f"notAfter cannot be before notBefore; na={format_go_time(validity.not_after)}, "
            f"nb={format_go_time(validity.not_before)}"
        )


def _check_claims(span: timedelta, claims: Claims, backdate: timedelta) -> None:
    if span < claims.min_tls_duration:
        raise ValidityNotAllowed(
            f"requested duration of {format_duration(span)} is less than the authorized minimum "
            f"certificate duration of {format_duration(claims.min_tls_duration)}"
        )
    longest = claims.max_tls_duration + backdate
    if span > longest:
        raise ValidityNotAllowed(
            f"requested duration of {format_duration(span)} is more than the authorized maximum "
            f"certificate duration of {format_duration(longest)}"
        )
