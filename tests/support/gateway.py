"""Starts local authorities as `make run` does, stops them in every way, and searches their logs for secrets."""

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509

from tests.support.forge import Forge, forge_for
from tests.support.https import Caller, pinned_context
from tests.support.secret_list import SECRETS, Finding

REPOSITORY = Path(__file__).parents[2]
# The first start deploys the template into the embedded AWS, next to whatever else the machine does.
START_SECONDS = 90.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05


@dataclass(slots=True)
class Gateway:
    """One home, and the authority that runs on it now."""

    folder: Path
    process: subprocess.Popen[bytes]
    facts: dict[str, Any]

    @property
    def home(self) -> Path:
        """`STEPLESS_HOME`."""
        return self.folder / "home"

    @property
    def url(self) -> str:
        """Of the API."""
        return str(self.facts["url"])

    @property
    def port(self) -> int:
        """Of the API, on loopback."""
        return int(self.url.rsplit(":", 1)[1])

    @property
    def root(self) -> x509.Certificate:
        """The root that clients pin."""
        return x509.load_pem_x509_certificate(Path(self.facts["root"]).read_bytes())

    @property
    def context(self) -> ssl.SSLContext:
        """Trusts the root alone and shows no certificate."""
        return pinned_context(Path(self.facts["root"]))

    @property
    def caller(self) -> Caller:
        """Without a client certificate."""
        return Caller(self.port, self.context)

    @property
    def forge(self) -> Forge:
        """Of the first provisioner."""
        listed = self.caller.get("/provisioners").json()["provisioners"]
        password = Path(self.facts["password_file"]).read_text()
        return forge_for(self.url, next(entry for entry in listed if entry["name"] == "admin"), password)

    @property
    def logs(self) -> list[Path]:
        """Everything that its processes print, console included."""
        return [self.folder / "console.log", *sorted((self.home / "logs").iterdir())]

    def secrets_in_logs(self) -> list[Finding]:
        """What should be empty."""
        return SECRETS.find_in(self.logs)

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def kill_every_process(self) -> None:
        """kill -9 of the gateway, of the embedded AWS and of every function."""
        pids = [self.process.pid, *descendants(self.process.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        deadline = time.monotonic() + STOP_SECONDS
        while any(_is_alive(pid) for pid in pids):
            assert time.monotonic() < deadline, "a killed process lives on"
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Whatever it takes; for the end of a test."""
        if self.process.poll() is None:
            try:
                self.interrupt()
            except subprocess.TimeoutExpired:
                self.kill_every_process()


def start(folder: Path, *options: str) -> Gateway:
    """Start an authority on `folder/home`, and return when it is ready.

    Fails as "failed to prepare", with the end of the console, when it does not get there.
    """
    local_json = folder / "home" / "local.json"
    local_json.unlink(missing_ok=True)
    command = [sys.executable, "-m", "stepless_dev", "run", "--port", "0", "--home", str(folder / "home"), *options]
    with (folder / "console.log").open("ab") as console:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    gateway = Gateway(folder, process, {})
    deadline = time.monotonic() + START_SECONDS
    while not local_json.exists():
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            gateway.stop()
            said = (folder / "console.log").read_text()[-4000:]
            message = f"failed to prepare: the authority {'ended' if ended else 'is not ready'}\n{said}"
            raise AssertionError(message)
        time.sleep(POLL_SECONDS)
    gateway.facts = json.loads(local_json.read_text())
    SECRETS.note(Path(gateway.facts["password_file"]).read_text())
    SECRETS.note(gateway.facts["aws_access_key_id"])
    return gateway


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[Gateway]:
    """An authority for as long as the block lasts; afterwards no secret may be in its logs."""
    gateway = start(folder, *options)
    try:
        yield gateway
    finally:
        gateway.stop()
    found = gateway.secrets_in_logs()
    assert not found, f"secrets in logs: {found}"


def descendants(pid: int) -> list[int]:
    """Every process under one, whatever its session."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def _is_alive(pid: int) -> bool:
    """Zombies are dead: whoever has to wait for them does so when it likes."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
