"""How much one rendering may work, and how large a value in it may grow.

The unit of work is about one microsecond of Python: a character that a function reads or writes, a step of the regular
expression engine, four characters of template that are run through. So the limits hold on any machine.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from typing_extensions import override

from stepless.domain.template.go_values import GoStruct

MAX_WORK: Final = 1_000_000
MAX_VALUE: Final = 262_144
MAX_OUTPUT_LENGTH: Final = 65_536
MAX_FUNCTION_CALLS: Final = 20_000
MAX_ITERATIONS: Final = 20_000
MAX_TEMPLATE_DEPTH: Final = 32
_MAX_NESTING: Final = 64
_CHARACTERS_PER_UNIT: Final = 4
_UNITS_PER_PASS: Final = 8


class LimitExceeded(Exception):
    """A rendering works too long, or makes a value that is too large."""


@dataclass(slots=True)
class Rendering:
    """One rendering under way: its time, and the work that it may still do."""

    now: datetime
    template_length: int
    work_left: int = MAX_WORK

    def spend(self, units: int) -> None:
        """Count work.

        Raises:
            LimitExceeded: there is none left.
        """
        self.work_left -= units
        if self.work_left < 0:
            msg = "the template works too long"
            raise LimitExceeded(msg)

    def spend_pass(self) -> None:
        """Count one run through (at most all of) the text: an iteration, or a call of a template."""
        self.spend(self.template_length // _CHARACTERS_PER_UNIT + _UNITS_PER_PASS)


CURRENT: Final[ContextVar[Rendering]] = ContextVar("stepless_template_rendering")


class MeteredLimit(int):
    """A limit of the engine that also spends work whenever the engine compares with it.

    The engine counts neither calls of templates nor the length of a loop's body, but it asks ``count > limit`` at each;
    Python gives that question to the subclass of ``int`` on the right first.
    """

    @override
    def __lt__(self, other: int) -> bool:
        """Whether the count exceeds the limit."""
        rendering = CURRENT.get(None)
        if rendering is not None:
            rendering.spend_pass()
        return int(self) < int(other)


def weigh(value: object) -> int:
    """The size of a value as if it were written out, a part that it holds twice counted twice.

    Raises:
        LimitExceeded: larger than ``MAX_VALUE``, or nested too deeply (as one that holds itself is).
    """
    total, pending = 0, [(value, 0)]
    while pending:
        item, depth = pending.pop()
        total += 1
        if isinstance(item, str | bytes):
            total += len(item)
        elif isinstance(item, GoStruct):
            total += item.weight
        elif isinstance(item, dict):
            pending.extend((part, depth + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list | tuple):
            pending.extend((part, depth + 1) for part in item)
        if total + len(pending) > MAX_VALUE or depth > _MAX_NESTING:
            msg = "the template makes a value that is too large"
            raise LimitExceeded(msg)
    return total
