"""The embedded AWS: ministack in a process of its own, started by `embedded_aws.EmbeddedAWS`.

Three things are ours. State goes to one transactional file every second instead of to JSON files at a
clean stop (`snapshot`). Functions are never run here: every invocation (a schedule, a stream, a
queue, a custom resource, a call of the Lambda API) is handed to the gateway, which runs them as the
template says. And only who holds a key made for this run may call: ministack by itself takes
unsigned requests, and those of the key "test", for the account's root, and lets every web page
read its answers. The process ends by itself when its parent does.
"""

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack_app
from ministack.services import lambda_svc, sts

from stepless_dev import iam_fixes
from stepless_dev.embedded_aws import SAVE_PATH
from stepless_dev.snapshot import ItemTracker, Snapshots
from stepless_dev.state_file import StateFile, StateUnreadableError

_log = logging.getLogger("stepless_dev.aws")

SNAPSHOT_SECONDS = 1.0
FULL_CHECK_EVERY = 10  # snapshots; between them services are looked at only after a request

# Requests that change nothing but items, which are followed by themselves, or nothing at all.
_QUIET_TARGETS = (
    b"DynamoDB_20120810.Get", b"DynamoDB_20120810.Query", b"DynamoDB_20120810.Put",
    b"DynamoDB_20120810.UpdateItem", b"DynamoDB_20120810.TransactWrite", b"TrentService.Decrypt",
    b"DynamoDB_20120810.DeleteItem", b"TrentService.GenerateDataKey", b"secretsmanager.Get",
)  # fmt: skip

# The result of a custom resource is PUT to an address that is itself the secret.
_OPEN_PATHS = ("/_ministack/health", "/_ministack/cfn-response/")
_CREDENTIAL = re.compile(rb"Credential=([A-Za-z0-9_]+)(?:/|%2F)")
_ROOT_KEY = os.environ["AWS_ACCESS_KEY_ID"]  # noqa: TID251  # made by the parent for this process

_Scope = MutableMapping[str, Any]


class EmbeddedProcess:
    """ministack's ASGI application with our saving around it."""

    def __init__(self, state: Path) -> None:
        self._file = StateFile(state)
        self._snapshots = Snapshots(ItemTracker())
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="snapshot")
        self._saving = asyncio.Lock()
        self._active = True
        ministack_app._load_persisted_state = self._restore
        ministack_app.save_all = self._save_at_stop

    async def __call__(
        self,
        scope: _Scope,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Ministack's answer; a request that may change a service asks for a closer look."""
        if scope["type"] == "http" and scope["path"] == SAVE_PATH:
            await self._save_now(scope, send)
            return
        if scope["type"] in ("http", "websocket") and not _is_permitted(scope):
            await _refuse(scope, send)
            return
        loud = scope["type"] == "http" and not _is_quiet(scope)
        self._active |= loud
        try:
            await ministack_app.app(scope, receive, send)
        finally:
            self._active |= loud

    async def _save_now(self, scope: _Scope, send: Callable[[Any], Awaitable[None]]) -> None:
        """Answers 204 once everything that happened so far is in the file."""
        if dict(scope["headers"]).get(b"x-stepless-key", b"").decode() != _ROOT_KEY:
            await _refuse(scope, send)
            return
        await self._save(services=True)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def _save(self, *, services: bool) -> None:
        async with self._saving:
            changes = self._snapshots.collect(services=services)
            if changes:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._writer, self._file.commit, changes)

    def _restore(self) -> None:
        try:
            self._snapshots.restore(self._file)
        except StateUnreadableError as exc:
            # At once, and past every handler: hypercorn would serve on after a failed start-up, with
            # half of a state, and the next snapshot would write that over the whole one.
            print(exc, file=sys.stderr, flush=True)  # noqa: T201  # to logs/aws.log
            os._exit(1)

    async def save_regularly(self) -> None:
        """Saves what changed, once a second, until cancelled."""
        tick = 0
        while True:
            await asyncio.sleep(SNAPSHOT_SECONDS)
            tick += 1
            services, self._active = self._active or tick % FULL_CHECK_EVERY == 0, False
            try:
                await self._save(services=services)
            except (RuntimeError, OSError, StateFile.Error) as exc:
                # A background thread was changing a mapping, or the disk is full: try again.
                _log.warning("Snapshot postponed: %s", exc)
                self._snapshots.forget()
                self._active = True

    def _save_at_stop(self, _services: object) -> None:
        changes = self._snapshots.collect(services=True)
        self._writer.submit(self._file.commit, changes).result()

    def close(self) -> None:
        """After the last snapshot."""
        self._writer.shutdown()
        self._file.close()


def _is_permitted(scope: _Scope) -> bool:
    """Whether the request is signed with a key that was handed out, or needs none."""
    if scope["path"].startswith(_OPEN_PATHS):
        return True
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    given.append(scope["query_string"])
    keys = {match[1].decode() for value in given for match in _CREDENTIAL.finditer(value)}
    return bool(keys) and all(key in sts._sessions or key == _ROOT_KEY for key in keys)


async def _refuse(scope: _Scope, send: Callable[[Any], Awaitable[None]]) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = b'{"__type":"UnrecognizedClientException","message":"Not a key of this embedded AWS."}'
    headers = [(b"content-type", b"application/x-amz-json-1.0")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_quiet(scope: _Scope) -> bool:
    if scope["path"].startswith("/_ministack/health"):
        return True
    targets = [value for name, value in scope["headers"] if name == b"x-amz-target"]
    return bool(targets) and targets[0].startswith(_QUIET_TARGETS)


async def _serve(process: EmbeddedProcess, descriptor: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C is the parent's business
    loop.add_reader(sys.stdin.fileno(), stop.set)  # end of file: the parent is gone
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.2
    config.accesslog = None
    config.errorlog = None
    saving = asyncio.create_task(process.save_regularly())
    try:
        await serve(process, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]  # an object
    finally:
        saving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await saving


def main() -> None:
    """`python -m stepless_dev.aws_process STATE_FILE LISTENING_FD INVOKE_URL`."""
    os.umask(0o077)
    state, descriptor, invoke_url = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    lambda_svc._proxy_url_for = lambda config: f"{invoke_url}/{config['FunctionName']}"
    iam_fixes.install()
    try:
        process = EmbeddedProcess(state)
    except StateUnreadableError as exc:
        sys.exit(str(exc))
    try:
        asyncio.run(_serve(process, descriptor))
    finally:
        process.close()


if __name__ == "__main__":
    main()
