"""One execution environment: a process that holds one function and serves one event at a time."""

import asyncio
import contextlib
import json
import os
import secrets
import socket
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepless_dev.aws import REGION

INIT_SECONDS = 10  # as on Lambda
MAX_RESULT_BYTES = 6 * 1024 * 1024
_WORKER = Path(__file__).with_name("worker.py")


class InvocationError(Exception):
    """An event was not answered; the subclass says why."""


class FunctionFailedError(InvocationError):
    """The handler raised or could not be loaded; `error` is what Lambda would report."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["errorType"])
        self.error = error


class NotStartedError(InvocationError):
    """AWS did not give the credentials to start with."""


class FunctionCrashedError(InvocationError):
    """The process ended while it had the event."""


class FunctionTimedOutError(InvocationError):
    """The template's timeout passed; the process was killed."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of the function's own role, from STS."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: float  # `time.monotonic()` of this process

    def outlives(self, seconds: float) -> bool:
        """Whether they are good for so long yet, with a margin for clocks."""
        return self.expires_at - time.monotonic() > seconds + 60


@dataclass(frozen=True, slots=True)
class Function:
    """A deployed function: what the template says, resolved by CloudFormation."""

    logical_id: str
    name: str
    arn: str
    role_arn: str
    handler: str
    timeout_seconds: int
    memory_mb: int
    log_group: str
    variables: dict[str, str]
    code: Path
    layers: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One event on its way to an environment."""

    event: Any
    request_id: str
    trace_id: str = ""


class Environment:
    """Make it with `start`; `invoke` one call at a time; any failure but the handler's own ends it."""

    def __init__(
        self,
        function: Function,
        credentials: Credentials,
        process: asyncio.subprocess.Process,
    ) -> None:
        self.function = function
        self.credentials = credentials
        self.idle_since = time.monotonic()
        self._process = process
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    @classmethod
    async def start(cls, function: Function, credentials: Credentials, endpoint_url: str, log: int) -> "Environment":
        """Starts a process and loads the handler in it.

        Args:
            function: what to run.
            credentials: of its role.
            endpoint_url: of the embedded AWS.
            log: descriptor that the function's output goes to; closed here.

        Raises:
            FunctionFailedError: the handler does not load.
            FunctionCrashedError: the process ended meanwhile.
            FunctionTimedOutError: it took longer than `INIT_SECONDS`.
        """
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-u", str(_WORKER), str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_variables(function, credentials, endpoint_url),
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is the gateway's business
            )  # fmt: skip
        finally:
            os.close(log)
            theirs.close()
        environment = cls(function, credentials, process)
        limit = 16 * 1024 * 1024
        environment._reader, environment._writer = await asyncio.open_connection(sock=ours, limit=limit)
        path = [str(function.code), *(str(layer) for layer in function.layers)]
        init = {"path": path, "handler": function.handler}
        try:
            await environment._exchange(init, INIT_SECONDS)
        except InvocationError:
            await environment.close()
            raise
        return environment

    async def invoke(self, call: Call) -> Any:
        """The handler's result.

        Raises:
            FunctionFailedError: the handler raised; the environment is good for the next call.
            FunctionCrashedError: the process ended.
            FunctionTimedOutError: the process was killed.
        """
        frame = {
            "event": call.event,
            "request_id": call.request_id,
            "trace_id": call.trace_id,
            "arn": self.function.arn,
            "timeout_seconds": self.function.timeout_seconds,
        }
        result = await self._exchange(frame, self.function.timeout_seconds)
        self.idle_since = time.monotonic()
        return result

    async def _exchange(self, frame: dict[str, Any], seconds: float) -> Any:
        data = json.dumps(frame, separators=(",", ":")).encode()
        try:
            async with asyncio.timeout(seconds):
                self._writer.write(struct.pack("!I", len(data)) + data)
                await self._writer.drain()
                length = struct.unpack("!I", await self._reader.readexactly(4))[0]
                answer = json.loads(await self._reader.readexactly(length))
        except TimeoutError:
            self.kill()
            raise FunctionTimedOutError(f"{seconds} seconds") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            self.kill()
            raise FunctionCrashedError(self.function.logical_id) from None
        except asyncio.CancelledError:
            self.kill()  # the caller is gone; the process is in the middle of something
            raise
        if "error" in answer:
            raise FunctionFailedError(answer["error"])
        if length > MAX_RESULT_BYTES:
            message = f"Response payload size exceeded {MAX_RESULT_BYTES} bytes"
            raise FunctionFailedError({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message})
        return answer["result"]

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """False once the process has ended."""
        return self._process.returncode is None and not self._reader.at_eof()

    def kill(self) -> None:
        """Ends the process at once."""
        self._writer.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """Ends the process and waits for its end."""
        self.kill()
        await self._process.wait()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


def _variables(function: Function, credentials: Credentials, endpoint_url: str) -> dict[str, str]:
    """What Lambda gives a function, and nothing of our own environment but whom TLS trusts.

    `LAMBDA_TASK_ROOT` is missing on purpose: it makes Powertools send traces to an X-Ray daemon.
    """
    ours = os.environ  # noqa: TID251  # an identity provider of a company may be known to its laptops alone
    return {
        **{name: ours[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in ours},
        "PATH": os.defpath,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_CONFIG_FILE": os.devnull,  # on Lambda there is none to be found
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": f"[$LATEST]{secrets.token_hex(16)}",
        "_HANDLER": function.handler,
        **function.variables,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
    }
