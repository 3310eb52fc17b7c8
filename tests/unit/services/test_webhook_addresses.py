"""Addresses of webhooks that are templates, and what everybody may read of webhooks."""

import base64
from typing import Any

import pytest

from stepless.domain.webhook import WebhookAnswer
from stepless.errors import (
    MalformedRequest,
    TemplateFailed,
)
from stepless.services.issue import Issued
from tests.fakes.certificate_requests import make_csr
from tests.fakes.deployment import Deployment
from tests.fakes.webhooks import ALLOW, GATE, PEOPLE, SECRET, authorizing, enriching, use_webhooks


@pytest.fixture
def ca() -> Deployment:
    ca = Deployment()
    ca.webhooks.answers = {PEOPLE: ALLOW, GATE: ALLOW}
    return ca


def sign(ca: Deployment, **claims: Any) -> Issued:
    return ca.sign(make_csr(), ca.admin.token("a.test", **claims))


def asked(ca: Deployment) -> list[str]:
    return [call.url for call in ca.webhooks.calls]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# --- addresses that are templates


def at(path: str) -> str:
    return f"https://hooks.example/v1/{path}"


def test_an_address_may_name_what_templates_may(ca: Deployment) -> None:
    ca.webhooks.answers |= {
        at("a.test?ou=Eng"): WebhookAnswer(allow=True, data={"team": "blue"}),
        at("blue"): ALLOW,
    }
    use_webhooks(
        ca,
        enriching(url=at("{{ .Token.sub }}?ou={{ .Org }}")),
        authorizing(url=at("{{ .Webhooks.people.team }}")),
        template='{"subject": "a.test"}',
        templateData={"Org": "Eng"},
    )
    sign(ca)
    assert asked(ca) == [at("a.test?ou=Eng"), at("blue")]


@pytest.mark.parametrize(("template", "path"), [("", "v"), ('{"subject": "a.test"}', "wished-v")])
def test_an_address_sees_what_the_client_sends_where_there_is_a_template(
    ca: Deployment, template: str, path: str
) -> None:
    ca.webhooks.answers[at(path)] = ALLOW
    use_webhooks(ca, enriching(url=at("{{ with .Insecure.User }}{{ .x }}-{{ end }}v")), template=template)
    ca.sign(make_csr(), ca.admin.token("a.test"), template_data={"x": "wished"})
    assert asked(ca) == [at(path)]


def test_what_may_not_stand_in_an_address_is_encoded(ca: Deployment) -> None:
    ca.webhooks.answers[at("Jane%20D%C3%B6e/%2F/x%22")] = ALLOW
    use_webhooks(ca, enriching(url=at('{{ .Token.wanted }}/{{ "/" | urlquery }}/x"')))
    sign(ca, wanted="Jane Döe")
    assert len(asked(ca)) == 1


@pytest.mark.parametrize("path", ["../admin", "x/../../admin", "%2e%2e/admin", "./x", "x#y", "a\\b", "x\r\ny", "x\ty"])
def test_a_request_does_not_lead_an_address_elsewhere(ca: Deployment, path: str) -> None:
    use_webhooks(ca, enriching(url=at("{{ .Token.wanted }}")))
    with pytest.raises(TemplateFailed, match="the url of webhook 'people' rendered"):
        sign(ca, wanted=path)
    assert ca.webhooks.calls == []


@pytest.mark.parametrize(
    ("path", "error", "text"),
    [
        ('{{ fail "no" }}', MalformedRequest, "^no$"),
        ("{{ .Token.sub.x }}", TemplateFailed, "the url of webhook 'people': "),
        ("{{ if }}", TemplateFailed, "the url of webhook 'people': "),
    ],
)
def test_an_address_that_fails_asks_nobody(ca: Deployment, path: str, error: type[Exception], text: str) -> None:
    use_webhooks(ca, enriching(url=at(path)))
    with pytest.raises(error, match=text):
        sign(ca)
    assert ca.webhooks.calls == []


# --- what everybody may read


@pytest.mark.parametrize("usable", [True, False], ids=["usable", "unusable"])
def test_secrets_of_webhooks_are_never_listed(ca: Deployment, *, usable: bool) -> None:
    hook = authorizing(bearerToken="t0ken-t0ken")
    other = {**enriching(), "BasicAuth": {"username": "u", "password": "pass-pass"}, "disableTLSClientAuth": True}
    options: dict[str, Any] = {"webhooks": [hook, other], "x509": {"template": "{}"}}
    if not usable:
        options = {"WEBHOOKS": [{**hook, "SECRET": "c2VjcmV0", "future": "secret"}, "secret"], "more": 1}
    ca.set_provisioners(**{"p-admin": {**ca.admin.document, "options": options}})
    (listed,), _ = ca.authority.page_of_provisioners("", 0)
    text = str(listed)
    assert not any(word in text for word in ("t0ken-t0ken", "pass-pass", b64(SECRET), "c2VjcmV0", "'secret'", "future"))
    public = {"id", "name", "url", "kind", "certType"}
    shown = listed["options"]["webhooks" if usable else "WEBHOOKS"]
    assert [set(item) for item in shown] == ([public, public | {"disableTLSClientAuth"}] if usable else [public])
    assert "state" in listed or usable


@pytest.mark.parametrize(
    "options", [["webhooks", "secret"], "secret", {"webhooks": "secret"}, {"webhooks": {"a": "secret"}}]
)
def test_options_of_another_form_are_not_listed(ca: Deployment, options: object) -> None:
    for member in ("options", "Options"):
        ca.set_provisioners(**{"p-admin": {**ca.admin.document, member: options}})
        (listed,), _ = ca.authority.page_of_provisioners("", 0)
        assert "'secret'" not in str(listed)
