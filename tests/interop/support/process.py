"""Runs real programs with a deadline and a closed environment; all of interop goes through here."""

import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one finished program left behind."""

    command: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str

    def succeed(self) -> "Outcome":
        """Return itself, or fail the test with everything the program said."""
        assert self.exit_code == 0, self.describe()
        return self

    def refuse(self) -> "Outcome":
        """Return itself when the program failed with exit code 1, else fail the test."""
        assert self.exit_code == 1, self.describe()
        return self

    def describe(self) -> str:
        """Say what ran and what it printed, for a failing test's report."""
        return f"{' '.join(self.command)}\nexit code {self.exit_code}\nstdout: {self.stdout}\nstderr: {self.stderr}"


def find_program(name: str) -> str:
    """Return the path of a system program, or fail as not prepared."""
    found = shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)
    assert found is not None, f"failed to prepare: {name} is not installed"
    return found


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout_seconds: float = 30.0,
) -> Outcome:
    """Run a program to its end without a terminal, so that a prompt fails instead of waiting.

    `env` is the whole environment; None inherits the test's. Raises `subprocess.TimeoutExpired`.
    """
    words = tuple(str(word) for word in command)
    done = subprocess.run(
        words,
        cwd=cwd,
        env=None if env is None else dict(env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
        start_new_session=True,
    )
    return Outcome(words, done.returncode, done.stdout, done.stderr)


def start(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    output: IO[str],
    errors: IO[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start a long-running program in its own session; its output goes to open files."""
    return subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors or subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def stop(process: subprocess.Popen[str]) -> None:
    """Ask this one process to end as Ctrl-C does; kill it if it has not after some seconds."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)
