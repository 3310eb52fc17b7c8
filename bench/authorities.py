"""The two authorities that are compared: stepless behind its local gateway, and step-ca as `step ca init` makes it."""

import contextlib
import json
import socket
import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.client import Client
from bench.processes import ROOT, clean_environment, run, running, tool, wait_for
from bench.tokens import ProvisionerKey, escrowed_key

NAME = "admin"


@dataclass(frozen=True, slots=True)
class Server:
    """A running authority as a client sees it, and the process that serves it."""

    name: str
    port: int
    root: Path
    fingerprint: str
    provisioner: ProvisionerKey
    pid: int

    def client(self, chain: Path | None = None, key: Path | None = None) -> Client:
        """A connection that is kept, with a client certificate if one is given."""
        return Client(self.port, self.root, chain, key)


@dataclass(frozen=True, slots=True)
class LocalAuthority:
    """stepless, and what is needed to call its functions and its AWS directly."""

    server: Server
    home: Path
    aws_endpoint: str
    aws_access_key_id: str
    outputs: dict[str, str]


@contextlib.contextmanager
def local_authority(folder: Path, environments: int) -> Iterator[LocalAuthority]:
    """`python -m stepless_dev run` with a fresh home and at most so many processes per function."""
    home = folder / "stepless"
    facts_file = home / "local.json"
    command: list[str | Path] = [sys.executable, "-m", "stepless_dev", "run", "--port", "0", "--home", home]
    command += ["--environments", str(environments), "--template", ROOT / "template.yaml"]
    with running(command, folder / "stepless.log", clean_environment()) as process:
        wait_for("stepless", process, facts_file.exists)
        facts = json.loads(facts_file.read_bytes())
        server = _server(
            "stepless", process.pid, int(facts["url"].rsplit(":", 1)[1]), Path(facts["root"]),
            facts["fingerprint"], Path(facts["password_file"]),
        )  # fmt: skip
        yield LocalAuthority(
            server, home, facts["aws_endpoint"], facts["aws_access_key_id"], facts["outputs"]
        )  # fmt: skip


@contextlib.contextmanager
def step_ca(folder: Path) -> Iterator[Server]:
    """step-ca with its default database."""
    home = folder / "step-ca"
    home.mkdir()
    password = home / "password"
    password.write_text("benchmark\n")
    port = _free_port()
    environment = clean_environment(STEPPATH=str(home / "step"), HOME=str(home))
    command: list[str | Path] = [tool("step"), "ca", "init", "--deployment-type", "standalone", "--name", "stepless"]
    command += ["--dns", "localhost", "--address", f"127.0.0.1:{port}", "--provisioner", NAME]
    run([*command, "--password-file", password], env=environment)
    root = home / "step" / "certs" / "root_ca.crt"
    defaults = json.loads((home / "step" / "config" / "defaults.json").read_bytes())
    serve: list[str | Path] = [tool("step-ca"), home / "step" / "config" / "ca.json", "--password-file", password]
    with running(serve, folder / "step-ca.log", environment) as process:
        wait_for("step-ca", process, lambda: _answers(port, root))
        yield _server("step-ca", process.pid, port, root, defaults["fingerprint"], password)


def _server(name: str, pid: int, port: int, root: Path, fingerprint: str, password: Path) -> Server:
    document = json.loads(Client(port, root).get("/provisioners"))
    entries: list[dict[str, Any]] = document["provisioners"]
    entry = next(entry for entry in entries if entry["name"] == NAME)
    key = escrowed_key(entry, password, f"https://localhost:{port}")
    return Server(name, port, root, fingerprint, key, pid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int, root: Path) -> bool:
    if not root.exists():
        return False
    try:
        Client(port, root).get("/health")
    except (OSError, ssl.SSLError):
        return False
    return True
