"""CPU time per warm request: stepless's handlers, the bare cryptography, step-ca's server, in interleaved rounds."""

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.authorities import Server
from bench.client import Client
from bench.functions import Functions, Worker, bare_worker
from bench.processes import cpu_seconds
from bench.tokens import Wish, revocation, wish

WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Series:
    """Milliseconds of CPU per request, a value for each round."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Over the rounds."""
        return median(self.values)

    @property
    def least(self) -> float:
        """Of the quietest round."""
        return min(self.values)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on both sides; `bare` is measured for signing only."""

    name: str
    stepless: Series = field(default_factory=Series)
    step_ca: Series = field(default_factory=Series)


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate, with what it was asked for with."""

    wish: Wish
    chain_pem: str

    @property
    def serial(self) -> int:
        """Of the leaf."""
        return x509.load_pem_x509_certificate(self.chain_pem.encode()).serial_number


class Rounds:
    """Both authorities and their clients, warm; each `run` adds a value to every series."""

    def __init__(self, functions: Functions, ours: Server, theirs: Server, folder: Path, size: int) -> None:
        """Use as a context manager.

        Args:
            functions: of the local authority.
            ours: the local authority, for its provisioner.
            theirs: step-ca.
            folder: for certificates of clients and logs.
            size: requests per round and operation.
        """
        self._functions = functions
        self._ours = ours
        self._theirs = theirs
        self._folder = folder
        self._size = size
        self._stack = ExitStack()
        self.bare = Series()
        self.sign, self.renew, self.revoke, self.root, self.provisioners = self.operations = (
            Operation("POST /sign"), Operation("POST /renew, client certificate"), Operation("POST /revoke, token"),
            Operation("GET /root/{sha256}"), Operation("GET /provisioners"),
        )  # fmt: skip

    def __enter__(self) -> Self:
        names = ("issue", "renew", "revoke", "ca_info")
        workers = [self._stack.enter_context(self._functions.worker(name)) for name in names]
        self._issue, self._renew, self._revoke, self._info = workers
        public = self._ours.provisioner.private.public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        self._bare = self._stack.enter_context(bare_worker(pem, self._folder / "bench-bare.log"))
        self._client = self._theirs.client()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self) -> None:
        """Measure everything once, the two sides of an operation right after each other."""
        wishes = self._wishes(self._ours)
        events = [self._functions.event("POST", "/sign", one.body) for one in wishes]
        answers = self._serve(self.sign.stepless, self._issue, events)
        ours = [Held(one, json.loads(body)["crt"]) for one, body in zip(wishes, answers, strict=True)]
        wishes = self._wishes(self._theirs)
        bodies = [one.body for one in wishes]
        found = self._call(self.sign.step_ca, self._client, [("POST", "/sign", body) for body in bodies])
        theirs = [Held(one, "".join(json.loads(body)["certChain"])) for one, body in zip(wishes, found, strict=True)]
        requests: list[dict[str, object]] = [{"csr": one.csr_pem, "ott": one.token} for one in self._wishes(self._ours)]
        self._serve(self.bare, self._bare, requests)
        self._renewals(ours, theirs)
        self._revocations(ours, theirs)
        self._reads()

    def _renewals(self, ours: list[Held], theirs: list[Held]) -> None:
        events = [self._functions.event("POST", "/renew", client_pem=held.chain_pem) for held in ours]
        self._serve(self.renew.stepless, self._renew, events)
        # One certificate again and again: a connection has one, and its handshake is not what is measured.
        chain, key = self._folder / "client.crt", self._folder / "client.key"
        chain.write_text(theirs[0].chain_pem)
        key.write_bytes(theirs[0].wish.key_pem)
        client = self._theirs.client(chain, key)
        client.get("/health")
        self._call(self.renew.step_ca, client, [("POST", "/renew", b"")] * len(theirs))

    def _revocations(self, ours: list[Held], theirs: list[Held]) -> None:
        provisioner = self._ours.provisioner
        bodies = [revocation(provisioner, held.serial) for held in ours]
        events = [self._functions.event("POST", "/revoke", body) for body in bodies]
        self._serve(self.revoke.stepless, self._revoke, events)
        bodies = [revocation(self._theirs.provisioner, held.serial) for held in theirs]
        self._call(self.revoke.step_ca, self._client, [("POST", "/revoke", body) for body in bodies])

    def _reads(self) -> None:
        count = self._size + WARM_UP
        for operation, ours, theirs in (
            (self.root, f"/root/{self._ours.fingerprint}", f"/root/{self._theirs.fingerprint}"),
            (self.provisioners, "/provisioners", "/provisioners"),
        ):
            self._serve(operation.stepless, self._info, [self._functions.event("GET", ours) for _ in range(count)])
            self._call(operation.step_ca, self._client, [("GET", theirs, None)] * count)

    def _wishes(self, server: Server) -> list[Wish]:
        return [wish(server.provisioner) for _ in range(self._size + WARM_UP)]

    def _serve(self, series: Series, worker: Worker, requests: list[dict[str, object]]) -> list[str]:
        """The bodies; the first requests are not counted: they read settings again, which are kept for ten seconds."""
        first = worker.serve(requests[:WARM_UP])
        batch = worker.serve(requests[WARM_UP:])
        series.values.append(batch.cpu_seconds / (len(requests) - WARM_UP) * 1000)
        return [str(answer["body"]) for answer in (*first.answers, *batch.answers)]

    def _call(self, series: Series, client: Client, calls: list[tuple[str, str, bytes | None]]) -> list[bytes]:
        answers = [client.call(*call) for call in calls[:WARM_UP]]
        began = cpu_seconds(self._theirs.pid)
        answers += [client.call(*call) for call in calls[WARM_UP:]]
        series.values.append((cpu_seconds(self._theirs.pid) - began) / (len(calls) - WARM_UP) * 1000)
        return answers
