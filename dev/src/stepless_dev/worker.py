"""Runs one function's handler, one event at a time: the inside of an execution environment.

Started by `environment.py` as a script of its own (`python -I worker.py FD`), so that nothing of the
gateway is on the function's import path. Frames in both directions are four bytes of length and that
many bytes of JSON.
"""

import importlib
import json
import os
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any


class Context:
    """What a Lambda handler gets as its second argument."""

    client_context = None
    identity = None
    function_version = "$LATEST"

    def __init__(self, call: dict[str, Any]) -> None:
        environment = os.environ  # noqa: TID251  # Lambda's own variables, by definition
        self.aws_request_id = call["request_id"]
        self.invoked_function_arn = call["arn"]
        self.function_name = environment["AWS_LAMBDA_FUNCTION_NAME"]
        self.memory_limit_in_mb = environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = time.monotonic() + call["timeout_seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Until the environment is killed."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def _read(connection: socket.socket) -> Any:
    header = connection.recv(4, socket.MSG_WAITALL)
    if len(header) < 4:  # noqa: PLR2004  # the gateway has gone
        sys.exit(0)
    return json.loads(connection.recv(struct.unpack("!I", header)[0], socket.MSG_WAITALL))


def _write(connection: socket.socket, frame: dict[str, Any]) -> None:
    data = json.dumps(frame, separators=(",", ":")).encode()
    connection.sendall(struct.pack("!I", len(data)) + data)


def _error(exc: BaseException) -> dict[str, Any]:
    """An error as Lambda reports it; the trace goes to the function's log only."""
    traceback.print_exc()
    return {"error": {"errorType": type(exc).__name__, "errorMessage": str(exc)}}


def _load(init: dict[str, Any]) -> Callable[[Any, Any], Any]:
    sys.path[:0] = init["path"]
    module, _, name = init["handler"].rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), name)  # type: ignore[no-any-return]  # as named


def main() -> None:
    """Loads the handler, says so, and answers calls until the gateway closes the connection."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    try:
        handler = _load(_read(connection))
    except (Exception, SystemExit) as exc:  # noqa: BLE001  # whatever a function does at import
        _write(connection, _error(exc))
        sys.exit(1)
    _write(connection, {"result": None})
    while True:
        call = _read(connection)
        os.environ["_X_AMZN_TRACE_ID"] = call["trace_id"]  # noqa: TID251  # as Lambda does
        try:
            frame = {"result": handler(call["event"], Context(call))}
            _write(connection, frame)
        except Exception as exc:  # noqa: BLE001  # the function's failure is the caller's answer
            _write(connection, _error(exc))


if __name__ == "__main__":
    main()
