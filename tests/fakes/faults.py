"""Outages at a chosen moment: before a call reaches the store, or after it did and the answer got lost."""

from stepless.errors import Unavailable


class Faults:
    """Counts the moments at which a call can fail, and fails at one of them.

    Give one object to all fakes of a run: without ``at`` it only counts, which tells how many runs a test needs.
    """

    def __init__(self, at: int | None = None) -> None:
        self._at = at
        self.moments = 0

    def strike(self, at: int | None) -> None:
        """Count anew from now on, and fail at another moment, or at none."""
        self._at, self.moments = at, 0

    def moment(self) -> None:
        """Pass, or fail as a service does that does not answer.

        Raises:
            Unavailable: this is the chosen moment.
        """
        self.moments += 1
        if self.moments - 1 == self._at:
            raise Unavailable(f"outage at moment {self._at}")
