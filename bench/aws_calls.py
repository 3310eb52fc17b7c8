"""What a request asks of AWS: every call on the wire, retries included, and the capacity that DynamoDB charges."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from typing_extensions import override

from bench.authorities import LocalAuthority
from bench.functions import Functions
from bench.processes import BenchError
from bench.tokens import revocation, wish
from stepless_dev.aws import REGION, Operator

_DYNAMODB = "DynamoDB_20120810."


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS call: its name, and the capacity units that it used."""

    name: str
    units: float


@dataclass(slots=True)
class Recorder:
    """A proxy in front of the embedded AWS; it signs each call anew, as it changes it."""

    operator: Operator
    url: str = ""
    calls: list[Call] = field(default_factory=list)

    def forward(self, headers: Message, body: bytes) -> tuple[int, str, bytes]:
        """Pass a call on; DynamoDB is asked to tell the capacity as well. Returns status, content type and body."""
        target, content_type = headers["X-Amz-Target"], headers["Content-Type"]
        if target.startswith(_DYNAMODB):
            body = json.dumps({**json.loads(body), "ReturnConsumedCapacity": "TOTAL"}).encode()
        request = AWSRequest(
            "POST", self.operator.endpoint_url + "/", {"X-Amz-Target": target, "Content-Type": content_type}, body
        )
        service = headers["Authorization"].split("/")[3]
        SigV4Auth(Credentials(self.operator.access_key_id, "stepless"), service, REGION).add_auth(request)
        connection = http.client.HTTPConnection(urlsplit(self.operator.endpoint_url).netloc, timeout=30)
        connection.request("POST", "/", body, dict(request.headers))
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        self.calls.append(Call(target.rpartition(".")[2], _units(answer)))
        return response.status, response.headers["Content-Type"], answer


def _units(answer: bytes) -> float:
    consumed: Any = json.loads(answer).get("ConsumedCapacity", [])
    tables = [consumed] if isinstance(consumed, dict) else consumed
    return float(sum(table["CapacityUnits"] for table in tables))


@contextmanager
def recording(operator: Operator) -> Iterator[Recorder]:
    """A recorder that listens on loopback."""
    recorder = Recorder(operator)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, content_type, answer = recorder.forward(self.headers, body)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        @override
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    recorder.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True, slots=True)
class Request:
    """The calls of one request."""

    name: str
    calls: tuple[Call, ...]

    @property
    def units(self) -> float:
        """Of all calls."""
        return sum(call.units for call in self.calls)


def count_aws_calls(functions: Functions, authority: LocalAuthority) -> list[Request]:
    """The calls of each kind of request, warm, and of the first signature of a process.

    Raises:
        BenchError: a warm signature or renewal is not exactly one transaction.
    """
    server, found = authority.server, []

    with recording(Operator(authority.aws_endpoint, authority.aws_access_key_id)) as recorder:

        def note(name: str, serve: Callable[[], Any]) -> Any:
            recorder.calls.clear()
            answer = serve()
            found.append(Request(name, tuple(recorder.calls)))
            return answer

        def sign() -> str:
            event = functions.event("POST", "/sign", wish(server.provisioner).body)
            answer = issue.serve([event]).answers[0]
            crt: str = json.loads(answer["body"])["crt"]
            return crt

        with (
            functions.worker("issue", recorder.url) as issue,
            functions.worker("renew", recorder.url) as renew,
            functions.worker("revoke", recorder.url) as revoke,
            functions.worker("ca_info", recorder.url) as info,
        ):
            note("the first `POST /sign` of a process", sign)
            pem = note("`POST /sign`", sign)
            renewal = functions.event("POST", "/renew", client_pem=pem)
            renew.serve([renewal])
            note("`POST /renew`", lambda: renew.serve([renewal]))
            serials = [x509.load_pem_x509_certificate(text.encode()).serial_number for text in (pem, sign())]
            bodies = [revocation(server.provisioner, serial) for serial in serials]
            first, second = (functions.event("POST", "/revoke", body) for body in bodies)
            revoke.serve([first])
            note("`POST /revoke`", lambda: revoke.serve([second]))
            read = functions.event("GET", f"/root/{server.fingerprint}")
            info.serve([read])
            note("`GET /root/{sha256}`", lambda: info.serve([read]))
    for request in found[1:3]:
        names = [call.name for call in request.calls]
        if names != ["TransactWriteItems"]:
            raise BenchError(f"{request.name} made the AWS calls {names}, not one TransactWriteItems")
    return found
