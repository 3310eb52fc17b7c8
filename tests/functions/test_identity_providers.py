"""POST /sign with an identity provider's token: what the function does while the provider works, and while it fails."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509

from tests.contract.support.loopback import nobody
from tests.fakes.identity_provider import IdentityProvider
from tests.functions.support.authority import MotoAuthority
from tests.functions.support.events import Client
from tests.support.forge import make_csr, now_seconds, pem
from tests.support.https import Answer
from tests.support.provider_server import (
    DISCOVERY,
    Behaviour,
    Endless,
    ProviderServer,
    answer,
    dripping,
    running,
    silent,
)
from tests.support.refusal import check_refusal
from tests.support.secret_list import SECRETS

MOST_SECONDS = 10.0
IDP = IdentityProvider()


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderServer]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def people(authority: MotoAuthority, provider: ProviderServer) -> IdentityProvider:
    """The provider, which the authority knows as `people`."""
    people = replace(IDP, issuer=provider.url)
    _add(authority, "people", {**people.document, "admins": ["ops"]})
    return people


def _add(authority: MotoAuthority, name: str, document: dict[str, Any]) -> None:
    wiring = authority.wiring
    wiring.settings_store.add_provisioner(wiring.source_authority(), {**document, "name": name}, f"id-{name}")


@pytest.fixture
def client(authority: MotoAuthority, people: IdentityProvider, provider: ProviderServer) -> Client:
    """A function that has not asked the provider yet, which works."""
    provider.publish(people)
    provider.asked.clear()
    return authority.client("issue")


def token(people: IdentityProvider, **changes: Any) -> str:
    at = now_seconds()
    return SECRETS.note(people.token(iat=at, exp=at + 36_000, **changes))


def sign(client: Client, ott: str, common_name: str = "wanted.test") -> Answer:
    return client.call("POST", "/sign", {"csr": pem(make_csr(common_name)), "ott": ott})


def names(certificate: x509.Certificate) -> list[str]:
    return [name.value for name in certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]


def test_a_person_gets_a_certificate_for_who_they_are(client: Client, people: IdentityProvider) -> None:
    issued = sign(client, token(people))
    assert issued.status == 201, issued.body
    assert issued.certificate.subject.rfc4514_string() == "CN=1154"
    assert names(issued.certificate) == ["mike@x.example", f"{people.issuer}#1154"]


def test_an_administrator_gets_a_certificate_for_what_they_ask_for(client: Client, people: IdentityProvider) -> None:
    issued = sign(client, token(people, groups=["ops"]))
    assert issued.status == 201, issued.body
    assert names(issued.certificate) == ["wanted.test"]


def test_a_warm_function_does_not_ask_again(client: Client, people: IdentityProvider, provider: ProviderServer) -> None:
    for _ in range(3):
        assert sign(client, token(people)).status == 201
    assert len(provider.asked) == 2


def test_a_token_is_spent_once(client: Client, people: IdentityProvider) -> None:
    ott = token(people)
    assert sign(client, ott).status == 201
    check_refusal(sign(client, ott), (401,))


@pytest.mark.parametrize("changes", [{"aud": "other"}, {"azp": "other"}, {"exp": 1}, {"iat": None}], ids=str)
def test_garbage_is_refused_without_a_call(
    client: Client, people: IdentityProvider, provider: ProviderServer, changes: dict[str, Any]
) -> None:
    ott = SECRETS.note(people.token(**{"iat": now_seconds(), "exp": now_seconds() + 60, **changes}))
    check_refusal(sign(client, ott), (401,))
    assert provider.asked == []


@pytest.mark.parametrize("changes", [{"iss": "https://evil.test"}, {"sub": ""}, {"email": "a b@x"}], ids=str)
def test_a_token_that_does_not_do_is_refused(
    authority: MotoAuthority, client: Client, people: IdentityProvider, changes: dict[str, Any]
) -> None:
    before = authority.counts()
    check_refusal(sign(client, token(people, **changes)), (400, 401))
    assert authority.counts() == before


def test_a_token_of_a_stranger_is_refused(client: Client, people: IdentityProvider) -> None:
    stranger = replace(IdentityProvider(), issuer=people.issuer)
    check_refusal(sign(client, token(stranger)), (401,))
    lying = SECRETS.note(stranger.sign(stranger.claims(iat=now_seconds(), exp=now_seconds() + 60), kid=people.key_id))
    check_refusal(sign(client, lying), (401,))


FAILURES: dict[str, tuple[Behaviour, str]] = {
    "500": (answer(b"{}", "500 Internal Server Error"), "answers with status 500"),
    "html": (answer(b"<html>"), "answers with something that is not a JSON object"),
    "100-mb": (Endless(), "answers with more than 1048576 bytes"),
    "redirect": (answer(b"", "302 Found", Location="http://127.0.0.1:1/"), "answers with status 302"),
}


def check_away(outcome: Answer, text: str) -> None:
    assert outcome.status == 503, outcome.body
    assert outcome.headers["retry-after"] == "10"
    message = f"the identity provider of provisioner 'people' {text}; please try again later"
    assert outcome.json() == {"status": 503, "message": message}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_provider_that_fails_is_named_and_all_others_go_on(
    authority: MotoAuthority, client: Client, people: IdentityProvider, provider: ProviderServer, failure: str
) -> None:
    behaviour, text = FAILURES[failure]
    provider.behaviours[DISCOVERY] = behaviour
    before = authority.counts()
    check_away(sign(client, token(people)), text)
    assert authority.counts() == before
    assert client.call("POST", "/sign", authority.forge.sign_body("other.test")).status == 201


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", [silent, dripping(b"HTTP/1.1 200 OK\r\nX: ")], ids=["silent", "dripping"])
def test_a_provider_that_does_not_answer_does_not_hold_the_request_up(
    client: Client, people: IdentityProvider, provider: ProviderServer, behaviour: Behaviour
) -> None:
    provider.behaviours[DISCOVERY] = behaviour
    started = time.monotonic()
    check_away(sign(client, token(people)), "does not answer within 5 seconds")
    assert time.monotonic() - started < MOST_SECONDS
    again = time.monotonic()
    check_away(sign(client, token(people)), "does not answer within 5 seconds")
    assert time.monotonic() - again < 1


def test_a_request_succeeds_when_it_is_sent_again_to_a_function_that_reaches_the_provider(
    authority: MotoAuthority, client: Client, people: IdentityProvider, provider: ProviderServer
) -> None:
    body = {"csr": pem(make_csr("again.test")), "ott": token(people)}
    provider.behaviours[DISCOVERY] = answer(b"{}", "500 Internal Server Error")
    assert client.call("POST", "/sign", body).status == 503
    provider.publish(people)
    assert authority.client("issue").call("POST", "/sign", body).status == 201


def test_the_list_of_provisioners_does_not_need_the_providers(authority: MotoAuthority) -> None:
    with nobody() as url:
        away = IdentityProvider(issuer=url, client_id="away")
        _add(authority, "away", {**away.document, "clientSecret": None, "listenAddress": ":10000"})
        listed = authority.client("ca_info").call("GET", "/provisioners?limit=100").json()["provisioners"]
    (shown,) = (entry for entry in listed if entry["name"] == "away")
    assert shown == {**away.document, "name": "away", "clientSecret": "", "listenAddress": ":10000"}


def test_revoking_asks_the_provider_too_and_takes_only_administrators(
    authority: MotoAuthority, people: IdentityProvider, provider: ProviderServer
) -> None:
    provider.publish(people)
    serial = str(authority.issue("revoked.test").certificate.serial_number)
    revoke = authority.client("revoke")
    body = {"serial": serial, "passive": True}
    check_refusal(revoke.call("POST", "/revoke", {**body, "ott": token(people, sub=serial)}), (401,))
    check_refusal(revoke.call("POST", "/revoke", {**body, "ott": token(people, groups=["ops"])}), (403,))
    ott = token(people, groups=["ops"], sub=serial)
    assert revoke.call("POST", "/revoke", {**body, "ott": ott}).status == 200
    provider.behaviours[DISCOVERY] = answer(b"{}", "500 Internal Server Error")
    check_away(
        authority.client("revoke").call("POST", "/revoke", {**body, "ott": token(people, groups=["ops"], sub="1")}),
        "answers with status 500",
    )
