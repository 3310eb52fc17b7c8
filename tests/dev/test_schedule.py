"""Scheduled functions that are overdue when the authority starts."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stepless_dev.home import StartError
from stepless_dev.schedule import scheduled_event
from stepless_dev.template import Schedule
from tests.dev.support.authorities import TestAuthority
from tests.dev.support.running import PROJECT, running


def test_the_event_is_eventbridges() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    event = scheduled_event(Schedule("F", "FHourly", "rate(1 hour)"), now)
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert event["time"] == "2026-01-02T03:04:05Z"
    assert event["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/FHourly"]


def test_an_old_endpoint_certificate_is_renewed_before_it_is_served(home_of_its_own: Path, ca: TestAuthority) -> None:
    endpoint = ca.endpoint(timedelta(minutes=30))
    with running(home_of_its_own, ca, endpoint=endpoint) as live:
        item = live.aws("dynamodb").get_item(TableName=live.outputs()["SeenTableName"], Key={"pk": {"S": "aws.events"}})
        assert json.loads(item["Item"]["record"]["S"])["detail-type"] == "Scheduled Event"
        assert live.endpoints.asked == 2


def test_an_expired_certificate_that_is_not_renewed_is_not_served(
    home_of_its_own: Path, ca: TestAuthority, tmp_path: Path
) -> None:
    template = tmp_path / "template.yaml"
    for folder in ("functions", "layers", "infra"):
        (tmp_path / folder).symlink_to(PROJECT / folder)
    # The follower may then write nothing down, and fails.
    text = (PROJECT / "template.yaml").read_text()
    template.write_text(text.replace("Action: dynamodb:PutItem", "Action: dynamodb:GetItem"))
    with (
        pytest.raises(StartError, match="not renewed"),
        running(home_of_its_own, ca, template=template, endpoint=ca.endpoint(-timedelta(hours=1))),
    ):
        pytest.fail("it serves")
