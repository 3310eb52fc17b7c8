"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta
from typing import Final

from stepless.services.ports import Clock

# Not at a whole second, so that a date that was not cut to one shows.
NOW: Final = datetime(2026, 2, 1, 10, 0, 30, 250_000, tzinfo=UTC)


class FrozenClock:
    """The time that a test set."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        """Aware UTC; see the port."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the time; backwards too, as clocks of machines do."""
        self._now += by


_: type[Clock] = FrozenClock
