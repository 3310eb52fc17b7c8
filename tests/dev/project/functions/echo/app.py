"""Answers with the event, or with the result that the body spells out."""

import base64
import json
import os
from typing import Any

from shared_by_layer import answer, variables


def handler(event: dict[str, Any], context: Any) -> Any:
    print("echo was here")  # noqa: T201  # goes to the function's log
    if event["httpMethod"] == "POST" and event["headers"].get("X-Answer-With") == "body":
        return json.loads(base64.b64decode(event["body"]))
    facts = {
        "event": event,
        "pid": os.getpid(),
        "variables": variables(),
        "context": {
            "request_id": context.aws_request_id,
            "arn": context.invoked_function_arn,
            "memory": context.memory_limit_in_mb,
            "remaining": context.get_remaining_time_in_millis(),
        },
    }
    return answer(200, facts)
