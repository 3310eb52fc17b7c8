"""Writes down every record that a stream, a queue or a schedule brings."""

import json
from typing import Any

from shared_by_layer import client, variables


def handler(event: dict[str, Any], _context: Any) -> Any:
    failures = []
    for record in event.get("Records", [event]):
        if record.get("body") == "refuse me once" and record["attributes"]["ApproximateReceiveCount"] == "1":
            failures.append({"itemIdentifier": record["messageId"]})
        else:
            _note(record)
    return {"batchItemFailures": failures}


def _note(record: dict[str, Any]) -> None:
    source = record.get("eventSource") or record["source"]
    name = record.get("body") or record.get("dynamodb", {}).get("Keys", {}).get("pk", {}).get("S", "")
    client("dynamodb").put_item(
        TableName=variables()["SEEN_TABLE"],
        Item={"pk": {"S": f"{source} {name}".strip()}, "record": {"S": json.dumps(record)}},
    )
