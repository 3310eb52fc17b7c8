"""AWS is down, hangs, or is busy: every function says "come again" within five seconds."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typing_extensions import override

from stepless.runtime.aws import AWSClients
from stepless.runtime.settings import FunctionSettings
from stepless.runtime.wiring import Wiring
from stepless.store.certificates import DynamoCertificates
from stepless.store.table import Table
from tests.functions.support.authority import REGION, MotoAuthority
from tests.functions.support.events import Client, make_event
from tests.functions.support.faults import Fail, Faults, wiring_with
from tests.support.https import Answer

MOST_SECONDS = 5.0


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """A server that takes connections and requests, and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def full_house() -> Iterator[str]:
    """A server whose queue of connections is full, so that the next connection is not even made."""
    with socket.socket() as server, contextlib.ExitStack() as guests:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        for _ in range(4):
            guest = guests.enter_context(socket.socket())
            guest.setblocking(False)  # noqa: FBT003 - the socket module's own form
            with contextlib.suppress(BlockingIOError):
                guest.connect(address)
        yield f"http://127.0.0.1:{address[1]}"


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """A port where nobody listens: connections are refused at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    yield f"http://127.0.0.1:{address[1]}"


@contextlib.contextmanager
def hangs_up() -> Iterator[str]:
    """A server that closes every connection as soon as it has read something."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


OUTAGES: dict[str, Callable[[], contextlib.AbstractContextManager[str]]] = {
    "hangs": black_hole,
    "takes no connection": full_house,
    "is not there": nobody,
    "hangs up": hangs_up,
}


def requests(authority: MotoAuthority) -> dict[str, dict[str, Any]]:
    """One good request per function that anybody calls."""
    owner = authority.issue("outage.test").certificate
    return {
        "issue": make_event("POST", "/sign", authority.forge.sign_body("outage.test")),
        "renew": make_event("POST", "/renew", certificate=owner),
        "revoke": make_event("POST", "/revoke", authority.forge.revoke_body(owner.serial_number)),
        "ca_info": make_event("GET", "/provisioners"),
    }


def timed(client: Client, event: dict[str, Any]) -> tuple[Answer, float]:
    """The answer, and the seconds that it took."""
    started = time.monotonic()
    return client.deliver(event), time.monotonic() - started


def deliver_together(work: dict[str, tuple[Client, dict[str, Any]]]) -> dict[str, tuple[Answer, float]]:
    """Deliver events to environments at the same time: most of it is waiting."""

    def deliver(client: Client, event: dict[str, Any]) -> tuple[Answer, float]:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            return timed(client, event)
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    with ThreadPoolExecutor(len(work)) as pool:
        futures = {name: pool.submit(deliver, *arguments) for name, arguments in work.items()}
        return {name: future.result() for name, future in futures.items()}


def check_come_again(answer: Answer, seconds: float) -> None:
    assert answer.status == 503, answer.body
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["status"] == 503
    assert "127.0.0.1" not in answer.body.decode()
    assert seconds < MOST_SECONDS, f"{seconds:.1f} s"


def cold(authority: MotoAuthority, folder: str) -> Client:
    """An environment whose clients are made at its first request."""
    return authority.client(folder, wiring_with(Faults()))


@pytest.mark.parametrize("outage", OUTAGES)
def test_every_function_says_come_again_when_dynamodb_does_not_answer(
    outage: str, authority: MotoAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = requests(authority)
    with OUTAGES[outage]() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
        answers = deliver_together({folder: (cold(authority, folder), event) for folder, event in events.items()})
        for answer, seconds in answers.values():
            check_come_again(answer, seconds)
    monkeypatch.undo()
    authority.check_books()


@pytest.mark.parametrize("outage", OUTAGES)
def test_a_signer_says_come_again_when_kms_does_not_answer(
    outage: str, authority: MotoAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = requests(authority)
    with OUTAGES[outage]() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", url)
        signers = {folder: (cold(authority, folder), events[folder]) for folder in ("issue", "renew")}
        for answer, seconds in deliver_together(signers).values():
            check_come_again(answer, seconds)
    authority.check_books()


class HalfDown(Wiring):
    """Settings and keys can be read; the tables that are written are at `writes`."""

    def __init__(self, settings: FunctionSettings, writes: str) -> None:
        super().__init__(settings)
        self._writes = writes

    @override
    @cached_property
    def certificates(self) -> DynamoCertificates:
        table = Table(AWSClients(self._writes, REGION).dynamodb())
        settings = self.settings
        return DynamoCertificates(table, settings.authority_id, settings.certificates_table, settings.tickets_table)


def test_a_function_says_come_again_when_its_write_hangs(authority: MotoAuthority) -> None:
    events = {folder: event for folder, event in requests(authority).items() if folder != "ca_info"}
    with black_hole() as url:
        broken = {folder: authority.client(folder, lambda settings: HalfDown(settings, url)) for folder in events}
        answers = deliver_together({folder: (broken[folder], event) for folder, event in events.items()})
    for answer, seconds in answers.values():
        check_come_again(answer, seconds)
    authority.check_books()
    for folder, event in events.items():
        assert authority.warm(folder).deliver(event).status in (200, 201)


def test_a_warm_function_goes_on_when_kms_is_down(authority: MotoAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    client = authority.client("issue")
    assert client.call("POST", "/sign", authority.forge.sign_body("first.test")).status == 201
    with nobody() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", url)
        assert client.call("POST", "/sign", authority.forge.sign_body("second.test")).status == 201


def test_health_needs_nothing(authority: MotoAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    """As step-ca's: it says that the front answers, so that a load balancer does not take a whole authority away."""
    with nobody() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert authority.client("ca_info").call("GET", "/health").status == 200


def canceled(*codes: str) -> Fail:
    """DynamoDB's word for two transactions at the same item at the same time."""

    def fail() -> None:
        reasons = [{"Code": code} for code in codes]
        response: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        raise ClientError(response, "TransactWriteItems")

    return fail


@pytest.mark.parametrize("times", [1, 3])
def test_a_conflict_of_transactions_is_tried_again(times: int, authority: MotoAuthority) -> None:
    faults = Faults({"before transaction": [canceled("None", "TransactionConflict")] * times})
    client = authority.client("issue", wiring_with(faults))
    assert client.call("POST", "/sign", authority.forge.sign_body("conflict.test")).status == 201


@pytest.mark.parametrize(
    "codes",
    [("TransactionConflict", "None"), ("ThrottlingError", "None"), ("None", "ProvisionedThroughputExceeded")],
)
def test_a_transaction_that_is_canceled_again_and_again_says_come_again(
    codes: tuple[str, ...], authority: MotoAuthority
) -> None:
    event = make_event("POST", "/sign", authority.forge.sign_body("conflict.test"))
    faults = Faults({"before transaction": [canceled(*codes)] * 20})
    client = authority.client("issue", wiring_with(faults))
    check_come_again(*timed(client, event))
    faults.plan.clear()
    assert client.deliver(event).status == 201
