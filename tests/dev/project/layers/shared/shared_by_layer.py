"""What functions of the test project import from a layer."""

import json
import os
from typing import Any

import botocore.session


def answer(status: int, value: Any) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(value)}


def client(service: str) -> Any:
    session: Any = botocore.session.get_session()
    return session.create_client(service)


def variables() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251  # what the gateway gives a function is what is tested
