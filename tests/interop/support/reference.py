"""Runs the reference server: step-ca, set up by `step ca init` with the names stepless uses."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.interop.support import process
from tests.interop.support.authority import Authority, free_port, wait_for_tls
from tests.interop.support.tools import Tools

START_SECONDS = 30.0
ExtraProvisioners = Callable[[dict[str, Any], Path], list[dict[str, Any]]]


def _initialise(tools: Tools, home: Path, port: int) -> None:
    (home / "password").write_text("reference-password\n")
    process.run(
        [
            *(tools.step, "ca", "init", "--name", "stepless"),
            *("--dns", "localhost", "--dns", "127.0.0.1", "--dns", "::1"),
            *("--address", f"127.0.0.1:{port}", "--provisioner", "admin"),
            *("--password-file", home / "password", "--deployment-type", "standalone"),
        ],
        cwd=home,
        env={"HOME": str(home), "STEPPATH": str(home / "step"), "PATH": process.SYSTEM_PATH},
    ).succeed()


@contextlib.contextmanager
def running(
    tools: Tools,
    home: Path,
    extras: ExtraProvisioners,
    policy: dict[str, Any] | None = None,
    *,
    trust: Path | None = None,
) -> Iterator[Authority]:
    """Yield a started step-ca whose ca.json also holds the provisioners that `extras` returns, and the policy.

    `extras` is called with the first provisioner and the path of the root certificate; `trust` is a file of roots that
    it trusts when it calls identity providers.
    """
    port = free_port()
    _initialise(tools, home, port)
    root = home / "step" / "certs" / "root_ca.crt"
    configuration = home / "step" / "config" / "ca.json"
    document = json.loads(configuration.read_text())
    provisioners = document["authority"]["provisioners"]
    provisioners.extend(extras(provisioners[0], root))
    if policy is not None:
        document["authority"]["policy"] = policy
    configuration.write_text(json.dumps(document))
    defaults = json.loads((home / "step" / "config" / "defaults.json").read_text())
    with (home / "server.log").open("w") as log:
        server = process.start(
            [tools.step_ca, configuration, "--password-file", home / "password"],
            cwd=home,
            output=log,
            env={
                "HOME": str(home),
                "STEPPATH": str(home / "step"),
                "PATH": process.SYSTEM_PATH,
                **({"SSL_CERT_FILE": str(trust)} if trust is not None else {}),
            },
        )
        try:
            wait_for_tls(port, root, alive=lambda: server.poll() is None, seconds=START_SECONDS)
            yield Authority(
                kind="step-ca",
                url=f"https://localhost:{port}",
                fingerprint=defaults["fingerprint"],
                root=root,
                password_file=home / "password",
            )
        finally:
            process.stop(server)
