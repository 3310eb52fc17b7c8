"""A token is good for one request, however many come at once; and that request for one certificate."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.support.cloud import Cloud
from tests.support.forge import P256, Forge, make_csr, pem, renew_token
from tests.support.gateway import Gateway, descendants
from tests.support.https import Answer

AT_ONCE = 50


def together(calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """The answers to calls that are made at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def environments(gateway: Gateway) -> Counter[str]:
    """How many processes each function has now."""
    names: Counter[str] = Counter()
    for pid in descendants(gateway.process.pid):
        with contextlib.suppress(OSError):
            entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
            variables = dict(entry.partition("=")[::2] for entry in entries)
            names[variables.get("POWERTOOLS_SERVICE_NAME", "")] += 1
    return names


def test_one_of_fifty_requests_with_one_token_gets_a_certificate(gateway: Gateway, forge: Forge, cloud: Cloud) -> None:
    token = forge.token("race.test")
    bodies = [forge.sign_body("race.test", ott=token) for _ in range(AT_ONCE)]
    assert len({body["csr"] for body in bodies}) == AT_ONCE
    before, spent = cloud.recorded(), set(cloud.spent())

    answers = together([lambda body=body: gateway.caller.post("/sign", body) for body in bodies])  # type: ignore[misc]  # each its own body

    assert environments(gateway)["issue"] >= 2, "they were served one after the other"
    assert Counter(answer.status for answer in answers) == {201: 1, 401: AT_ONCE - 1}
    winner = next(answer for answer in answers if answer.status == 201)
    assert cloud.recorded() - before == {winner.certificate.serial_number}
    marks = {mark: serial for mark, serial in cloud.spent().items() if mark not in spent}
    assert list(marks.values()) == [winner.certificate.serial_number]
    # The winner's very request is still good for its certificate; nobody else's is.
    body = bodies[answers.index(winner)]
    assert gateway.caller.post("/sign", body).json()["crt"] == winner.json()["crt"]


def test_the_same_request_gives_the_same_certificate_every_time(gateway: Gateway, forge: Forge, cloud: Cloud) -> None:
    raw = json.dumps(forge.sign_body("repeat.test")).encode()
    before = cloud.recorded()
    first = gateway.caller.post("/sign", raw)
    assert first.status == 201
    again = [gateway.caller.post("/sign", raw) for _ in range(3)]
    again += together([lambda: gateway.caller.post("/sign", raw)] * 20)
    assert {answer.status for answer in again} == {201}
    assert {answer.body for answer in again} == {first.body}
    assert cloud.recorded() - before == {first.certificate.serial_number}


def test_the_same_request_at_the_same_time_gives_one_certificate(gateway: Gateway, forge: Forge, cloud: Cloud) -> None:
    raw = json.dumps(forge.sign_body("parallel.test")).encode()
    before = cloud.recorded()
    answers = together([lambda: gateway.caller.post("/sign", raw)] * 30)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert cloud.recorded() - before == {answers[0].certificate.serial_number}


def test_a_request_that_differs_in_one_byte_is_another_request(gateway: Gateway, forge: Forge) -> None:
    body = forge.sign_body("byte.test")
    assert gateway.caller.post("/sign", json.dumps(body).encode()).status == 201
    assert gateway.caller.post("/sign", json.dumps(body).encode() + b"\n").status == 401
    assert gateway.caller.post("/sign", {**body, "notAfter": "1h"}).status == 401


def test_one_of_many_renewals_with_one_token_counts(gateway: Gateway, forge: Forge, cloud: Cloud) -> None:
    key = ec.generate_private_key(P256)
    owner = gateway.caller.post("/sign", forge.sign_body("renew.test", csr=pem(make_csr("renew.test", key=key))))
    token = renew_token(owner.certificate, key, gateway.url)
    before = cloud.recorded()
    headers = {"Authorization": f"Bearer {token}"}
    answers = together([lambda: gateway.caller.post("/renew", b"", headers)] * 20)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert cloud.recorded() - before == {answers[0].certificate.serial_number}


def test_every_renewal_by_certificate_at_once_is_recorded(
    gateway: Gateway, forge: Forge, cloud: Cloud, folder: Path
) -> None:
    key = ec.generate_private_key(P256)
    body = forge.sign_body("renew.test", csr=pem(make_csr("renew.test", key=key)))
    owner = gateway.caller.post("/sign", body).certificate
    caller = gateway.caller.with_certificate(folder, Path(gateway.facts["root"]), [owner], key)
    before = cloud.recorded()
    answers = together([lambda: caller.post("/renew", b"")] * 10)
    assert {answer.status for answer in answers} == {201}
    assert cloud.recorded() - before == {answer.certificate.serial_number for answer in answers}


def test_a_revocation_asked_for_many_times_happens_once(gateway: Gateway, forge: Forge, cloud: Cloud) -> None:
    serial = gateway.caller.post("/sign", forge.sign_body("revoke.test")).certificate.serial_number
    same = forge.revoke_body(serial, reason="the same request")
    others = [forge.revoke_body(serial, reason=f"another request {number}") for number in range(10)]
    answers = together([lambda: gateway.caller.post("/revoke", same)] * 10)
    assert {answer.status for answer in answers} == {200}
    assert serial in cloud.revoked()
    answers = together([lambda body=body: gateway.caller.post("/revoke", body) for body in others])  # type: ignore[misc]  # each its own body
    assert {answer.status for answer in answers} == {400}
    assert {answer.message for answer in answers} == {
        f"The request could not be completed: certificate with serial number '{serial}' is already revoked."
    }
