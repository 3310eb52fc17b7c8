"""Logs, metrics and traces through Powertools: one JSON event per request, one metric line, no secrets.

What may be logged is an allow-list of fields: tokens, keys, bodies and headers never get here.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit

from stepless.errors import CAError, IntegrityFailure, Unavailable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_FIELDS: Final = frozenset({
    "route", "method", "status", "duration_ms", "provisioner", "serial", "not_after", "identifiers", "key_id",
    "reason_code", "event",
})  # fmt: skip


# Made once: `json.dumps` with these arguments makes an encoder for each line.
_to_json: Final = json.JSONEncoder(default=str, separators=(",", ":"), ensure_ascii=False).encode


class Observability:
    """The log event of one request at a time, as a function environment serves one at a time."""

    def __init__(self, function: str, log_level: str) -> None:
        """Set the loggers up; Powertools takes service and namespace from the template's variables."""
        self._function = function
        # Every event has one place in the code, which its message tells.
        self._logger = Logger(service=function, level=log_level, utc=True, json_serializer=_to_json, location=None)
        # Powertools hands its handler to top-level loggers only; those of our modules are children of this one.
        library = logging.getLogger("stepless")
        library.propagate = False
        copy_config_to_registered_loggers(source_logger=self._logger, include={library.name})
        self._metrics = Metrics(service=function)
        self.tracer = Tracer(service=function)
        self._fields: dict[str, Any] = {}
        self._error: Exception | None = None
        self._cause = ""
        self._started = 0.0
        self._cold = True

    def begin(self, context: LambdaContext) -> None:
        """Start a request's event."""
        self._fields, self._error, self._started = {}, None, time.perf_counter()
        self._logger.append_keys(request_id=context.aws_request_id)

    def note(self, **fields: Any) -> None:
        """Add fields to the event; those that are not on the list are refused, loudly in tests.

        Raises:
            KeyError: a field that may not be logged.
        """
        if not fields.keys() <= _FIELDS:
            raise KeyError(str(fields.keys() - _FIELDS))
        self._fields.update(fields)

    def report(self, error: Exception) -> None:
        """Keep the error for the event; its detail and its cause's kind are logged, the cause's text is not."""
        self._error, self._cause = error, _cause(error)

    def end(self) -> None:
        """Print the event and the metrics."""
        error = self._error
        outcome = "ok" if error is None else "refused" if _is_refusal(error) else "failed"
        fields = {
            **self._fields,
            "outcome": outcome,
            "function": self._function,
            "cold_start": self._cold,
        }
        fields["duration_ms"] = round((time.perf_counter() - self._started) * 1000, 2)
        self._cold = False
        if error is None:
            self._logger.info("request", extra=fields)
        else:
            fields["error_kind"] = type(error).__name__
            fields["detail"] = error.detail if isinstance(error, CAError) else ""
            fields["cause"] = self._cause
            log = self._logger.warning if outcome == "refused" else self._logger.error
            log("request", extra=fields)
        self._metrics.add_metric(name=f"requests_{outcome}", unit=MetricUnit.Count, value=1)
        self._metrics.flush_metrics()


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, CAError) and not isinstance(error, Unavailable | IntegrityFailure)


def _cause(error: Exception) -> str:
    """Where an error came from: kinds and places, never texts, which may quote what a client sent."""
    parts = []
    current: BaseException | None = error
    while current is not None:
        frame = current.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = f"{frame.tb_frame.f_globals.get('__name__')}:{frame.tb_lineno}" if frame is not None else ""
        parts.append(f"{type(current).__name__}{_aws_code(current)} at {place}")
        current = current.__cause__
    return " < ".join(parts)


def _aws_code(error: BaseException) -> str:
    """The code that AWS gave with a refusal, such as `` (AccessDeniedException)``."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else getattr(error, "code", None)
    return f" ({code})" if code else ""
