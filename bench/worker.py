"""Runs a function's handler, or the bare cryptography, in a process of its own, and says what CPU time it took.

Started as a script (`python worker.py FD`). Frames are one line of JSON each way. The first frame says what to load;
each later one holds events (or, for the bare cryptography, bodies of POST /sign), which are answered together.
"""

import gc
import importlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any


class Context:
    """The parts of a Lambda context that anyone reads."""

    def __init__(self, request_id: str) -> None:
        self.aws_request_id = request_id
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")  # noqa: TID251  # Lambda's own
        self.memory_limit_in_mb = "1024"
        self.invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bench"


def _handler(start: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    sys.path[:0] = start["path"]
    handler = importlib.import_module("app").handler
    return lambda event: handler(event, Context(event["requestContext"]["requestId"]))


def _bare(start: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    sys.path[:0] = start["path"]
    from bench.bare import BareAuthority  # noqa: PLC0415  # only this worker needs it

    authority = BareAuthority(start["bare"])
    return lambda wish: {"statusCode": 201, "body": authority.sign(wish["csr"], wish["ott"])}


def _measure(serve: Callable[[dict[str, Any]], dict[str, Any]], requests: list[dict[str, Any]]) -> dict[str, Any]:
    # What came before must not be paid for by what is measured now.
    gc.collect()
    answers = []
    began = time.process_time()
    for request in requests:
        answers.append(serve(request))  # noqa: PERF401  # a comprehension would hide what is timed
    return {"cpu_seconds": time.process_time() - began, "answers": answers}


def main() -> None:
    """Loads what the first frame names, and serves until the other side closes."""
    stream = socket.socket(fileno=int(sys.argv[1])).makefile("rw")
    start = json.loads(stream.readline())
    began = time.process_time()
    serve = _bare(start) if "bare" in start else _handler(start)
    frame: dict[str, Any] = {"cpu_seconds": time.process_time() - began}
    while True:
        stream.write(json.dumps(frame) + "\n")
        stream.flush()
        line = stream.readline()
        if not line:
            return
        frame = _measure(serve, json.loads(line))


if __name__ == "__main__":
    main()
