"""The environments of one function: started when needed, up to a cap, reaped when idle."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from stepless_dev.environment import (
    Call,
    Environment,
    Function,
    FunctionFailedError,
    InvocationError,
)

IDLE_SECONDS = 900
GROW_AFTER_SECONDS = 0.02
WAIT_SECONDS = 29  # of an API Gateway integration


class ThrottledError(InvocationError):
    """Every environment was busy for too long."""


class Pool:
    """Gives each call an environment of its own for as long as it takes."""

    def __init__(self, function: Function, start: Callable[[Function], Awaitable[Environment]], cap: int) -> None:
        """Starts nothing yet.

        Args:
            function: what the environments run.
            start: makes one.
            cap: how many there may be.
        """
        self.function = function
        self._start = start
        self._cap = cap
        self._idle: deque[Environment] = deque()
        self._waiting: deque[asyncio.Future[Environment]] = deque()
        self._all: set[Environment] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._all) + len(self._starting)

    async def invoke(self, call: Call) -> Any:
        """The handler's result.

        Raises:
            ThrottledError: no environment became free.
            InvocationError: the handler failed, crashed, or ran out of time.
        """
        environment = await self._acquire()
        try:
            result = await environment.invoke(call)
        except FunctionFailedError:
            self._release(environment)
            raise
        except BaseException:
            self._discard(environment)
            raise
        self._release(environment)
        return result

    async def warm(self) -> None:
        """Has one environment ready before the first call."""
        self._release(await self._acquire())

    async def _acquire(self) -> Environment:
        while self._idle:
            environment = self._idle.pop()  # the one used last: its caches are warmest
            if environment.is_alive and environment.credentials.outlives(self.function.timeout_seconds):
                return environment
            self._discard(environment)
        future: asyncio.Future[Environment] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if len(self) == 0:
            self._grow()
        else:  # most calls are over sooner than a process starts
            asyncio.get_running_loop().call_later(GROW_AFTER_SECONDS, self._grow_for, future)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await future
        except (TimeoutError, asyncio.CancelledError) as exc:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._release(future.result())  # it came in the very moment we gave up
            if isinstance(exc, TimeoutError):
                raise ThrottledError(self.function.logical_id) from None
            raise
        finally:
            if future in self._waiting:
                self._waiting.remove(future)

    def _grow_for(self, future: "asyncio.Future[Environment]") -> None:
        if not future.done():
            self._grow()

    def _grow(self) -> None:
        """Starts an environment for each waiting call that none is being started for."""
        while len(self._waiting) > len(self._starting) and len(self) < self._cap:
            task = asyncio.create_task(self._start_one())
            self._starting.add(task)
            task.add_done_callback(self._started)

    def _started(self, task: "asyncio.Task[None]") -> None:
        self._starting.discard(task)
        if not task.cancelled():
            self._grow()  # the start may have failed with calls still waiting

    async def _start_one(self) -> None:
        try:
            environment = await self._start(self.function)
        except (InvocationError, OSError) as exc:
            waiting = next((f for f in self._waiting if not f.done()), None)
            if waiting is not None:
                self._waiting.remove(waiting)
                waiting.set_exception(exc)
            return
        self._all.add(environment)
        self._release(environment)

    def _release(self, environment: Environment) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(environment)
                return
        self._idle.append(environment)

    def _discard(self, environment: Environment) -> None:
        self._all.discard(environment)
        task = asyncio.create_task(environment.close())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        self._grow()

    def reap(self) -> None:
        """Ends the environments that had nothing to do for `IDLE_SECONDS`."""
        deadline = time.monotonic() - IDLE_SECONDS
        while self._idle and self._idle[0].idle_since < deadline:
            self._discard(self._idle.popleft())

    async def close(self) -> None:
        """Ends all of them."""
        starting = list(self._starting)
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        everyone, self._all = self._all, set()
        self._idle.clear()
        ending = [environment.close() for environment in everyone]
        await asyncio.gather(*ending, *self._ending)
