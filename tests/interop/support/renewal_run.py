"""Runs the Go interop program in the background and gives its report."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.support import process
from tests.interop.support.step_client import StepClient
from tests.interop.support.tools import Tools

LIMIT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class RenewalRun:
    """The running program and the files it writes to."""

    program: subprocess.Popen[str]
    output: Path
    errors: Path

    def events(self) -> list[dict[str, Any]]:
        """Wait for the end and return what was printed; fail unless the program succeeded."""
        code = self.program.wait(LIMIT_SECONDS + 10)
        text = self.output.read_text()
        assert code == 0, f"exit code {code}\n{text}\n{self.errors.read_text()}"
        return [json.loads(line) for line in text.splitlines()]


@contextlib.contextmanager
def renewing(tools: Tools, client: StepClient, directory: Path) -> Iterator[RenewalRun]:
    """Start the program with two tokens of provisioner `minute`, for its server and its client."""
    server = client.token("localhost", provisioner="minute")
    caller = client.token("caller.test", provisioner="minute")
    output, errors = directory / "output", directory / "errors"
    with output.open("w") as out, errors.open("w") as err:
        program = process.start(
            [
                *(tools.golib, "-server-token", server, "-client-token", caller),
                *("-limit", f"{LIMIT_SECONDS}s"),
            ],
            cwd=directory,
            output=out,
            errors=err,
            env={"HOME": str(directory), "STEPPATH": str(directory), "PATH": process.SYSTEM_PATH},
        )
        try:
            yield RenewalRun(program, output, errors)
        finally:
            process.stop(program)
