"""Where the embedded AWS hands over the events of functions: schedules, queues, streams, custom resources.

A small HTTP service on loopback in the form that ministack's proxy mode expects. Its address holds a
secret made for this run.
"""

import asyncio
import json
import logging
import secrets
import socket
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from stepless_dev.environment import Call, FunctionFailedError, InvocationError
from stepless_dev.functions import Functions
from stepless_dev.gateway import Receive, Scope, Send

_log = logging.getLogger("stepless_dev.invoke")


class InvokeService:
    """`POST <url>/<function name>` with an event; 200 with the result or 500 with Lambda's error."""

    def __init__(self, listener: socket.socket) -> None:
        """Serves nothing before `start`.

        Args:
            listener: on loopback.
        """
        self._listener = listener
        self._prefix = f"/{secrets.token_urlsafe(24)}/"
        self._functions: Functions | None = None
        self._server: asyncio.Server | None = None
        self._state = ServerState()

    @property
    def url(self) -> str:
        """Without the function's name."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}{self._prefix[:-1]}"

    async def start(self, functions: Functions) -> None:
        """Begins to serve."""
        self._functions = functions
        config = Config(self, lifespan="off", ws="none", log_config=None, access_log=False)
        config.load()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: H11Protocol(config, self._state, {}, loop), sock=self._listener)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One invocation."""
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        status, answer = 404, {"errorType": "ResourceNotFoundException", "errorMessage": "-"}
        if scope["path"].startswith(self._prefix):
            status, answer = await self._invoke(scope, bytes(body))
        data = json.dumps(answer).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(data)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    async def _invoke(self, scope: Scope, body: bytes) -> tuple[int, Any]:
        name = scope["path"].removeprefix(self._prefix)
        headers = dict(scope["headers"])
        request_id = headers.get(b"x-amzn-lambda-request-id", b"").decode()
        trace_id = headers.get(b"x-amzn-trace-id", b"").decode()
        if self._functions is None:
            raise RuntimeError("Not started.")
        try:
            call = Call(json.loads(body), request_id, trace_id)
            return 200, await self._functions.invoke_by_name(name, call)
        except KeyError:
            return 404, {"errorType": "ResourceNotFoundException", "errorMessage": name}
        except FunctionFailedError as exc:
            _log.warning(json.dumps({"function": name, "error": exc.error["errorType"]}))
            return 500, exc.error
        except InvocationError as exc:
            _log.warning(json.dumps({"function": name, "error": type(exc).__name__}))
            return 500, {"errorType": type(exc).__name__, "errorMessage": str(exc)}

    async def stop(self) -> None:
        """Ends it, and what it was doing: an event that is not answered comes again."""
        if self._server is not None:
            self._server.close()
        self._listener.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
