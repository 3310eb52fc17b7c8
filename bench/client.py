"""A plain HTTPS client on a connection that is kept: what a busy machine looks like to a server."""

import http.client
import ssl
from pathlib import Path

from bench.processes import BenchError


class Client:
    """One connection to `localhost`; not for use by several threads."""

    def __init__(self, port: int, root: Path, chain: Path | None = None, key: Path | None = None) -> None:
        """Connects with the first call, and then presents the certificate in `chain` if there is one."""
        context = ssl.create_default_context(cafile=root)
        if chain is not None:
            context.load_cert_chain(chain, key)
        self._connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=30)

    def call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body of the answer.

        Raises:
            BenchError: the answer is neither 200 nor 201.
        """
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status not in (200, 201):
            raise BenchError(f"{method} {path} answered {response.status}: {answer[:300].decode(errors='replace')}")
        return answer

    def get(self, path: str) -> bytes:
        """The body of the answer to a GET."""
        return self.call("GET", path)

    def post(self, path: str, body: bytes) -> bytes:
        """The body of the answer to a POST."""
        return self.call("POST", path, body)
