"""Runs stepless as `make run` does, in a home of its own."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stepless_dev import settings
from tests.interop.support import process
from tests.interop.support.authority import POLL_SECONDS, Authority, free_port, wait_for_tls
from tests.interop.support.http_client import Caller
from tests.interop.support.reference import ExtraProvisioners
from tests.interop.support.tools import REPOSITORY

# The first start deploys the template into the embedded AWS, which takes its time on two cores.
START_SECONDS = 120.0
# Functions keep settings for ten seconds; a loaded machine takes longer to say so.
SETTINGS_CACHE_SECONDS = 60.0


def _wait_for_local_json(home: Path, server: subprocess.Popen[str]) -> dict[str, str]:
    path = home / "local.json"
    deadline = time.monotonic() + START_SECONDS
    while not path.exists():
        log = (home / "server.log").read_text()[-4000:]
        assert server.poll() is None, f"failed to prepare: stepless ended while starting\n{log}"
        assert time.monotonic() < deadline, f"failed to prepare: stepless is not ready\n{log}"
        time.sleep(POLL_SECONDS)
    facts: dict[str, str] = json.loads(path.read_text())
    return facts


def _add_provisioners(home: Path, wanted: list[dict[str, Any]]) -> None:
    """Add the first by the command line, the many others by what is behind it: a process less each."""
    file = home / "provisioner.json"
    file.write_text(json.dumps(wanted[0]))
    command = ("-m", "stepless_dev", "provisioner", "add", "--home", home, file)
    process.run([sys.executable, *command], cwd=REPOSITORY).succeed()
    operator = settings.connect(home)
    for provisioner in wanted[1:]:
        operator.add_provisioner(provisioner)


def _wait_for_provisioners(authority: Authority, name: str) -> None:
    """Return when the functions, which keep settings for some seconds, know the last one."""
    deadline = time.monotonic() + SETTINGS_CACHE_SECONDS
    # A cursor is the number of an entry, in hexadecimal, before 32 digits of a digest.
    page = f"/provisioners?limit=100&cursor={100:x}{'0' * 32}"
    while f'"{name}"' not in Caller(authority).get(page).body.decode():
        assert time.monotonic() < deadline, f"failed to prepare: {name} is not listed"
        time.sleep(POLL_SECONDS)


@contextlib.contextmanager
def running(home: Path, extras: ExtraProvisioners, *, trust: Path) -> Iterator[Authority]:
    """Yield a started stepless that also has the provisioners that `extras` returns.

    `trust` is a file of roots that its functions trust when they call identity providers.
    """
    port = free_port()
    with (home / "server.log").open("w") as log:
        server = process.start(
            [
                *("/usr/bin/env", f"SSL_CERT_FILE={trust}"),
                *(sys.executable, "-m", "stepless_dev", "run", "--port", str(port), "--home", home),
            ],
            cwd=REPOSITORY,
            output=log,
        )
        try:
            facts = _wait_for_local_json(home, server)
            root = Path(facts["root"])
            wait_for_tls(port, root, alive=lambda: server.poll() is None, seconds=START_SECONDS)
            authority = Authority(
                kind="stepless",
                url=facts["url"],
                fingerprint=facts["fingerprint"],
                root=root,
                password_file=Path(facts["password_file"]),
            )
            first = Caller(authority).get("/provisioners").json()["provisioners"][0]
            wanted = extras(first, root)
            _add_provisioners(home, wanted)
            _wait_for_provisioners(authority, wanted[-1]["name"])
            yield authority
        finally:
            process.stop(server)
