"""Conformance rows 31 to 35: passive revocation, by the real client."""

import json
import secrets

import pytest

from tests.interop.support.http_client import Caller
from tests.interop.support.recording_proxy import Proxy
from tests.interop.support.step_client import StepClient, read_leaf

UNAUTHORIZED = "The request lacked necessary authorization to be completed."
REFUSED = "The request could not be completed: "


def _unused_serial() -> int:
    return secrets.randbits(127) + 1


def test_second_revocation_is_refused_when_serial_is_revoked(client: StepClient) -> None:
    """Row 31."""
    chain, _ = client.obtain("v.test", "v")
    serial = read_leaf(chain).serial_number
    outcome = client.revoke(serial).succeed()
    assert f"Certificate with Serial Number {serial} has been revoked." in outcome.stderr
    again = client.revoke(serial).refuse()
    text = f"{REFUSED}certificate with serial number '{serial}' is already revoked."
    assert text in again.stderr


def test_unknown_serial_is_revoked_when_token_is_good(client: StepClient) -> None:
    """Row 31: a serial the authority never issued is recorded too."""
    serial = _unused_serial()
    client.revoke(serial).succeed()
    assert "is already revoked." in client.revoke(serial).refuse().stderr


@pytest.mark.parametrize(
    "flags",
    [pytest.param((), id="fail/mutual-TLS"), pytest.param(("--mtls=false",), id="fail/token")],
)
def test_renewal_is_refused_when_certificate_is_revoked(client: StepClient, flags: tuple[str, ...]) -> None:
    """Row 32."""
    chain, key = client.obtain("v.test", "v")
    client.revoke(read_leaf(chain).serial_number).succeed()
    old = chain.read_bytes()
    outcome = client.step("ca", "renew", "--force", *flags, chain, key).refuse()
    assert UNAUTHORIZED in outcome.stderr
    assert chain.read_bytes() == old


def test_rekey_is_refused_when_certificate_is_revoked(client: StepClient) -> None:
    """Row 32, for a new key."""
    chain, key = client.obtain("v.test", "v")
    client.revoke(read_leaf(chain).serial_number).succeed()
    assert UNAUTHORIZED in client.step("ca", "rekey", "--force", chain, key).refuse().stderr


def test_certificate_revokes_itself_when_its_key_is_shown(client: StepClient) -> None:
    """Row 33."""
    chain, key = client.obtain("v.test", "v")
    serial = read_leaf(chain).serial_number
    outcome = client.step("ca", "revoke", "--cert", chain, "--key", key).succeed()
    assert f"Certificate with Serial Number {serial} has been revoked." in outcome.stderr
    assert "is already revoked." in client.revoke(serial).refuse().stderr


def test_revocation_is_refused_when_no_credential_arrives(client: StepClient, proxy: Proxy) -> None:
    """Row 33, through an endpoint without client TLS."""
    chain, key = client.obtain("v.test", "v")
    command = ("ca", "revoke", "--cert", chain, "--key", key, "--ca-url", proxy.url)
    outcome = client.step(*command).refuse()
    assert f"{REFUSED}missing ott or client certificate." in outcome.stderr
    client.revoke(read_leaf(chain).serial_number).succeed()


def test_certificate_cannot_revoke_another_when_serials_differ(client: StepClient) -> None:
    """Row 33, raw."""
    chain, key = client.obtain("v.test", "v")
    own, other = read_leaf(chain).serial_number, _unused_serial()
    body = {"serial": str(other), "passive": True}
    answer = Caller(client.authority, chain, key).post("/revoke", body)
    assert answer.status == 403
    assert answer.message == (
        "The request was forbidden by the certificate authority: request serial number"
        f' "{other}" and certificate serial number "{own}" do not match.'
    )


def test_serial_is_revoked_when_token_was_made_before(client: StepClient) -> None:
    """Row 34."""
    serial = _unused_serial()
    token = client.token(str(serial), "--revoke")
    client.step("ca", "revoke", "--token", token, str(serial)).succeed()


def test_revocation_is_refused_when_token_is_of_another_serial(client: StepClient, caller: Caller) -> None:
    """Row 34."""
    serial, other = _unused_serial(), _unused_serial()
    token = client.token(str(serial), "--revoke")
    answer = caller.post("/revoke", {"serial": str(other), "ott": token, "passive": True})
    assert answer.status == 403
    assert answer.message == (
        "The request was forbidden by the certificate authority: request serial number"
        f' "{other}" and token subject "{serial}" do not match.'
    )


def test_serial_and_reason_are_plain_when_given_as_hex_and_name(client: StepClient, proxy: Proxy) -> None:
    """Row 35."""
    serial = _unused_serial()
    flags = ("--reasonCode", "key compromise", "--reason", "lost", "--ca-url", proxy.url)
    outcome = client.revoke(hex(serial), *flags).succeed()
    assert f"Certificate with Serial Number {serial} has been revoked." in outcome.stderr
    sent = json.loads(proxy.requests[-1].body)
    assert (sent["serial"], sent["reasonCode"], sent["reason"]) == (str(serial), 1, "lost")
    assert "is already revoked." in client.revoke(serial).refuse().stderr


def test_serial_is_revoked_when_a_person_answers_the_prompts(client: StepClient) -> None:
    """Row 31, as typed: the picker offers the provisioners, then the password is asked."""
    serial = _unused_serial()
    password = client.authority.password_file.read_text().strip()
    answers = [("What provisioner key do you want to use", "\r"), ("decrypt", f"{password}\r")]
    screen = client.type("ca", "revoke", str(serial), answers=answers)
    assert f"Certificate with Serial Number {serial} has been revoked." in screen
