"""Conformance rows 16 to 18 and 40: what the client would never send, and plain curl."""

import json

import pytest

from tests.interop.support.authority import Authority
from tests.interop.support.http_client import Caller
from tests.interop.support.process import Outcome, find_program, run
from tests.interop.support.requests_for import dns, make_request, pem
from tests.interop.support.step_client import StepClient

REFUSED = "The request could not be completed: "


def test_request_is_refused_when_token_is_bound_to_another(client: StepClient, caller: Caller) -> None:
    """Row 16."""
    client.path("s.csr").write_text(pem(make_request("s.test", dns("s.test"))))
    token = client.token("s.test", "--cnf-file", "s.csr")
    other = pem(make_request("s.test", dns("s.test")))
    answer = caller.post("/sign", {"csr": other, "ott": token})
    assert answer.status == 403
    text = "The request was forbidden by the certificate authority: certificate request fingerprint"
    assert answer.message.startswith(f'{text} does not match "')


def test_request_is_refused_when_it_names_more_than_its_token(client: StepClient, caller: Caller) -> None:
    """Row 17."""
    token = client.token("a.test")
    request = pem(make_request("a.test", dns("a.test", "b.test")))
    answer = caller.post("/sign", {"csr": request, "ott": token})
    assert answer.status == 403
    assert answer.message == (
        "The request was forbidden by the certificate authority: certificate request does not"
        " contain the valid DNS names - got [a.test b.test], want [a.test]."
    )


@pytest.mark.parametrize("prefix", ["", "/1.0"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"{}", "missing csr.", id="fail/empty-object"),
        pytest.param(b"not json", "error decoding json.", id="fail/not-json"),
    ],
)
def test_sign_is_refused_when_body_is_useless(caller: Caller, prefix: str, body: bytes, message: str) -> None:
    """Row 18."""
    answer = caller.post(f"{prefix}/sign", body)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"status": 400, "message": REFUSED + message}


def _curl(client: StepClient, *arguments: str) -> Outcome:
    command = [find_program("curl"), "-sS", "--max-time", "20"]
    trusted = ("--cacert", client.authority.root)
    return run([*command, *trusted, *arguments], cwd=client.directory).succeed()


def test_health_answers_head_when_curl_asks(client: StepClient, authority: Authority) -> None:
    """Row 40."""
    lines = _curl(client, "-I", f"{authority.url}/health").stdout.splitlines()
    assert lines[0].split()[1] == "200"


def test_version_is_json_when_curl_asks(client: StepClient, authority: Authority) -> None:
    """Row 40."""
    document = json.loads(_curl(client, f"{authority.url}/1.0/version").stdout)
    assert document["version"]


@pytest.mark.parametrize("path", ["/roots.pem", "/intermediates.pem"])
def test_certificates_are_pem_when_curl_asks(client: StepClient, authority: Authority, path: str) -> None:
    """Row 40."""
    outcome = _curl(client, "-w", "\n%{http_code} %{content_type}", authority.url + path)
    body, _, status = outcome.stdout.rpartition("\n")
    assert status == "200 application/x-pem-file"
    assert body.startswith("-----BEGIN CERTIFICATE-----\n")
    if path == "/roots.pem":
        assert body.strip() == authority.root.read_text().strip()
