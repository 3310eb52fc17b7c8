"""`python -m stepless_dev run`: puts the parts together, says that it is ready, and stops cleanly."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stepless_dev.authority import OpenEndpoint, Tables, open_endpoint
from stepless_dev.deploy import Deployment
from stepless_dev.embedded_aws import EmbeddedAWS
from stepless_dev.environment import InvocationError
from stepless_dev.front import Front
from stepless_dev.functions import Functions
from stepless_dev.gateway import Gateway
from stepless_dev.home import Home, StartError, listen
from stepless_dev.invoke import InvokeService
from stepless_dev.ready import Announcement, announce
from stepless_dev.rollout import roll_out
from stepless_dev.schedule import run_schedules
from stepless_dev.template import Template, TemplateError, read_template
from stepless_dev.tls import ReloadingContext

MAINTENANCE_SECONDS = 30
_RENEW_BEFORE_SERVING = timedelta(hours=2)

_log = logging.getLogger("stepless_dev")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    port: int
    home: Path
    template: Path
    parameters: dict[str, str]
    cap: int = 8
    prewarm: tuple[str, ...] = ("CaInfoFunction", "IssueFunction")


class LocalAuthority:
    """Everything that runs, in the order in which it starts; `stop` ends it the other way round."""

    def __init__(self, options: Options, opener: OpenEndpoint = open_endpoint) -> None:
        """Takes the home and the port; nothing runs yet.

        Raises:
            StartError: one of them is taken.
            TemplateError: the template cannot be read.
        """
        self._options = options
        self._open_endpoint = opener
        self.home = Home(options.home)
        self._lock = self.home.lock()
        self.home.local_json.unlink(missing_ok=True)  # whoever waits for it waits for this run
        self._log_handler = _log_to(self.home)
        self._listeners = _listeners(options.port)
        self.template: Template = read_template(options.template)
        self._invoke = InvokeService(listen(0))
        self.aws = EmbeddedAWS(self.home, self._invoke.url)
        self.functions: Functions | None = None
        self._front: Front | None = None
        self._tls: ReloadingContext | None = None
        self._tables = Tables("", "")

    @property
    def port(self) -> int:
        """Of the API."""
        return int(self._listeners[0].getsockname()[1])

    async def start(self) -> Announcement:
        """Starts everything; when it returns, the API answers.

        Raises:
            StartError: something did not come up.
        """
        await asyncio.to_thread(self.aws.start)
        functions = Functions(self.aws, self.template, self.home, self._options.cap)
        self.functions = functions
        await self._invoke.start(functions)
        deployment = await asyncio.to_thread(roll_out, self.aws, self._options.template, self._options.parameters)
        await functions.refresh()
        self._tls = await self._open(functions, deployment)
        self._front = Front(Gateway(self.template, functions, self.port), self._tls)
        await self._front.start(self._listeners)
        return await asyncio.to_thread(
            announce, self.home, self.aws.operator, self.template, deployment.outputs(),
            self._tls.endpoint, self.port,
        )  # fmt: skip

    async def _open(self, functions: Functions, deployment: Deployment) -> ReloadingContext:
        outputs = await asyncio.to_thread(deployment.outputs)
        self._tables = Tables(outputs["SettingsTableName"], outputs["KeysTableName"])
        endpoint = await asyncio.to_thread(self._open_endpoint, self.aws.operator, self._tables)
        remaining = endpoint.not_after - datetime.now(UTC)  # noqa: TID251  # this machine's clock
        if remaining < _RENEW_BEFORE_SERVING:
            try:
                await run_schedules(functions, self.template.schedules)
            except InvocationError as exc:
                if remaining < timedelta(0):
                    raise StartError(f"The endpoint certificate is not renewed: {exc}") from exc
                _log.warning("the endpoint certificate is not renewed: %s", type(exc).__name__)
            endpoint = await asyncio.to_thread(self._open_endpoint, self.aws.operator, self._tables)
        return ReloadingContext(endpoint, self.home.root)

    async def prewarm(self) -> None:
        """Has environments ready for the functions that a first client calls."""
        for name in self._options.prewarm:
            if self.functions is not None and name in self.template.functions:
                try:
                    await self.functions[name].warm()
                except InvocationError as exc:
                    _log.warning("%s does not start: %s", name, exc)

    async def maintain(self) -> None:
        """Reaps idle environments and takes over a renewed certificate, until cancelled.

        Raises:
            StartError: the embedded AWS ended by itself.
        """
        while True:
            await asyncio.sleep(MAINTENANCE_SECONDS)
            if not self.aws.is_running():
                raise StartError(f"The embedded AWS ended; see {self.home.logs / 'aws.log'}.")
            if self.functions is not None:
                self.functions.reap()
            await self.reload_certificate()

    async def reload_certificate(self) -> None:
        """Serves the endpoint certificate that the keys table holds now."""
        endpoint = await asyncio.to_thread(self._open_endpoint, self.aws.operator, self._tables)
        if self._tls is not None and endpoint.chain_pem != self._tls.endpoint.chain_pem:
            self._tls.reload(endpoint)
            _log.info("serving a renewed endpoint certificate")

    async def stop(self) -> None:
        """Ends everything; the state is saved last."""
        if self._front is not None:
            await self._front.stop()
        if self.functions is not None:
            await self.functions.close()
        await self._invoke.stop()
        await asyncio.to_thread(self.aws.stop)
        for listener in self._listeners:
            listener.close()
        _log.removeHandler(self._log_handler)
        self._log_handler.close()
        self._lock.close()


def _listeners(port: int) -> list[socket.socket]:
    """`localhost` in both families; the second only where the machine has it."""
    first = listen(port)
    listeners = [first]
    with contextlib.suppress(StartError, OSError):
        listeners.append(listen(int(first.getsockname()[1]), "::1"))
    return listeners


def _log_to(home: Home) -> logging.Handler:
    handler = logging.FileHandler(home.prepare_log("gateway"), encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("stepless_dev")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # it would log what clients sent
    return handler


async def serve(options: Options) -> int:
    """Runs until a signal; returns the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        authority = LocalAuthority(options)
    except (StartError, TemplateError) as exc:
        print(f"stepless: {exc}", file=sys.stderr)  # the person at the terminal
        return 1
    try:
        return await _until(stop, authority)
    except (StartError, TemplateError) as exc:
        print(f"stepless: {exc}", file=sys.stderr)
        return 1
    finally:
        await authority.stop()


async def _background(authority: LocalAuthority) -> None:
    await authority.prewarm()
    await authority.maintain()


async def _until(stop: asyncio.Event, authority: LocalAuthority) -> int:
    stopped = asyncio.create_task(stop.wait())
    started = asyncio.create_task(authority.start())
    await asyncio.wait({stopped, started}, return_when=asyncio.FIRST_COMPLETED)
    if not started.done():
        started.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await started
        return 0
    print(started.result(), flush=True)
    background = asyncio.create_task(_background(authority))
    try:
        await asyncio.wait({stopped, background}, return_when=asyncio.FIRST_COMPLETED)
        if background.done():
            await background
        print("Stopping ...", flush=True)
        return 0
    finally:
        background.cancel()
        with contextlib.suppress(asyncio.CancelledError, StartError):
            await background
