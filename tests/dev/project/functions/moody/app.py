"""Does what the body says, good or bad."""

import base64
import os
import sys
import time
from typing import Any

from shared_by_layer import answer


def handler(event: dict[str, Any], _context: Any) -> Any:
    mood = base64.b64decode(event["body"]).decode()
    if mood.startswith("sleep "):
        time.sleep(float(mood.split()[1]))
    elif mood.startswith("large "):
        return answer(200, "x" * int(mood.split()[1]))
    elif mood == "raise":
        raise RuntimeError("in a bad mood")
    elif mood == "die":
        os._exit(3)
    elif mood == "exit":
        sys.exit(4)
    elif mood == "nonsense":
        return ["this is no answer"]
    elif mood == "unserialisable":
        return {"statusCode": 200, "body": object()}
    return answer(200, {"mood": mood, "pid": os.getpid()})
