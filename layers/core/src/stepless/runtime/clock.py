"""The system clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The time of the machine, in aware UTC."""

    def now(self) -> datetime:
        """The instant of the call."""
        return datetime.now(UTC)
