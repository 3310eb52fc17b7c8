"""The deployed functions, each in a worker process with the environment and the role that the template gives it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.authorities import LocalAuthority
from bench.processes import ROOT, BenchError, clean_environment
from stepless_dev.aws import REGION, Operator
from stepless_dev.environment import Function
from stepless_dev.events import Request, to_event
from stepless_dev.functions import deployed_functions
from stepless_dev.routes import RouteTable
from stepless_dev.template import read_template

_WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True, slots=True)
class Batch:
    """What a worker did with some requests."""

    cpu_seconds: float
    answers: list[dict[str, Any]]


class Worker:
    """A process that serves batches."""

    def __init__(self, start: Mapping[str, Any], environment: Mapping[str, str], log: Path) -> None:
        """Starts it and loads what `start` names; `load_cpu_seconds` is what that took."""
        ours, theirs = socket.socketpair()
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # our own script
                [sys.executable, "-P", str(_WORKER), str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=dict(environment),
                pass_fds=[theirs.fileno()],
            )  # fmt: skip
        theirs.close()
        self._stream = ours.makefile("rw")
        ours.close()
        self.load_cpu_seconds: float = self._exchange(start)["cpu_seconds"]

    def serve(self, requests: list[Any]) -> Batch:
        """Serve requests one after the other.

        Raises:
            BenchError: one of them was not answered with 200 or 201.
        """
        frame = self._exchange(requests)
        batch = Batch(frame["cpu_seconds"], frame["answers"])
        for answer in batch.answers:
            if answer["statusCode"] not in (200, 201):
                raise BenchError(f"a function answered {answer['statusCode']}: {str(answer['body'])[:300]}")
        return batch

    def _exchange(self, frame: Any) -> dict[str, Any]:
        self._stream.write(json.dumps(frame) + "\n")
        self._stream.flush()
        line = self._stream.readline()
        if not line:
            raise BenchError("a worker ended; see its log")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self._stream.close()
        self._process.wait(10)


class Functions:
    """Starts workers for the functions of a running authority, and makes API Gateway's events for them."""

    def __init__(self, authority: LocalAuthority, logs: Path) -> None:
        """Reads the deployed configuration."""
        self._template = read_template(ROOT / "template.yaml")
        self._operator = Operator(authority.aws_endpoint, authority.aws_access_key_id)
        self._deployed = {f.code.name: f for f in deployed_functions(self._operator, self._template).values()}
        self._routes = RouteTable(self._template.routes)
        self._logs = logs
        self.names = sorted(self._deployed)

    def path(self, name: str) -> list[str]:
        """The import path of a function, without the dependencies."""
        function = self._deployed[name]
        return [str(function.code), *map(str, function.layers)]

    def environment(self, name: str, aws_endpoint: str = "") -> dict[str, str]:
        """The environment variables of a function; its AWS may be looked at through another address."""
        function = self._deployed[name]
        return clean_environment(
            **function.variables, **self._credentials(function),
            AWS_REGION=REGION, AWS_DEFAULT_REGION=REGION, AWS_LAMBDA_FUNCTION_NAME=function.name,
            AWS_ENDPOINT_URL=aws_endpoint or self._operator.endpoint_url,
            AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        )  # fmt: skip

    def _credentials(self, function: Function) -> dict[str, str]:
        answer = self._operator.client("sts").assume_role(RoleArn=function.role_arn, RoleSessionName="bench")
        found = answer["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
            "AWS_SESSION_TOKEN": found["SessionToken"],
        }

    @contextlib.contextmanager
    def worker(self, name: str, aws_endpoint: str = "") -> Iterator[Worker]:
        """A worker for one function."""
        worker = Worker(
            {"path": self.path(name)}, self.environment(name, aws_endpoint), self._logs / f"bench-{name}.log"
        )
        try:
            yield worker
        finally:
            worker.close()

    def event(self, method: str, path: str, body: bytes = b"", client_pem: str = "") -> dict[str, Any]:
        """API Gateway's event for a request, with the client certificate that its TLS layer saw."""
        headers = [("Host", "localhost"), ("Content-Type", "application/json"), ("User-Agent", "Go-http-client/1.1")]
        request = Request(method, path, "", headers, body, "127.0.0.1", 443)
        match = self._routes.match(method, path)
        event = to_event(request, match, "Root=1-00000000-000000000000000000000000", self._template.binary_media_types)
        if client_pem:
            event["requestContext"]["identity"]["clientCert"] = {"clientCertPem": client_pem}
        return event


@contextlib.contextmanager
def bare_worker(token_key_pem: str, log: Path) -> Iterator[Worker]:
    """A worker that does the bare cryptography."""
    worker = Worker({"path": [str(ROOT)], "bare": token_key_pem}, clean_environment(), log)
    try:
        yield worker
    finally:
        worker.close()
