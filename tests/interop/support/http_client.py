"""Raw HTTPS to an authority: one connection per call, the root pinned, a certificate on demand."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.support.authority import Authority, pinned_context

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The `message` of a step error body."""
        text: str = self.json()["message"]
        return text


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls one authority; with `chain` and `key` it presents a client certificate."""

    authority: Authority
    chain: Path | None = None
    key: Path | None = None

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request. Raises `ssl.SSLError` or `OSError` when the handshake is refused."""
        context = pinned_context(self.authority.root)
        if self.chain is not None:
            context.load_cert_chain(self.chain, self.key)
        connection = http.client.HTTPSConnection(
            "localhost", self.authority.port, timeout=TIMEOUT_SECONDS, context=context
        )
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        """GET without a body."""
        return self.call("GET", path)

    def post(self, path: str, document: object, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a JSON document, or bytes as they are."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.call("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
