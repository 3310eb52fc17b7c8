"""One execution environment, and the pool that starts them; real processes, no AWS."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from stepless_dev import environment as module
from stepless_dev import pool as pool_module
from stepless_dev.environment import (
    Call,
    Credentials,
    Environment,
    Function,
    FunctionCrashedError,
    FunctionFailedError,
    FunctionTimedOutError,
)
from stepless_dev.home import Home
from stepless_dev.pool import Pool, ThrottledError

HANDLER = """
import os, sys, time
print("loaded")
def handler(event, context):
    if event.get("sleep"):
        time.sleep(event["sleep"])
    if event.get("raise"):
        raise ValueError("secret text")
    if event.get("die"):
        os._exit(1)
    return {"pid": os.getpid(), "path": sys.path, "key": os.environ["AWS_ACCESS_KEY_ID"]}
"""


class Bench:
    """Makes environments of a handler's text."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.folder = folder
        self.lifetime = 3600.0
        self.started = 0

    def function(self, text: str = HANDLER, *, timeout: int = 2, handler: str = "app.handler") -> Function:
        code = self.folder / "code"
        code.mkdir(exist_ok=True)
        (code / "app.py").write_text(text)
        arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
        layers = (self.folder / "layer",)
        return Function("F", "f", arn, "role", handler, timeout, 128, "/aws/lambda/f", {}, code, layers)

    async def start(self, function: Function) -> Environment:
        self.started += 1
        credentials = Credentials(f"KEY{self.started}", "s", "t", time.monotonic() + self.lifetime)
        log = self.home.open_log("f")
        return await Environment.start(function, credentials, "http://127.0.0.1:1", log)

    def log(self) -> str:
        return (self.home.logs / "f.log").read_text()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def call(**event: Any) -> Call:
    return Call(event, "id")


def in_environment(bench: Bench, use: Callable[[Environment], Awaitable[Any]], **options: Any) -> Any:
    async def run() -> Any:
        environment = await bench.start(bench.function(**options))
        try:
            return await use(environment)
        finally:
            await environment.close()

    return asyncio.run(run())


def in_pool(bench: Bench, use: Callable[[Pool], Awaitable[Any]], cap: int = 2, **options: Any) -> Any:
    async def run() -> Any:
        pool = Pool(bench.function(**options), bench.start, cap)
        try:
            return await use(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


def test_the_import_path_is_the_functions_and_not_the_gateways(bench: Bench) -> None:
    found = in_environment(bench, lambda e: e.invoke(call()))
    assert found["path"][:2] == [str(bench.folder / "code"), str(bench.folder / "layer")]
    assert str(Path(module.__file__).parent) not in found["path"]


def test_of_our_own_environment_only_whom_tls_trusts_is_passed_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "PYTHONPATH", "HOME")
    for name in names:
        monkeypatch.setenv(name, "/ours")
    found = in_environment(bench, lambda e: e.invoke(call()), text=text)
    assert [name for name in names if found.get(name) == "/ours"] == ["SSL_CERT_FILE", "SSL_CERT_DIR"]
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "SSL_CERT_FILE" not in in_environment(bench, lambda e: e.invoke(call()), text=text)


def test_output_goes_to_a_private_log(bench: Bench) -> None:
    in_environment(bench, lambda e: e.invoke(call()))
    assert bench.log() == "loaded\n"
    assert (bench.home.logs / "f.log").stat().st_mode & 0o777 == 0o600


def test_an_exception_is_reported_and_the_environment_lives(bench: Bench) -> None:
    async def use(environment: Environment) -> int:
        with pytest.raises(FunctionFailedError) as failed:
            await environment.invoke(call(**{"raise": True}))
        assert failed.value.error == {"errorType": "ValueError", "errorMessage": "secret text"}
        assert str(failed.value) == "ValueError"  # what the gateway may log
        return int((await environment.invoke(call()))["pid"])

    assert in_environment(bench, use) > 0
    assert "Traceback" in bench.log()


def test_a_process_that_dies_is_a_crash(bench: Bench) -> None:
    async def use(environment: Environment) -> None:
        with pytest.raises(FunctionCrashedError):
            await environment.invoke(call(die=True))

    in_environment(bench, use)


def test_a_process_that_takes_too_long_is_killed(bench: Bench) -> None:
    async def use(environment: Environment) -> None:
        with pytest.raises(FunctionTimedOutError):
            await environment.invoke(call(sleep=60))
        await asyncio.wait_for(environment.close(), 1)
        assert not environment.is_alive

    in_environment(bench, use, timeout=1)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        pytest.param({"text": "1/0"}, "ZeroDivisionError", id="fail/raises"),
        pytest.param({"text": "import nothing_of_that_name"}, "ModuleNotFoundError", id="fail/imports"),
        pytest.param({"text": "raise SystemExit(1)"}, "SystemExit", id="fail/exits"),
        pytest.param({"handler": "app.other"}, "AttributeError", id="fail/no-handler"),
    ],
)
def test_a_handler_that_does_not_load_says_why(bench: Bench, options: dict[str, str], error: str) -> None:
    with pytest.raises(FunctionFailedError) as failed:
        in_environment(bench, lambda e: e.invoke(call()), **options)
    assert failed.value.error["errorType"] == error


def test_loading_may_take_only_so_long(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INIT_SECONDS", 0.5)
    with pytest.raises(FunctionTimedOutError):
        in_environment(bench, lambda e: e.invoke(call()), text="import time; time.sleep(60)")


def test_an_environment_is_used_again(bench: Bench) -> None:
    async def use(pool: Pool) -> set[int]:
        return {(await pool.invoke(call()))["pid"] for _ in range(5)}

    assert len(in_pool(bench, use)) == 1


def test_at_most_so_many_environments_are_started(bench: Bench) -> None:
    async def use(pool: Pool) -> set[int]:
        answers = await asyncio.gather(*(pool.invoke(call(sleep=0.2)) for _ in range(8)))
        return {answer["pid"] for answer in answers}

    assert len(in_pool(bench, use, cap=2)) == 2
    assert bench.started == 2


def test_a_call_gives_up_when_every_environment_stays_busy(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "WAIT_SECONDS", 0.3)

    async def use(pool: Pool) -> None:
        await pool.warm()
        busy = asyncio.create_task(pool.invoke(call(sleep=1)))
        await asyncio.sleep(0)
        with pytest.raises(ThrottledError):
            await pool.invoke(call())
        await busy
        assert (await pool.invoke(call()))["pid"]

    in_pool(bench, use, cap=1)


def test_an_environment_goes_before_its_credentials_do(bench: Bench) -> None:
    async def use(pool: Pool) -> list[str]:
        bench.lifetime = 60.0
        first = await pool.invoke(call())
        bench.lifetime = 3600.0
        return [first["key"], (await pool.invoke(call()))["key"], (await pool.invoke(call()))["key"]]

    assert in_pool(bench, use) == ["KEY1", "KEY2", "KEY2"]


def test_a_crashed_environment_is_replaced(bench: Bench) -> None:
    async def use(pool: Pool) -> None:
        with pytest.raises(FunctionCrashedError):
            await pool.invoke(call(die=True))
        assert (await pool.invoke(call()))["key"] == "KEY2"
        assert len(pool) == 1

    in_pool(bench, use, cap=1)


def test_a_call_that_waits_for_a_broken_function_hears_of_it(bench: Bench) -> None:
    async def use(pool: Pool) -> None:
        answers = await asyncio.gather(*(pool.invoke(call()) for _ in range(4)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [FunctionFailedError] * 4

    in_pool(bench, use, cap=2, text="1/0")


def test_a_caller_that_leaves_does_not_take_the_environment_with_it(bench: Bench) -> None:
    async def use(pool: Pool) -> None:
        leaving = asyncio.create_task(pool.invoke(call()))
        await asyncio.sleep(0.01)  # the process is being started
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert (await pool.invoke(call()))["key"] == "KEY1"

    in_pool(bench, use, cap=1)


def test_idle_environments_are_reaped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(pool: Pool) -> None:
        await pool.invoke(call())
        pool.reap()
        assert len(pool) == 1
        monkeypatch.setattr(pool_module, "IDLE_SECONDS", -1)
        pool.reap()
        assert len(pool) == 0

    in_pool(bench, use)
