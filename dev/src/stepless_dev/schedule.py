"""Runs scheduled functions that are overdue when the authority starts.

While it runs, the embedded AWS fires the schedules itself. A laptop that was shut for a week comes back
with an expired endpoint certificate, though, and has to renew it before it serves.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from stepless_dev.aws import ACCOUNT, REGION
from stepless_dev.environment import Call
from stepless_dev.functions import Functions
from stepless_dev.template import Schedule


def scheduled_event(schedule: Schedule, now: datetime) -> dict[str, Any]:
    """The event that EventBridge sends for a rule with a schedule."""
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{schedule.logical_id}"],
        "detail": {},
    }


async def run_schedules(functions: Functions, schedules: tuple[Schedule, ...]) -> None:
    """Runs each scheduled function once, one after the other.

    Raises:
        InvocationError: one failed.
    """
    for schedule in schedules:
        now = datetime.now(UTC)  # noqa: TID251  # the time of the event, as EventBridge stamps it
        event = scheduled_event(schedule, now)
        await functions[schedule.function].invoke(Call(event, event["id"]))
