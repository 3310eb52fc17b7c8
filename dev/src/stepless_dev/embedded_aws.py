"""Starts and stops the process that embeds the AWS (`aws_process`)."""

import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from stepless_dev.aws import ACCOUNT, REGION, Operator
from stepless_dev.home import Home, StartError, listen

READY_SECONDS = 20
STOP_SECONDS = 3
SAVE_PATH = "/_stepless/save"


class EmbeddedAWS:
    """One ministack process over the home's state; start it, use `operator`, stop it."""

    def __init__(self, home: Home, invoke_url: str) -> None:
        """Starts nothing yet.

        Args:
            home: the state lies under `home.aws`.
            invoke_url: where ministack posts the events of functions, followed by their name.
        """
        self._home = home
        self._invoke_url = invoke_url
        self._process: subprocess.Popen[bytes] | None = None
        self._key = f"STEPLESS{secrets.token_hex(16)}"
        self.operator = Operator("", self._key)

    @property
    def state_file(self) -> Path:
        """Where the state lies; nobody but the running process opens it."""
        return self._home.aws / "state.db"

    def start(self) -> None:
        """Starts the process and waits until it answers.

        The port of the last run is taken again if it can be: addresses of queues carry it.

        Raises:
            StartError: it did not come up; the reason is in `logs/aws.log`.
        """
        try:
            listener = listen(self._home.remembered("aws_port") or 0)
        except StartError:
            listener = listen(0)
        port = listener.getsockname()[1]
        self._home.remember(aws_port=port)
        self.operator = Operator(f"http://127.0.0.1:{port}", self._key)
        log = self._home.open_log("aws")
        command = [sys.executable, "-m", "stepless_dev.aws_process"]
        command += [str(self.state_file), str(listener.fileno()), self._invoke_url]
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own module
                command,
                stdin=subprocess.PIPE,  # its end tells the process that we are gone
                stdout=log,
                stderr=log,
                env=self._environment(port),
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C reaches us alone; we stop it
            )
        finally:
            os.close(log)
            listener.close()
        self._wait_until_ready()

    def _environment(self, port: int) -> dict[str, str]:
        sources = os.pathsep.join([str(Path(__file__).parents[1])])
        return {
            "PATH": os.defpath,
            "HOME": str(self._home.aws),
            "TMPDIR": str(self._home.aws),
            "PYTHONPATH": sources,
            "AUTH": "true",  # IAM is enforced
            "AWS_ACCESS_KEY_ID": self.operator.access_key_id,
            "AWS_SECRET_ACCESS_KEY": "stepless",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",  # no container is ours to reap
            "LOG_LEVEL": "WARNING",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._home.aws / "s3"),
            "STATE_DIR": str(self._home.aws),
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                url = f"{self.operator.endpoint_url}/_ministack/health"
                with urllib.request.urlopen(url, timeout=READY_SECONDS):  # noqa: S310  # http, ours
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self.stop()
        raise StartError(f"The embedded AWS did not start; see {self._home.logs / 'aws.log'}.")

    def save(self) -> None:
        """Returns when everything that happened so far is in the state file."""
        request = urllib.request.Request(  # noqa: S310  # http, ours
            f"{self.operator.endpoint_url}{SAVE_PATH}",
            method="POST",
            headers={"X-Stepless-Key": self.operator.access_key_id},
        )
        with urllib.request.urlopen(request, timeout=READY_SECONDS):  # noqa: S310  # http, ours
            pass

    @property
    def pid(self) -> int:
        """Of the running process."""
        if self._process is None:
            raise ProcessLookupError("The embedded AWS is not running.")
        return self._process.pid

    def is_running(self) -> bool:
        """False once the process has ended for whatever reason."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stops the process after it has saved everything; safe to repeat."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # at most the last second is lost
            process.wait()
        if process.stdin is not None:
            process.stdin.close()
