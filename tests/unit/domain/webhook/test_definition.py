"""Webhooks in a provisioner's document."""

import base64
from typing import Any

import pytest

from stepless.domain.claims import Claims
from stepless.domain.provisioners import parse_provisioner
from stepless.domain.webhook import WebhookKind, check_webhook_address, read_webhooks
from stepless.domain.webhook.definition import MAX_WEBHOOKS
from tests.fakes.tokens import JWKTokens
from tests.fakes.webhooks import SECRET, webhook_document


def test_a_webhook_is_read_with_all_that_it_says() -> None:
    (webhook,) = read_webhooks([webhook_document(bearerToken="t0ken", disableTLSClientAuth=True)])
    assert (webhook.name, webhook.kind, webhook.certificate_type) == ("people", WebhookKind.ENRICHING, "ALL")
    assert (webhook.url, webhook.secret) == ("https://hooks.example/people", SECRET)
    assert webhook.id == "8a9e4b0e-2f5c-4b7f-9f0e-4a6b9d0f7c11"
    assert webhook.authorization == "Bearer t0ken"


def test_what_may_be_left_out_may_be_left_out() -> None:
    document = webhook_document(id=None, certType="", bearerToken="", basicAuth=None)
    (webhook,) = read_webhooks([document])
    assert (webhook.id, webhook.certificate_type, webhook.authorization) == ("", "ALL", "")


def test_words_and_keys_are_matched_without_case() -> None:
    document = {key.upper(): value for key, value in webhook_document(kind="authorizing", certType="x509").items()}
    (webhook,) = read_webhooks([document])
    assert (webhook.kind, webhook.certificate_type) == (WebhookKind.AUTHORIZING, "X509")


def test_basic_authentication_is_encoded() -> None:
    (webhook,) = read_webhooks([webhook_document(basicAuth={"username": "jané", "password": "a:b"})])
    assert webhook.authorization == "Basic " + base64.b64encode("jané:a:b".encode()).decode()


@pytest.mark.parametrize(("kind", "asked"), [("ALL", True), ("", True), ("X509", True), ("SSH", False)])
def test_webhooks_for_ssh_are_kept_and_not_asked(kind: str, *, asked: bool) -> None:
    (webhook,) = read_webhooks([webhook_document(certType=kind)])
    assert webhook.for_x509 is asked


def test_secrets_are_not_in_the_text_of_a_webhook() -> None:
    (webhook,) = read_webhooks([webhook_document(bearerToken="t0ken")])
    assert "t0ken" not in repr(webhook)
    assert repr(SECRET)[2:12] not in repr(webhook)


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_no_webhooks_are_no_webhooks(nothing: object) -> None:
    assert read_webhooks(nothing) == ()


LIST = "a list of at most 8 is required"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"name": "x"}, LIST),
        ("x", LIST),
        ([webhook_document(str(number)) for number in range(MAX_WEBHOOKS + 1)], LIST),
        ([webhook_document(), webhook_document()], "two have the same name"),
        (["x"], r"options\.webhooks\[0\]: an object is required"),
        ([webhook_document(), None], r"options\.webhooks\[1\]: an object is required"),
        ([webhook_document("two", retries=3)], r"\[0\]: retries is not known"),
    ],
)
def test_a_list_that_is_none_is_refused(value: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        read_webhooks(value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": ""}, r"\.name: printable"),
        ({"name": "a\nb"}, r"\.name: printable"),
        ({"name": 1}, r"\.name: text"),
        ({"id": "a b"}, r"\.id: text"),
        ({"id": "a\r\nX: y"}, r"\.id: text"),
        ({"kind": ""}, r"\.kind: '' is not supported"),
        ({"kind": "NO_KIND"}, "is not supported; supported are ENRICHING and AUTHORIZING"),
        ({"kind": "SCEPCHALLENGE"}, "'SCEPCHALLENGE' is not supported"),
        ({"kind": "NOTIFYING"}, "'NOTIFYING' is not supported"),
        ({"certType": "TLS"}, r"\.certType: 'TLS' is none of ALL, SSH, X509"),
        ({"url": None}, r"\.url: '' is not an address"),
        ({"url": "hooks.example"}, r"\.url: 'hooks.example' is not an address"),
        ({"url": "http://hooks.example/x"}, r"must begin with https"),
        ({"url": "file:///etc/passwd"}, r"\.url: .* is not an address"),
        ({"url": "https://user:pass@hooks.example/"}, r"\.url: .* is not an address"),
        ({"url": "https://hooks.example:99999/"}, r"\.url: "),
        ({"url": "{{ .Token.url }}"}, r"\.url: '' is not an address"),
        ({"url": "https://{{ .Token.host }}/x"}, r"\.url: .* is not an address"),
        ({"url": "https://hooks.example{{ .Token.host }}"}, "begins after the host"),
        ({"url": "https://hooks.example:{{ .Token.port }}/"}, "begins after the host"),
        ({"url": "http://hooks.example/{{ .Token.sub }}"}, "must begin with https"),
        ({"secret": None}, r"\.secret: base64 of at least 16 octets"),
        ({"secret": base64.b64encode(b"short").decode()}, r"\.secret: base64 of at least 16 octets"),
        ({"secret": "not base64!"}, r"\.secret: standard base64"),
        ({"secret": 7}, r"\.secret: text"),
        ({"bearerToken": "a b"}, r"\.bearerToken: printable"),
        ({"bearerToken": "a\r\nX: y"}, r"\.bearerToken: printable"),
        ({"bearerToken": {"bearerToken": "x"}}, r"\.bearerToken: text"),
        ({"bearerToken": "x", "basicAuth": {"username": "u"}}, "either bearerToken or basicAuth"),
        ({"basicAuth": "u:p"}, r"\.basicAuth: an object"),
        ({"basicAuth": {"username": "a:b"}}, r"\.basicAuth: printable texts"),
        ({"basicAuth": {"username": "a", "password": "b\n"}}, r"\.basicAuth: printable texts"),
        ({"basicAuth": {"user": "a"}}, r"\.basicAuth: printable texts"),
        ({"basicAuth": {"username": "a", "password": "b" * 5000}}, r"\.basicAuth: it is longer"),
        ({"disableTLSClientAuth": "yes"}, r"\.disableTLSClientAuth: true or false"),
    ],
)
def test_a_webhook_that_is_not_understood_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        read_webhooks([webhook_document(**changes)])


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]/x"])
def test_loopback_needs_no_tls(url: str) -> None:
    assert read_webhooks([webhook_document(url=url)])[0].url == url


def test_an_address_that_is_a_template_is_compiled_before_it_is_stored() -> None:
    good, bad = read_webhooks(
        [
            webhook_document("good", url="https://hooks.example/{{ .Token.sub | urlquery }}?x=1"),
            webhook_document("bad", url="https://hooks.example/{{ if }}"),
        ]
    )
    check_webhook_address(good)
    with pytest.raises(ValueError, match="the url of 'bad': the template does not parse"):
        check_webhook_address(bad)


def test_a_provisioner_has_its_webhooks_beside_its_template() -> None:
    options = {"x509": {"template": "{}"}, "webhooks": [webhook_document(), webhook_document("b", certType="SSH")]}
    provisioner = parse_provisioner("id", {**JWKTokens().document, "options": options}, Claims())
    assert [webhook.name for webhook in provisioner.webhooks] == ["people", "b"]
    assert provisioner.template is not None
