"""A `requests` session whose requests end in a function of this process, by the event that API Gateway makes."""

from io import BytesIO

import requests
from cryptography import x509
from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3 import HTTPResponse

from tests.functions.support.events import Client


class _Door(HTTPAdapter):
    """Stands where the socket is.

    A request goes to the function whatever its method and path: what the gateway does not let through, the function
    must refuse by itself.
    """

    def __init__(self, client: Client, certificate: x509.Certificate | None) -> None:
        super().__init__()
        self._client = client
        self._certificate = certificate

    @override
    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        body = request.body or b""
        assert isinstance(body, bytes | str), "schemathesis sends no stream"
        answer = self._client.call(
            request.method or "",
            request.path_url,
            body if isinstance(body, bytes) else body.encode(),
            {name: _text(value) for name, value in request.headers.items()},
            self._certificate,
        )
        # Of a HEAD too the body is kept: it is for the HTTP server before the function to leave it out.
        raw = HTTPResponse(BytesIO(answer.body), answer.headers, answer.status, preload_content=False)
        return self.build_response(request, raw)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def session(client: Client, certificate: x509.Certificate | None = None) -> requests.Session:
    """Requests go to this environment of a function; the certificate is what the TLS layer has seen."""
    made = requests.Session()
    made.mount("https://", _Door(client, certificate))
    return made
