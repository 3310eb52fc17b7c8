from typing import Any

import pytest

from stepless.domain.certificate import MAX_REASON_TEXT, ReasonCode, Revocation
from stepless.errors import (
    AlreadyRevoked,
    CAError,
    Forbidden,
    MalformedRequest,
    NotSupported,
    Unauthenticated,
    Unavailable,
)
from tests.fakes.clock import NOW
from tests.fakes.deployment import Deployment
from tests.fakes.ephemeral_ca import make_ca, sign_leaf
from tests.fakes.faults import Faults
from tests.fakes.private_keys import p256
from tests.fakes.tokens import HOST, JWKTokens

SECOND = NOW.replace(microsecond=0)


@pytest.fixture
def ca() -> Deployment:
    return Deployment()


def revoke_token(ca: Deployment, serial: int | str, **changes: object) -> str:
    return ca.admin.token(str(serial), "revoke", **changes)


def test_a_token_revokes_the_certificate_that_it_names(ca: Deployment) -> None:
    serial = ca.leaf().serial_number
    assert ca.revoke(serial, revoke_token(ca, serial), reason_code=1, reason="key leaked") == serial
    record = ca.certificates.get(serial)
    assert record is not None
    assert record.revocation == Revocation(SECOND, ReasonCode.KEY_COMPROMISE, "key leaked", "admin")


def test_an_x5c_token_revokes_too(ca: Deployment) -> None:
    serial = ca.leaf().serial_number
    ca.revoke(serial, ca.clients.token(str(serial), "revoke"))
    assert ca.certificates.revocations[serial].revoked_by == "clients"


def test_a_certificate_revokes_itself(ca: Deployment) -> None:
    leaf = ca.leaf()
    ca.revoke(leaf.serial_number, certificate=leaf)
    assert ca.certificates.revocations[leaf.serial_number].revoked_by == "certificate"


def test_a_serial_that_nobody_knows_is_recorded(ca: Deployment) -> None:
    assert ca.revoke("12345", revoke_token(ca, 12345)) == 12345
    assert ca.certificates.get(12345) is None
    assert 12345 in ca.certificates.revocations


def test_a_serial_may_be_written_in_hexadecimal_but_the_token_names_it_in_decimal(ca: Deployment) -> None:
    assert ca.revoke("0xff", revoke_token(ca, 255)) == 255
    with pytest.raises(Forbidden, match='request serial number "254" and token subject "0xfe" do not match'):
        ca.revoke("0xfe", revoke_token(ca, "0xfe"))


@pytest.mark.parametrize(
    ("kind", "text", "serial", "changes"),
    [
        pytest.param(MalformedRequest, "missing serial", "", {}, id="fail/no-serial"),
        pytest.param(MalformedRequest, "not a valid serial", "ff", {}, id="fail/bare-hexadecimal"),
        pytest.param(MalformedRequest, "out of bounds", "1", {"reason_code": 11}, id="fail/reason-code"),
        pytest.param(MalformedRequest, "longer", "1", {"reason": "x" * (MAX_REASON_TEXT + 1)}, id="fail/long-reason"),
        pytest.param(NotSupported, "active", "1", {"passive": False}, id="fail/active"),
        pytest.param(MalformedRequest, "^missing ott or client certificate$", "1", {}, id="fail/no-proof"),
    ],
)
def test_refuses_a_request_that_is_wrong_in_itself(
    ca: Deployment, kind: type[CAError], text: str, serial: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(kind, match=text):
        ca.revoke(serial, **changes)
    assert ca.certificates.revocations == {}


def test_the_reason_may_be_as_long_as_the_limit(ca: Deployment) -> None:
    ca.revoke(1, revoke_token(ca, 1), reason="x" * MAX_REASON_TEXT)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": f"https://{HOST}/1.0/sign"}, id="fail/sign-audience"),
        pytest.param({"aud": "https://other.example/revoke"}, id="fail/other-host"),
        pytest.param({"iss": "other"}, id="fail/issuer"),
        pytest.param({"exp": 1}, id="fail/expired"),
        pytest.param({"exp": None}, id="fail/no-expiry"),
        pytest.param({"sub": None}, id="fail/no-subject"),
    ],
)
def test_refuses_a_token_that_does_not_hold(ca: Deployment, changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        ca.revoke(1, revoke_token(ca, 1, **changes))
    assert ca.certificates.revocations == {}


def test_refuses_the_token_of_a_stranger(ca: Deployment) -> None:
    with pytest.raises(Unauthenticated):
        ca.revoke(1, JWKTokens().token("1", "revoke"))


def test_refuses_a_token_for_another_serial_and_does_not_spend_it(ca: Deployment) -> None:
    token = revoke_token(ca, 2)
    with pytest.raises(Forbidden, match='request serial number "1" and token subject "2" do not match'):
        ca.revoke(1, token)
    assert ca.revoke(2, token) == 2


def test_refuses_a_certificate_for_another_serial(ca: Deployment) -> None:
    leaf, victim = ca.leaf(), ca.leaf().serial_number
    with pytest.raises(
        Forbidden,
        match=f'request serial number "{victim}" and certificate serial number "{leaf.serial_number}" do not match',
    ):
        ca.revoke(victim, certificate=leaf)


def test_refuses_a_certificate_of_another_authority(ca: Deployment) -> None:
    other = sign_leaf(make_ca("Ephemeral").issuing, p256())
    with pytest.raises(Unauthenticated, match="not issued by this authority"):
        ca.revoke(other.serial_number, certificate=other)


@pytest.mark.parametrize("hours", [-1, 25], ids=["fail/not-yet-valid", "fail/expired"])
def test_refuses_a_certificate_outside_of_its_dates(ca: Deployment, hours: int) -> None:
    leaf = ca.leaf()
    ca.later(hours=hours)
    with pytest.raises(Unauthenticated, match="not valid now"):
        ca.revoke(leaf.serial_number, certificate=leaf)


def test_the_token_counts_when_there_is_a_certificate_too(ca: Deployment) -> None:
    leaf = ca.leaf()
    with pytest.raises(Forbidden, match="token subject"):
        ca.revoke(leaf.serial_number, revoke_token(ca, 1), leaf)


def test_the_first_revocation_stands(ca: Deployment) -> None:
    leaf = ca.leaf()
    ca.revoke(leaf.serial_number, revoke_token(ca, leaf.serial_number), reason_code=4)
    ca.later(minutes=1)
    with pytest.raises(AlreadyRevoked, match=f"serial number '{leaf.serial_number}' is already revoked"):
        ca.revoke(leaf.serial_number, revoke_token(ca, leaf.serial_number), reason_code=1)
    with pytest.raises(AlreadyRevoked):
        ca.revoke(leaf.serial_number, certificate=leaf)
    assert ca.certificates.revocations[leaf.serial_number].reason is ReasonCode.SUPERSEDED


def test_the_very_same_request_succeeds_again(ca: Deployment) -> None:
    token = revoke_token(ca, 7)
    ca.revoke(7, token, reason="lost")
    assert ca.revoke("0x7", token, reason="lost") == 7
    with pytest.raises(Unauthenticated, match="used before"):
        ca.revoke(7, token, reason="stolen")
    assert ca.certificates.revocations[7].reason_text == "lost"


def test_a_token_that_was_refused_because_of_the_first_revocation_is_not_spent(ca: Deployment) -> None:
    ca.revoke(7, revoke_token(ca, 7))
    spent = dict(ca.certificates.spent)
    with pytest.raises(AlreadyRevoked):
        ca.revoke(7, revoke_token(ca, 7))
    assert ca.certificates.spent == spent


@pytest.mark.parametrize("moment", [0, 1], ids=["before-the-write", "answer-lost-after-the-write"])
def test_a_request_can_be_sent_again_after_an_outage(moment: int) -> None:
    ca = Deployment(faults=Faults(at=moment))
    token = revoke_token(ca, 7)
    with pytest.raises(Unavailable):
        ca.revoke(7, token)
    assert ca.revoke(7, token) == 7
