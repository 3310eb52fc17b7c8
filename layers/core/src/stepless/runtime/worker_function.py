"""The handler of a function that a schedule starts; it loads no web framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stepless.runtime.observability import Observability
from stepless.runtime.settings import FunctionSettings
from stepless.runtime.wiring import Wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

Work = Callable[[Wiring, dict[str, Any]], object]


class WorkerFunction:
    """Built when the first event arrives; a failure is raised, so that Lambda retries and alarms see it."""

    def __init__(self, name: str, work: Work) -> None:
        """``work`` does the job for one event."""
        self._name = name
        self._work = work
        self._built: tuple[Wiring, Observability] | None = None

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> None:
        """Do the job once."""
        if self._built is None:
            settings = FunctionSettings.from_environment()
            self._built = Wiring(settings), Observability(self._name, settings.log_level)
        wiring, observability = self._built
        observability.begin(context)
        observability.note(event=str(event.get("source", "")))
        try:
            self._work(wiring, event)
        except Exception as error:
            observability.report(error)
            raise
        finally:
            observability.end()
