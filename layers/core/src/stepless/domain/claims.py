"""Claims: how long certificates live and whether they are renewed, per authority and provisioner (step's claims)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from stepless.domain.durations import format_duration, parse_duration

_TLS_DURATIONS: Final = ("minTLSCertDuration", "maxTLSCertDuration", "defaultTLSCertDuration")
_SWITCHES: Final = ("disableRenewal", "allowRenewalAfterExpiry", "disableSmallstepExtensions")


@dataclass(frozen=True, slots=True)
class Claims:
    """The effective claims of a provisioner."""

    min_tls_duration: timedelta = timedelta(minutes=5)
    max_tls_duration: timedelta = timedelta(hours=24)
    default_tls_duration: timedelta = timedelta(hours=24)
    disable_renewal: bool = False
    allow_renewal_after_expiry: bool = False
    disable_smallstep_extensions: bool = False

    def __post_init__(self) -> None:
        """Hold the three durations to each other.

        Raises:
            ValueError: one is not positive, or the default is outside of the bounds.
        """
        if not timedelta(0) < self.min_tls_duration <= self.default_tls_duration <= self.max_tls_duration:
            msg = (
                "claims: 0 < minTLSCertDuration <= defaultTLSCertDuration <= maxTLSCertDuration must hold, "
                f"got {self.min_tls_duration}, {self.default_tls_duration}, {self.max_tls_duration}"
            )
            raise ValueError(msg)


def merge_claims(base: Claims, document: object) -> Claims:
    """Put a scope's claims, in step's JSON form, over those of the scope around it.

    A scope that sets only the default moves a bound that the default would break (step-ca's rule).

    Raises:
        ValueError: a duration or switch of the wrong type, or durations that contradict each other.
    """
    if document is not None and not isinstance(document, Mapping):
        msg = f"claims: must be an object, got {document!r}"
        raise ValueError(msg)
    given = {key: value for key, value in (document or {}).items() if value is not None}
    durations = {key: _duration(key, given[key]) for key in _TLS_DURATIONS if key in given}
    switches = {key: _switch(key, given[key]) for key in _SWITCHES if key in given}
    default = durations.get("defaultTLSCertDuration", base.default_tls_duration)
    return Claims(
        min_tls_duration=durations.get("minTLSCertDuration", min(base.min_tls_duration, default)),
        max_tls_duration=durations.get("maxTLSCertDuration", max(base.max_tls_duration, default)),
        default_tls_duration=default,
        disable_renewal=switches.get("disableRenewal", base.disable_renewal),
        allow_renewal_after_expiry=switches.get("allowRenewalAfterExpiry", base.allow_renewal_after_expiry),
        disable_smallstep_extensions=switches.get("disableSmallstepExtensions", base.disable_smallstep_extensions),
    )


def claims_document(claims: Claims) -> dict[str, str | bool]:
    """What sets claims apart from the defaults, in step's JSON form; ``merge_claims`` makes them of it again."""
    defaults = Claims()
    durations = (
        (claims.min_tls_duration, defaults.min_tls_duration),
        (claims.max_tls_duration, defaults.max_tls_duration),
        (claims.default_tls_duration, defaults.default_tls_duration),
    )
    switches = (claims.disable_renewal, claims.allow_renewal_after_expiry, claims.disable_smallstep_extensions)
    return {
        **{
            key: f"{own // timedelta(microseconds=1)}us"
            for key, (own, default) in zip(_TLS_DURATIONS, durations, strict=True)
            if own != default
        },
        **{key: True for key, own in zip(_SWITCHES, switches, strict=True) if own},
    }


def canonical_claims(document: Mapping[str, object]) -> dict[str, object]:
    """Claims with every duration as Go prints it, for clients to read; the rest stays.

    Raises:
        ValueError: a duration that is none (an empty text would make ``step`` refuse the whole list).
    """
    return {
        key: format_duration(_duration(key, value)) if key.endswith("Duration") and value is not None else value
        for key, value in document.items()
    }


def _duration(key: str, value: object) -> timedelta:
    if not isinstance(value, str):
        msg = f"claims: {key} must be a duration text such as 24h0m0s, got {value!r}"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong document
    return parse_duration(value)


def _switch(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        msg = f"claims: {key} must be true or false, got {value!r}"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong document
    return value
