"""Key sets of identity providers, fetched when needed and kept in the function's environment (OIDC Discovery §4)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from stepless.domain.key_set import KeySet, KeySetSource, check_key_set_address, read_keys
from stepless.errors import IdentityProviderUnavailable
from stepless.outbound.line import Line, NoDocument, within
from stepless.services.ports import Clock, KeySets

# For discovery and key set together, so that the whole request is answered in ten seconds.
FETCH_SECONDS: Final = 5.0
SHORTEST: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(hours=12)
# Without a word of the provider: a key that it takes away should not be believed for half a day.
UNSTATED: Final = timedelta(hours=1)
# How long keys are used that cannot be read again.
STALE: Final = timedelta(hours=24)
# Between two attempts: after a failure, and for key ids that are not in a fresh set, which anybody can make up.
AFTER_FAILURE: Final = timedelta(seconds=10)
FOR_UNKNOWN_KEY: Final = timedelta(seconds=30)
_MAX_ISSUER: Final = 2_048


@dataclass(slots=True)
class _Kept:
    """What is known of one provider; ``failure`` is what became of the last attempt to read it."""

    key_set: KeySet | None = None
    read_at: datetime | None = None
    fresh_for: timedelta = timedelta(0)
    tried_at: datetime | None = None
    failure: str = ""

    def is_younger(self, age: timedelta, now: datetime) -> bool:
        return _is_within(self.read_at, age, now)

    def is_due(self, key_id: str, now: datetime) -> bool:
        """Whether the provider is to be asked: it was not for long enough, and what it said does not do."""
        fresh = self.is_younger(self.fresh_for, now)
        if fresh and self.has(key_id):
            return False
        return not _is_within(self.tried_at, FOR_UNKNOWN_KEY if fresh else AFTER_FAILURE, now)

    def has(self, key_id: str) -> bool:
        return self.key_set is not None and bool(self.key_set.named(key_id))


@dataclass(slots=True)
class FetchedKeySets:
    """The key sets of all providers that this environment was asked for."""

    clock: Clock
    context: ssl.SSLContext | None = None
    seconds: float = FETCH_SECONDS
    _providers: dict[str, _Kept] = field(default_factory=dict, init=False)

    def key_set(self, source: KeySetSource, key_id: str) -> KeySet:
        """The key set of a provider; see the port."""
        kept = self._providers.setdefault(source.discovery_url, _Kept())
        now = self.clock.now()
        cause = self._read(source, kept, now) if kept.is_due(key_id, now) else None
        # A key that the last answer does not hold is unknown; if there was no answer, nobody can tell.
        if kept.key_set is not None and kept.is_younger(STALE, now) and (kept.has(key_id) or not kept.failure):
            return kept.key_set
        raise IdentityProviderUnavailable(
            f"the identity provider of provisioner {source.provisioner!r} {kept.failure}; please try again later"
        ) from cause

    def _read(self, source: KeySetSource, kept: _Kept, now: datetime) -> NoDocument | None:
        """Ask the provider; if that fails what is kept stays as it is, and the failure is returned."""
        kept.tried_at = now
        try:
            kept.key_set, kept.fresh_for = within(
                self.seconds, lambda line: _fetch(line, source.discovery_url), self.context
            )
        except NoDocument as failure:
            kept.failure = str(failure)
            return failure
        kept.read_at, kept.failure = now, ""
        return None


_: type[KeySets] = FetchedKeySets


def _fetch(line: Line, discovery_url: str) -> tuple[KeySet, timedelta]:
    """The key set, and how long it is good for.

    Raises:
        NoDocument: the provider does not answer as one.
    """
    configuration = line.get(discovery_url).content
    issuer = configuration.get("issuer")
    if not isinstance(issuer, str) or not 0 < len(issuer) <= _MAX_ISSUER:
        raise NoDocument("does not tell its name (issuer)")
    try:
        published = line.get(check_key_set_address(configuration.get("jwks_uri"), discovery_url))
        keys = read_keys(published.content)
    except ValueError as error:
        raise NoDocument(f"publishes no keys: {error}") from error
    if not keys:
        raise NoDocument("publishes no key that verifies signatures")
    stated = UNSTATED if published.max_age is None else timedelta(seconds=published.max_age)
    return KeySet(issuer, keys), min(max(stated, SHORTEST), LONGEST)


def _is_within(start: datetime | None, span: timedelta, now: datetime) -> bool:
    """Whether it is not longer ago; an instant to come, after a clock was set back, is too long ago."""
    return start is not None and timedelta(0) <= now - start < span
