"""Instances of AWS, with tokens as `step` makes them there: their metadata service is not on this machine."""

import secrets

import pytest

from tests.interop.support import amazon
from tests.interop.support import certificate_facts as take
from tests.interop.support.process import Outcome
from tests.interop.support.step_client import StepClient, read_leaf

UNAUTHORIZED = "The request lacked necessary authorization to be completed."
OWN = "ip-10-1-2-3.eu-west-1.compute.internal"


@pytest.fixture
def instance() -> str:
    """Return an instance that nobody knows yet."""
    return f"i-{secrets.token_hex(8)}"


def _obtain(client: StepClient, token: str, subject: str, *flags: str) -> Outcome:
    return client.step("ca", "certificate", subject, "i.crt", "i.key", "--force", "--token", token, *flags)


def test_certificate_is_for_what_the_instance_asks_for_first(client: StepClient, instance: str) -> None:
    token = amazon.token(client.authority.url, "vm.test", instance)
    _obtain(client, token, "vm.test", "--san", "vm.test", "--san", "10.0.0.1").succeed()
    leaf = read_leaf(client.path("i.crt"))
    assert leaf.subject.rfc4514_string() == "CN=vm.test"
    assert set(take.names(leaf)) == {("DNSName", "vm.test"), ("IPAddress", "10.0.0.1")}
    stamped = take.provisioner_extension(leaf)
    assert (stamped.kind, stamped.name, stamped.credential_id) == (4, "amazon", amazon.ACCOUNT)
    details = b"".join(bytes([0x13, len(text)]) + text for text in (b"InstanceID", instance.encode()))
    assert stamped.rest == bytes([0x30, len(details)]) + details


def test_instance_gets_no_second_certificate(client: StepClient, instance: str) -> None:
    for subject, allowed in (("vm.test", True), ("vm.test", False), ("other.test", False)):
        outcome = _obtain(client, amazon.token(client.authority.url, subject, instance), subject, "--san", subject)
        if allowed:
            outcome.succeed()
        else:
            assert UNAUTHORIZED in outcome.refuse().stderr


def test_certificate_is_for_the_instances_own_names_when_others_are_off(client: StepClient, instance: str) -> None:
    url = client.authority.url
    refused = amazon.token(url, "vm.test", instance, "amazon-own")
    assert UNAUTHORIZED in _obtain(client, refused, "vm.test", "--san", "vm.test").refuse().stderr
    token = amazon.token(url, instance, instance, "amazon-own")
    outcome = _obtain(client, token, instance, "--san", "evil.test").refuse()
    assert "The request was forbidden by the certificate authority" in outcome.stderr


def test_certificate_has_all_of_the_instances_own_names(client: StepClient, instance: str) -> None:
    token = amazon.token(client.authority.url, OWN, instance, "amazon-own")
    _obtain(client, token, OWN, "--san", OWN).succeed()
    leaf = read_leaf(client.path("i.crt"))
    assert leaf.subject.rfc4514_string() == f"CN={OWN}"
    assert set(take.names(leaf)) == {("DNSName", OWN), ("IPAddress", "10.1.2.3")}


def test_certificate_is_renewed(client: StepClient, instance: str) -> None:
    token = amazon.token(client.authority.url, "vm.test", instance)
    _obtain(client, token, "vm.test", "--san", "vm.test").succeed()
    client.step("ca", "renew", "--force", "i.crt", "i.key").succeed()
    assert set(take.names(read_leaf(client.path("i.crt")))) == {("DNSName", "vm.test")}


def test_instance_of_another_account_is_refused(client: StepClient, instance: str) -> None:
    token = amazon.token(client.authority.url, "vm.test", instance, account="210987654321")
    assert UNAUTHORIZED in _obtain(client, token, "vm.test", "--san", "vm.test").refuse().stderr
