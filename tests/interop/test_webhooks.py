"""Webhooks of provisioners: both authorities ask the same server the same things, and obey it alike."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.support.authority import Authority, Kind
from tests.interop.support.differences import differing
from tests.interop.support.http_client import Caller
from tests.interop.support.stage import Stage
from tests.interop.support.step_client import StepClient, read_leaf
from tests.interop.support.webhook_receiver import ALLOWED, Receiver
from tests.support.provider_server import answer, document, in_turn

FORBIDDEN = "The request was forbidden by the certificate authority: "
KINDS: tuple[Kind, Kind] = ("step-ca", "stepless")


@pytest.fixture
def receiver(stage: Stage) -> Receiver:
    """Return the server that both ask, which allows everything."""
    receiver = stage.receiver()
    receiver.reset()
    return receiver


def refusal(client: StepClient, provisioner: str = "hooked") -> str:
    chosen = client.provisioner(provisioner)
    return client.step("ca", "certificate", "t.test", "t.crt", "t.key", *chosen).refuse().stderr


# --- what they do


def test_a_certificate_is_issued_when_webhooks_allow_it(client: StepClient, receiver: Receiver) -> None:
    client.obtain("t.test", "t", provisioner="hooked")
    assert receiver.server.asked == ["/people", "/gate"]
    receiver.check_signatures(client.authority)


def test_data_reaches_the_template_when_a_webhook_enriches(client: StepClient, receiver: Receiver) -> None:
    leaf = read_leaf(client.obtain("t.test", "t", provisioner="hooked-template")[0])
    assert "OU=Eng" in leaf.subject.rfc4514_string()
    assert len(receiver.server.asked) == 2


@pytest.mark.parametrize(
    ("path", "said", "text"),
    [
        ("/people", {"allow": False}, "webhook server did not allow request."),
        ("/people", {"allow": False, "error": {"code": "e7", "message": "not today"}}, "not today (e7)."),
        ("/people", {"error": {}}, " ()."),
        ("/people", {}, "webhook server did not allow request."),
        ("/gate", {"allow": False, "error": {"code": "e7", "message": "not today"}}, "error creating certificate."),
        ("/gate", {"data": 1}, "error creating certificate."),
    ],
)
def test_a_certificate_is_refused_when_a_webhook_says_so(
    client: StepClient, receiver: Receiver, path: str, said: object, text: str
) -> None:
    receiver.server.behaviours[path] = document(said)
    assert f"{FORBIDDEN}{text}" in refusal(client)
    assert receiver.server.asked == (["/people"] if path == "/people" else ["/people", "/gate"])


def test_a_webhook_is_asked_again_when_it_failed_once(client: StepClient, receiver: Receiver) -> None:
    receiver.server.behaviours["/people"] = in_turn(answer(b"", "500 Internal Server Error"), ALLOWED)
    client.obtain("t.test", "t", provisioner="hooked")
    assert receiver.server.asked == ["/people", "/people", "/gate"]
    assert receiver.server.bodies[0] == receiver.server.bodies[1]


@pytest.mark.parametrize(
    ("status", "body", "times"),
    [("500 Internal Server Error", b"{}", 2), ("404 Not Found", b'{"allow":true}', 1), ("200 OK", b"<html>", 1)],
)
def test_nothing_is_issued_when_a_webhook_does_not_work(
    client: StepClient, receiver: Receiver, status: str, body: bytes, times: int
) -> None:
    """step-ca blames the caller, with 403 and Go's error; stepless says which webhook it is, with 503."""
    receiver.server.behaviours["/people"] = answer(body, status)
    said = refusal(client)
    assert receiver.server.asked == ["/people"] * times
    expected = FORBIDDEN if client.authority.kind == "step-ca" else "webhook 'people' of provisioner 'hooked' answers "
    assert expected in said


def test_an_address_may_be_a_template(client: StepClient, receiver: Receiver) -> None:
    receiver.server.behaviours["/who/t.test?kind=T.TEST"] = ALLOWED
    client.obtain("t.test", "t", provisioner="hooked-url")
    assert receiver.server.asked == ["/who/t.test?kind=T.TEST"]


def test_a_webhook_for_ssh_is_not_asked(client: StepClient, receiver: Receiver) -> None:
    client.obtain("t.test", "t", provisioner="hooked-ssh")
    assert receiver.server.asked == []


def test_renewal_asks_nobody(client: StepClient, receiver: Receiver) -> None:
    chain, key = client.obtain("t.test", "t", provisioner="hooked")
    receiver.reset()
    client.step("ca", "renew", "--force", chain, key).succeed()
    assert receiver.server.asked == []


# --- what they say


def _x5c(client: StepClient) -> None:
    chain, key = client.obtain("credential.test", "c")
    credential = ("--provisioner", "hooked-x5c", "--x5c-cert", chain, "--x5c-key", key)
    client.step("ca", "certificate", "t.test", "t.crt", "t.key", *credential).succeed()


def _by(provisioner: str, *flags: str) -> Callable[[StepClient], object]:
    return lambda client: client.obtain("t.test", "t", *flags, provisioner=provisioner)


NAMES = ("--san", "t.test", "--san", "u@t.test", "--san", "10.0.0.1", "--san", "urn:x:1")
CASES: dict[str, Callable[[StepClient], object]] = {
    "default leaf": _by("hooked"),
    "names": _by("hooked", *NAMES),
    "RSA": _by("hooked", "--kty", "RSA"),
    "Ed25519": _by("hooked", "--kty", "OKP"),
    "template": _by("hooked-template", *NAMES),
    "unusual names": _by("hooked-unusual"),
    "x5c": _x5c,
}
# Octets that depend on keys, and dates, of which only the form is compared. Of a certificate that is not signed yet
# step-ca tells nanoseconds, which it will not have.
DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
SHAPES = {
    "timestamp": DATE,
    "notBefore": DATE,
    "notAfter": DATE,
    "raw": r"[A-Za-z0-9+/]+=*",
    "publicKey": r"[A-Za-z0-9+/]+=*",
}


def comparable(value: Any, key: str = "") -> Any:
    """What both must say, with the form in the place of what cannot be the same."""
    if isinstance(value, dict):
        return {name: comparable(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if key == "serialNumber" and isinstance(value, int):
        return "a number"  # each authority has one of its own
    if key in SHAPES and isinstance(value, str):
        assert re.fullmatch(SHAPES[key], value), (key, value)
        return SHAPES[key]
    return value


@pytest.mark.parametrize("case", CASES)
def test_both_tell_webhooks_the_same(stage: Stage, receiver: Receiver, tmp_path: Path, case: str) -> None:
    said = {}
    for kind in KINDS:
        client = stage.client(kind, tmp_path / kind)
        receiver.reset()
        CASES[case](client)
        said[kind] = [comparable(body) for body in receiver.asked_for()]
        assert len(said[kind]) == 2
    # This release of step-ca knows the member, and does not fill it in yet.
    names = [body.pop("provisionerName", None) for kind in KINDS for body in said[kind]]
    assert list(differing(said["step-ca"], said["stepless"])) == []
    assert [bool(name) for name in names] == [False, False, True, True]


def test_both_list_the_same_of_webhooks(stage: Stage) -> None:
    def listed(authority: Authority) -> dict[str, Any]:
        pages = [Caller(authority).get(f"/provisioners?limit=100&cursor={start:x}{'0' * 32}") for start in (0, 100)]
        entries = [entry for page in pages for entry in page.json()["provisioners"]]
        return {entry["name"]: entry["options"] for entry in entries if entry["name"].startswith("hooked")}

    theirs, ours = (listed(stage.target(kind).authority) for kind in KINDS)
    assert theirs == ours
    assert len(ours) == 6
