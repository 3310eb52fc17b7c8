"""A running authority as a client sees it, whichever server is behind it."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509

Kind = Literal["step-ca", "stepless"]
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Authority:
    """Facts of one running server."""

    kind: Kind
    url: str
    fingerprint: str
    root: Path
    password_file: Path

    @property
    def port(self) -> int:
        """TCP port on loopback."""
        return int(self.url.rsplit(":", 1)[1])

    @property
    def root_certificate(self) -> x509.Certificate:
        """The pinned root."""
        return x509.load_pem_x509_certificate(self.root.read_bytes())


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pinned_context(root: Path) -> ssl.SSLContext:
    """Return a client context that trusts this one root and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(root)
    return context


def wait_for_tls(port: int, root: Path, *, alive: Callable[[], bool], seconds: float) -> None:
    """Return once a verified TLS handshake succeeds; fail when the server ended or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert alive(), "failed to prepare: the authority ended while starting"
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 2) as raw,
            pinned_context(root).wrap_socket(raw, server_hostname="localhost"),
        ):
            return
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"failed to prepare: no TLS on port {port} after {seconds} s")
