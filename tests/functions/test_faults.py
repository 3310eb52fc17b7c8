"""Something fails between any two steps: nothing leaves that is not on record, and the same request works again."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.support.authority import URL, MotoAuthority
from tests.functions.support.events import Client, make_event
from tests.functions.support.faults import Fail, Faults, denied, throttled, timed_out, unavailable, wiring_with
from tests.support.forge import renew_token
from tests.support.https import Answer

STEPS = ("settings", "read", "decryption", "signature", "transaction")
POINTS = [f"{when} {step}" for step in STEPS for when in ("before", "after")]
FAILURES: dict[str, Fail] = {
    "throttled": throttled(),
    "throttled-by-kms": throttled("ThrottlingException", "Decrypt"),
    "internal-error": throttled("InternalServerError"),
    "denied": denied,
    "timed-out": timed_out,
}
MakeEvent = Callable[[MotoAuthority, str], dict[str, Any]]


def sign_event(authority: MotoAuthority, name: str) -> dict[str, Any]:
    return make_event("POST", "/sign", authority.forge.sign_body(name))


def renew_by_token(authority: MotoAuthority, name: str) -> dict[str, Any]:
    owner = authority.issue(name)
    token = renew_token(owner.certificate, owner.key, URL)
    return make_event("POST", "/renew", headers={"Authorization": f"Bearer {token}"})


def renew_by_certificate(authority: MotoAuthority, name: str) -> dict[str, Any]:
    return make_event("POST", "/renew", certificate=authority.issue(name).certificate)


def rekey(authority: MotoAuthority, name: str) -> dict[str, Any]:
    owner = authority.issue(name)
    return make_event("POST", "/rekey", {"csr": owner.body["csr"]}, certificate=owner.certificate)


ONE_TIME: dict[str, tuple[str, MakeEvent]] = {
    "sign": ("issue", sign_event),
    "renew by token": ("renew", renew_by_token),
}
REPEATABLE: dict[str, tuple[str, MakeEvent]] = {
    "renew by certificate": ("renew", renew_by_certificate),
    "rekey": ("renew", rekey),
}
ALL = ONE_TIME | REPEATABLE


def failing(authority: MotoAuthority, folder: str, point: str, fail: Fail) -> tuple[Client, Faults]:
    """A cold environment in which one step fails once."""
    faults = Faults({point: [fail]})
    return authority.client(folder, wiring_with(faults)), faults


def check_unavailable(answer: Answer) -> None:
    assert answer.status == 503, answer.body
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json() == {"status": 503, "message": answer.message}
    assert "scratch-detail" not in answer.body.decode(), "a cause was shown"


def newest(authority: MotoAuthority, before: set[int]) -> set[int]:
    return authority.recorded() - before


@pytest.mark.parametrize("kind", ALL)
def test_the_steps_of_a_cold_request_are_the_ones_that_are_made_to_fail(kind: str, authority: MotoAuthority) -> None:
    folder, make = ALL[kind]
    faults = Faults()
    answer = authority.client(folder, wiring_with(faults)).deliver(make(authority, "steps.test"))
    assert answer.status == 201
    assert faults.reached == POINTS


@pytest.mark.parametrize("kind", ALL)
def test_a_warm_request_calls_aws_once(kind: str, authority: MotoAuthority) -> None:
    folder, make = ALL[kind]
    faults = Faults()
    client = authority.client(folder, wiring_with(faults))
    assert client.deliver(make(authority, "first.test")).status == 201
    faults.reached.clear()
    assert client.deliver(make(authority, "second.test")).status == 201
    assert faults.reached == [f"{when} {step}" for step in STEPS[-2:] for when in ("before", "after")]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("kind", ALL)
def test_nothing_unrecorded_leaves_and_a_repeat_works_when_a_step_fails(
    kind: str, point: str, authority: MotoAuthority
) -> None:
    folder, make = ALL[kind]
    event = make(authority, "fault.test")
    before = authority.recorded()
    client, faults = failing(authority, folder, point, unavailable if "signature" in point else timed_out)

    check_unavailable(client.deliver(event))

    assert point in faults.reached
    authority.check_books()
    recorded = newest(authority, before)
    assert len(recorded) == (1 if point == "after transaction" else 0)
    repeat = client.deliver(event)
    assert repeat.status == 201, repeat.body
    authority.check_books(repeat)
    if kind in ONE_TIME:
        assert newest(authority, before) == {repeat.certificate.serial_number}
        assert recorded <= {repeat.certificate.serial_number}, "the repeat got another certificate"


class Killed(BaseException):
    """The process ends here: no code of ours runs any more, and nobody gets an answer."""


def killed() -> None:
    raise Killed


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("kind", ONE_TIME)
def test_a_repeat_elsewhere_works_when_the_function_was_killed(kind: str, point: str, authority: MotoAuthority) -> None:
    folder, make = ONE_TIME[kind]
    event = make(authority, "killed.test")
    before = authority.recorded()
    client, _ = failing(authority, folder, point, killed)

    assert client.deliver(event).status == 500  # mangum's word for it; on Lambda there would be none

    authority.check_books()
    recorded = newest(authority, before)
    assert len(recorded) == (1 if point == "after transaction" else 0)
    repeat = authority.client(folder).deliver(event)
    authority.check_books(repeat)
    assert newest(authority, before) == {repeat.certificate.serial_number}
    assert recorded <= {repeat.certificate.serial_number}, "the repeat got another certificate"


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("step", [step for step in STEPS if step != "signature"])
def test_every_way_to_fail_is_answered_with_come_again(step: str, failure: str, authority: MotoAuthority) -> None:
    event = sign_event(authority, "failure.test")
    client, _ = failing(authority, "issue", f"before {step}", FAILURES[failure])
    check_unavailable(client.deliver(event))
    authority.check_books()
    assert client.deliver(event).status == 201


@pytest.mark.parametrize("kind", ONE_TIME)
def test_a_step_that_fails_again_and_again_burns_nothing(kind: str, authority: MotoAuthority) -> None:
    folder, make = ONE_TIME[kind]
    event = make(authority, "again.test")
    before, spent = authority.recorded(), authority.spent()
    faults = Faults({"before transaction": [timed_out] * 3, "before decryption": [denied] * 3})
    client = authority.client(folder, wiring_with(faults))
    for _ in range(6):
        check_unavailable(client.deliver(event))
    assert (authority.recorded(), authority.spent()) == (before, spent)
    assert client.deliver(event).status == 201


@pytest.mark.parametrize("kind", ONE_TIME)
def test_the_same_event_delivered_twice_gives_the_same_certificate(kind: str, authority: MotoAuthority) -> None:
    folder, make = ONE_TIME[kind]
    event = make(authority, "twice.test")
    before = authority.recorded()
    warm = authority.warm(folder)
    answers = [warm.deliver(event), warm.deliver(event), authority.client(folder).deliver(event)]
    assert [answer.status for answer in answers] == [201] * 3
    assert len({answer.json()["crt"] for answer in answers}) == 1
    assert newest(authority, before) == {answers[0].certificate.serial_number}


@pytest.mark.parametrize("kind", REPEATABLE)
def test_the_same_event_delivered_twice_gives_recorded_certificates(kind: str, authority: MotoAuthority) -> None:
    """A client certificate may renew as often as it likes: nothing marks a repetition, and each one counts."""
    folder, make = REPEATABLE[kind]
    event = make(authority, "twice.test")
    before = authority.recorded()
    answers = [authority.warm(folder).deliver(event) for _ in range(2)]
    serials = {answer.certificate.serial_number for answer in answers}
    assert newest(authority, before) == serials


def test_another_request_with_a_token_that_timed_out_after_its_write_is_refused(authority: MotoAuthority) -> None:
    body = authority.forge.sign_body("other.test")
    client, _ = failing(authority, "issue", "after transaction", timed_out)
    check_unavailable(client.call("POST", "/sign", body))
    other = {**body, "csr": authority.forge.sign_body("other.test")["csr"]}
    assert client.call("POST", "/sign", other).status == 401
    assert client.call("POST", "/sign", body).status == 201


def test_revoking_by_token_works_again_when_the_answer_of_the_write_was_lost(authority: MotoAuthority) -> None:
    body = authority.forge.revoke_body(authority.issue("revoked.test").certificate.serial_number)
    client, _ = failing(authority, "revoke", "after transaction", timed_out)
    check_unavailable(client.call("POST", "/revoke", body))
    assert client.call("POST", "/revoke", body).status == 200


@pytest.mark.parametrize("point", ["before settings", "after settings", "before transaction"])
def test_revoking_by_certificate_works_again_when_a_step_failed(point: str, authority: MotoAuthority) -> None:
    certificate = authority.issue("revoked.test").certificate
    body = {"serial": str(certificate.serial_number), "passive": True}
    client, _ = failing(authority, "revoke", point, timed_out)
    check_unavailable(client.call("POST", "/revoke", body, certificate=certificate))
    assert client.call("POST", "/revoke", body, certificate=certificate).status == 200


def test_information_is_back_when_settings_can_be_read_again(authority: MotoAuthority) -> None:
    client, _ = failing(authority, "ca_info", "before settings", timed_out)
    check_unavailable(client.call("GET", "/provisioners"))
    assert client.call("GET", "/provisioners").status == 200
