"""Starts the programs that are measured, reads their CPU time, and stops them."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STOP_SECONDS = 20
_TOOLS = ROOT / ".tools"


class BenchError(Exception):
    """The benchmark cannot go on; the text says what is missing or went wrong."""


def tool(name: str) -> Path:
    """A real client or server that `scripts/get-tools.sh` built; with `.stamp`, the file that tells its version.

    Raises:
        BenchError: it is not there.
    """
    path = _TOOLS / name if name.endswith(".stamp") else _TOOLS / "bin" / name
    if not path.exists():
        raise BenchError(f"{path} is missing; `make tools` builds it")
    return path


def cpu_seconds(pid: int) -> float:
    """CPU time, user and system, of all threads of a process so far (its POSIX CPU-time clock, in nanoseconds).

    The same as utime + stime of `/proc/<pid>/stat`, which count in hundredths of a second.
    """
    return time.clock_gettime((~pid << 3) | 2)


def run(command: Sequence[str | Path], *, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed.

    Raises:
        BenchError: it failed.
    """
    done = subprocess.run(  # noqa: S603  # our own programs
        [str(word) for word in command], input=stdin, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchError(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def running(command: Sequence[str | Path], log: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own, its output in a file; it is asked to stop at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own programs
            [str(word) for word in command],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=dict(env), start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(what: str, process: subprocess.Popen[bytes], ready: Callable[[], bool], seconds: float = 60) -> None:
    """Return when `ready` says so.

    Raises:
        BenchError: the process ended, or time is up.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise BenchError(f"{what} ended while starting")
        if time.monotonic() > deadline:
            raise BenchError(f"{what} did not start in {seconds:.0f} s")
        time.sleep(0.05)


def clean_environment(**variables: str) -> dict[str, str]:
    """What a started program gets: nothing of ours but the search path and the home."""
    return {"PATH": os.defpath, "HOME": str(Path.home()), "LANG": "C.UTF-8", **variables}
