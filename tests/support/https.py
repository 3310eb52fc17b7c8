"""HTTPS to a local authority: well-formed calls, and bytes exactly as given."""

import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.forge import RequestKey, pem

TIMEOUT_SECONDS = 35.0  # the gateway itself gives up after 29


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """Of an error body."""
        return str(self.json()["message"])

    @property
    def certificate(self) -> x509.Certificate:
        """The leaf of a successful sign, renew or rekey."""
        return x509.load_pem_x509_certificate(self.json()["crt"].encode())


def pinned_context(root: Path) -> ssl.SSLContext:
    """Trusts this one root and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(root)
    return context


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls one authority, one connection per call."""

    port: int
    context: ssl.SSLContext

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request. Raises `ssl.SSLError` or `OSError` when the connection is refused."""
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=TIMEOUT_SECONDS, context=self.context)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            return _answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        """GET."""
        return self.call("GET", path)

    def post(self, path: str, document: object, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a JSON document, or bytes as they are."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.call("POST", path, body, {"Content-Type": "application/json", **(headers or {})})

    def raw(self, data: bytes) -> Answer | None:
        """Send bytes and read one response; None when the server only closed the connection."""
        with (
            socket.create_connection(("127.0.0.1", self.port), TIMEOUT_SECONDS) as plain,
            self.context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            # The server may answer, and close, before it has read everything.
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                connection.sendall(data)
            response = http.client.HTTPResponse(connection, method=data.partition(b" ")[0].decode("latin-1"))
            try:
                response.begin()
                return _answer(response)
            except (http.client.BadStatusLine, ConnectionError, ssl.SSLError):
                return None

    def with_certificate(self, folder: Path, root: Path, chain: list[x509.Certificate], key: RequestKey) -> "Caller":
        """The same, showing a client certificate; its key passes through a file in `folder`."""
        file = folder / f"{chain[0].serial_number:x}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        file.write_text(private + "".join(map(pem, chain)))
        context = pinned_context(root)
        context.load_cert_chain(file)
        return replace(self, context=context)


def _answer(response: http.client.HTTPResponse) -> Answer:
    names = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, names, response.read())
