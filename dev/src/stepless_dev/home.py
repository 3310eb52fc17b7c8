"""`$STEPLESS_HOME`: where the local authority keeps its state, and what it tells others there."""

import fcntl
import json
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

MAX_LOG_BYTES = 20_000_000


class StartError(Exception):
    """The authority cannot start; the text is one sentence for the person at the terminal."""


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replaces a file in one step; a reader sees the old content or the new, never half of it."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class Home:
    """The folder and the names in it."""

    root: Path

    def __post_init__(self) -> None:
        for folder in (self.root, self.aws, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)

    @property
    def aws(self) -> Path:
        """State of the embedded AWS; KMS keys are in the clear there."""
        return self.root / "aws"

    @property
    def logs(self) -> Path:
        """One file per function, and the embedded AWS's own."""
        return self.root / "logs"

    @property
    def local_json(self) -> Path:
        """What tests and tools read: address, fingerprint, where things are."""
        return self.root / "local.json"

    def lock(self) -> TextIO:
        """Holds the home until the returned file is closed or the process ends.

        Raises:
            StartError: another authority runs on it.
        """
        file = (self.root / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise StartError(f"Another stepless is already running on {self.root}.") from None
        return file

    def remembered(self, name: str) -> Any:
        """A value from an earlier run, or None."""
        try:
            return json.loads((self.root / "remembered.json").read_bytes()).get(name)
        except FileNotFoundError:
            return None

    def remember(self, **values: Any) -> None:
        """Keeps values for the next run."""
        path = self.root / "remembered.json"
        known = json.loads(path.read_bytes()) if path.exists() else {}
        write_atomically(path, json.dumps(known | values, indent=2).encode())

    def prepare_log(self, name: str) -> Path:
        """The path of `logs/<name>.log`, which is there with mode 0600.

        A file that has grown over `MAX_LOG_BYTES` is set aside first, as `<name>.log.1`.
        """
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        path.touch(mode=0o600)
        return path

    def open_log(self, name: str) -> int:
        """A descriptor that appends to a log; the caller closes it."""
        return os.open(self.prepare_log(name), os.O_WRONLY | os.O_APPEND)


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        StartError: the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named so that asyncio switches Nagle's algorithm off: 40 ms per answer else.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise StartError(f"Port {port} is not free: {exc.strerror}.") from exc
    listener.listen(1024)
    listener.setblocking(False)  # noqa: FBT003  # the socket module's own form
    return listener
