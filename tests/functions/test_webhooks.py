"""POST /sign where the provisioner has webhooks: what the function answers, hands on, shows and logs."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.webhooks import webhook_document
from tests.functions.support.authority import MotoAuthority
from tests.functions.support.events import Client
from tests.support.forge import make_csr, pem
from tests.support.https import Answer
from tests.support.provider_server import Behaviour, ProviderServer, answer, document, hangs_up, running, silent
from tests.support.refusal import check_refusal
from tests.support.secret_list import SECRETS

# Of the function's own 25.
MOST_SECONDS = 12.0
FORBIDDEN = "The request was forbidden by the certificate authority: "
AGAIN = "; please try again later"
ALLOWED = document({"allow": True, "data": {"ou": "Eng"}})
TEMPLATE = """{
  "subject": {"commonName": {{ toJson .Subject.CommonName }}, "organizationalUnit": {{ toJson .Webhooks.people.ou }}},
  "sans": {{ toJson .SANs }}
}"""
HIDDEN = [SECRETS.note(base64.b64encode(secrets.token_bytes(32)).decode()), SECRETS.note(secrets.token_hex(32))]


@pytest.fixture(scope="module")
def server() -> Iterator[ProviderServer]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def hooked(authority: MotoAuthority, server: ProviderServer) -> str:
    """The name of a provisioner that asks the server twice for each certificate."""
    admin, wiring = authority.wiring.source_authority().provisioners[0].document, authority.wiring
    secret, bearer = HIDDEN
    hooks = [
        webhook_document(url=f"{server.url}/people", secret=secret, bearerToken=bearer),
        webhook_document("gate", url=f"{server.url}/gate", secret=secret, kind="AUTHORIZING"),
    ]
    options = {"x509": {"template": TEMPLATE}, "webhooks": hooks}
    added = {"type": "JWK", "name": "hooked", "key": admin["key"], "options": options}
    wiring.settings_store.add_provisioner(wiring.source_authority(), added, "id-hooked")
    return "hooked"


@pytest.fixture
def client(authority: MotoAuthority, server: ProviderServer, hooked: str) -> Client:
    """A function whose provisioner's webhooks allow everything."""
    assert hooked
    server.behaviours |= {"/people": ALLOWED, "/gate": ALLOWED}
    for seen in (server.asked, server.heads, server.bodies):
        seen.clear()
    return authority.client("issue")


def body_of(authority: MotoAuthority) -> dict[str, Any]:
    return {"csr": pem(make_csr("a.test")), "ott": SECRETS.note(authority.forge.token("a.test", iss="hooked"))}


def sign(authority: MotoAuthority, client: Client) -> Answer:
    return client.call("POST", "/sign", body_of(authority), {"X-Request-Id": "req-of-the-client"})


def test_webhooks_are_asked_and_their_data_is_used(
    authority: MotoAuthority, client: Client, server: ProviderServer
) -> None:
    issued = sign(authority, client)
    assert issued.status == 201, issued.body
    assert issued.certificate.subject.rfc4514_string() == "CN=a.test,OU=Eng"
    assert server.asked == ["/people", "/gate"]
    assert all("X-Request-Id: req-of-the-client\r\n" in f"{head}\r\n" for head in server.heads)
    request, certificate = map(json.loads, server.bodies)
    assert request["x509CertificateRequest"]["subject"] == {"commonName": "a.test"}
    assert certificate["x509Certificate"]["subject"] == {"commonName": "a.test", "organizationalUnit": ["Eng"]}
    assert authority.forge.url.encode() not in b"".join(server.bodies), "of the token nothing is sent"


def test_the_same_request_again_asks_again_and_gets_the_same(
    authority: MotoAuthority, client: Client, server: ProviderServer
) -> None:
    body = body_of(authority)
    first, second = (client.call("POST", "/sign", body) for _ in range(2))
    assert first.certificate == second.certificate
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("path", "said", "text"),
    [
        ("/people", {"allow": False}, "webhook server did not allow request."),
        ("/people", {"allow": False, "error": {"code": "e7", "message": "not today, é"}}, "not today, é (e7)."),
        ("/people", {}, "webhook server did not allow request."),
        ("/gate", {"allow": False, "error": {"code": "e7", "message": "not today"}}, "error creating certificate."),
    ],
)
def test_a_refusal_is_told_as_step_ca_tells_it(
    authority: MotoAuthority, client: Client, server: ProviderServer, path: str, said: object, text: str
) -> None:
    server.behaviours[path] = document(said)
    before, body = authority.counts(), body_of(authority)
    refused = client.call("POST", "/sign", body)
    check_refusal(refused, (403,))
    assert refused.json()["message"] == FORBIDDEN + text
    assert authority.counts() == before
    server.behaviours[path] = ALLOWED
    assert client.call("POST", "/sign", body).status == 201, "the token was not spent"


@pytest.mark.parametrize("path", ["/people", "/gate"])
@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        (answer(b"{}", "404 Not Found"), "answers with status 404"),
        (answer(b"<html>"), "answers with something that is not step's JSON"),
        pytest.param(hangs_up, "cannot be reached, or hangs up", marks=pytest.mark.slow),
        pytest.param(silent, "does not answer within 10 seconds", marks=pytest.mark.slow),
    ],
)
def test_a_webhook_that_fails_is_named_and_nothing_is_issued(
    authority: MotoAuthority, client: Client, server: ProviderServer, path: str, behaviour: Behaviour, text: str
) -> None:
    server.behaviours[path] = behaviour
    before, started = authority.counts(), time.monotonic()
    refused = sign(authority, client)
    check_refusal(refused, (503,))
    assert time.monotonic() - started < MOST_SECONDS
    assert refused.headers["retry-after"] == "10"
    name = path.removeprefix("/")
    assert refused.json()["message"] == f"webhook '{name}' of provisioner 'hooked' {text}{AGAIN}"
    assert authority.counts() == before
    assert client.call("POST", "/sign", authority.forge.sign_body("other.test")).status == 201


def test_secrets_are_neither_shown_nor_logged(
    authority: MotoAuthority, client: Client, server: ProviderServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.behaviours["/people"] = answer(b"{}", "404 Not Found")
    check_refusal(sign(authority, client), (503,))
    server.behaviours["/people"] = ALLOWED
    assert sign(authority, client).status == 201
    listed = authority.client("ca_info").call("GET", "/provisioners")
    hooks = {entry["name"]: entry for entry in listed.json()["provisioners"]}["hooked"]["options"]["webhooks"]
    assert [hook["name"] for hook in hooks] == ["people", "gate"]
    assert set().union(*hooks) == {"id", "name", "url", "kind", "certType"}
    logged = "\n".join(str(vars(record)) for record in caplog.records)
    assert "webhook 'people' of provisioner" in logged
    for secret in HIDDEN:
        assert secret not in listed.body.decode() + logged
