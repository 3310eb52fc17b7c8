"""Tries one AWS call and tells whether its role allows it."""

import base64
import json
from typing import Any

from botocore.exceptions import ClientError
from shared_by_layer import answer, client, variables


def handler(event: dict[str, Any], _context: Any) -> Any:
    call = json.loads(base64.b64decode(event["body"]))
    arguments = {
        name: variables()[value[1:]] if isinstance(value, str) and value.startswith("$") else value
        for name, value in call["arguments"].items()
    }
    for name in ("CiphertextBlob", "Plaintext"):
        if name in arguments:
            arguments[name] = base64.b64decode(arguments[name])
    try:
        result = getattr(client(call["service"]), call["operation"])(**arguments)
    except ClientError as exc:
        return answer(403, {"code": exc.response["Error"]["Code"]})
    result.pop("ResponseMetadata")
    return answer(200, json.loads(json.dumps(result, default=_to_json)))


def _to_json(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
