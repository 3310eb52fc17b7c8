"""The whole local authority on a project of its own, in a thread of the test process."""

import asyncio
import contextlib
import http.client
import json
import ssl
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepless_dev.authority import Tables
from stepless_dev.aws import Operator
from stepless_dev.deploy import Deployment
from stepless_dev.ready import Announcement
from stepless_dev.run import LocalAuthority, Options
from tests.dev.support.authorities import Endpoint, Pair, TestAuthority

PROJECT = Path(__file__).parents[1] / "project"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `headers` as they came, repeated names and all."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> list[str]:
        return [value for found, value in self.headers if found.lower() == name.lower()]


@dataclass
class Endpoints:
    """Stands in for `stepless.runtime.operator`: gives the endpoint certificate that is set now."""

    current: Endpoint
    asked: int = 0

    def open(self, _operator: Operator, _tables: Tables) -> Endpoint:
        self.asked += 1
        return self.current


@dataclass
class Running:
    """A started authority and the ways to talk to it."""

    local: LocalAuthority
    announcement: Announcement
    loop: asyncio.AbstractEventLoop
    ca: TestAuthority
    endpoints: Endpoints
    folder: Path
    _contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        return future.result(60)

    def tls(self, client: Pair | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.ca.root.certificate_pem.decode())
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the throw-away CA has no key identifiers
        if client is not None:
            file = self.folder / "client.pem"
            file.write_bytes(client.certificate_pem + client.key_pem)
            context.load_cert_chain(file)
        return context

    def connect(self, client: Pair | None = None) -> http.client.HTTPSConnection:
        port = self.local.port
        return http.client.HTTPSConnection("localhost", port, context=self.tls(client), timeout=30)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        client: Pair | None = None,
    ) -> Answer:
        with contextlib.closing(self.connect(client)) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())

    def outputs(self) -> dict[str, str]:
        return Deployment(self.local.aws.operator).outputs()

    def aws(self, service: str) -> Any:
        return self.local.aws.operator.client(service)


@contextlib.contextmanager
def running(
    home: Path,
    ca: TestAuthority,
    *,
    template: Path = PROJECT / "template.yaml",
    endpoint: Endpoint | None = None,
    **parameters: str,
) -> Iterator[Running]:
    """Starts an authority; stops it at the end as Ctrl-C would."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    endpoints = Endpoints(endpoint or ca.endpoint())
    options = Options(0, home, template, parameters, cap=3, prewarm=("EchoFunction",))
    local = LocalAuthority(options, endpoints.open)
    try:
        started = asyncio.run_coroutine_threadsafe(local.start(), loop).result(90)
        yield Running(local, started, loop, ca, endpoints, home)
    finally:
        asyncio.run_coroutine_threadsafe(local.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
