"""Webhooks of provisioners at issuance: when they are asked, and what their word is worth."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from cryptography.x509.oid import NameOID

from stepless.domain.policy.document import parse_policy
from stepless.domain.webhook import WebhookAnswer
from stepless.errors import (
    CertificateNotAuthorized,
    Forbidden,
    NameNotAllowed,
    ValidityNotAllowed,
    WebhookDenied,
    WebhookUnavailable,
)
from stepless.services.issue import Issued
from tests.fakes.certificate_requests import make_csr
from tests.fakes.deployment import Deployment, wish
from tests.fakes.webhooks import ALLOW, GATE, PEOPLE, TEMPLATE, authorizing, enriching, use_webhooks


@pytest.fixture
def ca() -> Deployment:
    ca = Deployment()
    ca.webhooks.answers = {PEOPLE: ALLOW, GATE: ALLOW}
    return ca


def sign(ca: Deployment, **claims: Any) -> Issued:
    return ca.sign(make_csr(), ca.admin.token("a.test", **claims))


def asked(ca: Deployment) -> list[str]:
    return [call.url for call in ca.webhooks.calls]


# --- when they are asked


def test_nobody_is_asked_without_webhooks(ca: Deployment) -> None:
    sign(ca)
    assert ca.webhooks.calls == []


def test_nothing_is_loaded_for_who_has_no_webhooks() -> None:
    code = (
        "import sys, stepless.services.sign, stepless.outbound.webhooks;"
        "print([m for m in sys.modules if m.split('.')[0] in ('gotpl', 'urllib3') or m.endswith('webhook.body')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_they_are_asked_in_their_order_the_enriching_ones_first(ca: Deployment) -> None:
    ca.webhooks.answers |= {f"https://hooks.example/{name}": ALLOW for name in "abcd"}
    use_webhooks(ca, authorizing("a"), enriching("b"), authorizing("c"), enriching("d"))
    sign(ca)
    assert [url[-1] for url in asked(ca)] == ["b", "d", "a", "c"]


def test_those_for_ssh_are_not_asked(ca: Deployment) -> None:
    use_webhooks(
        ca,
        enriching(certType="SSH"),
        authorizing(certType="SSH"),
        authorizing("people", certType="X509") | {"name": "x"},
    )
    sign(ca)
    assert asked(ca) == [PEOPLE]


def test_renewal_asks_nobody(ca: Deployment) -> None:
    use_webhooks(ca, enriching(), authorizing())
    certificate = sign(ca).record.certificate
    ca.webhooks.calls.clear()
    ca.renew(certificate)
    assert ca.webhooks.calls == []


def test_a_request_that_fails_anyway_asks_nobody(ca: Deployment) -> None:
    use_webhooks(ca, enriching(), authorizing())
    with pytest.raises(Forbidden):
        ca.sign(make_csr("", ["b.test"]), ca.admin.token("a.test"))
    assert ca.webhooks.calls == []


@pytest.mark.parametrize("what", ["policy", "dates"])
def test_what_is_refused_by_rules_is_not_shown_for_authorization(ca: Deployment, what: str) -> None:
    use_webhooks(ca, enriching(), authorizing())
    if what == "policy":
        ca.change(policy=parse_policy({"x509": {"deny": {"dns": ["a.test"]}}}))
    with pytest.raises((NameNotAllowed, ValidityNotAllowed)):
        ca.sign(make_csr(), ca.admin.token("a.test"), validity=wish(not_after="1h" if what == "policy" else "999h"))
    assert asked(ca) == [PEOPLE]


# --- what their word is worth


def test_data_reaches_the_template(ca: Deployment) -> None:
    ca.webhooks.answers[PEOPLE] = WebhookAnswer(allow=True, data={"ou": "Eng"})
    use_webhooks(ca, enriching(), template=TEMPLATE)
    subject = sign(ca).record.certificate.subject
    assert [found.value for found in subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)] == ["Eng"]


def test_a_token_cannot_pretend_to_be_a_webhook(ca: Deployment) -> None:
    ca.webhooks.answers[PEOPLE] = WebhookAnswer(allow=True, data={"ou": "Eng"})
    use_webhooks(ca, enriching(), template=TEMPLATE, templateData={"Webhooks": {"people": {"ou": "Forged"}}})
    assert "OU=Eng" in sign(ca, Webhooks={"people": {"ou": "Forged"}}).record.certificate.subject.rfc4514_string()


def test_data_of_an_authorizing_webhook_is_not_used(ca: Deployment) -> None:
    ca.webhooks.answers[GATE] = WebhookAnswer(allow=True, data={"ou": "Eng"})
    use_webhooks(ca, authorizing(), template='{"subject": "a.test", "dnsNames": {{ toJson .Webhooks }}}')
    assert sign(ca).record.names == ()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (WebhookAnswer(allow=False), "webhook server did not allow request"),
        (WebhookAnswer(allow=False, data={"ou": "x"}, reason="not today (e7)"), "not today (e7)"),
    ],
)
def test_an_enriching_webhook_may_refuse_and_say_why(ca: Deployment, answer: WebhookAnswer, text: str) -> None:
    ca.webhooks.answers[PEOPLE] = answer
    use_webhooks(ca, enriching(), enriching("other"), template=TEMPLATE)
    with pytest.raises(WebhookDenied) as refused:
        sign(ca)
    assert refused.value.detail == text
    assert asked(ca) == [PEOPLE]


def test_an_authorizing_webhook_may_refuse_webhooks(ca: Deployment) -> None:
    ca.webhooks.answers[GATE] = WebhookAnswer(allow=False, reason="not today (e7)")
    use_webhooks(ca, authorizing(), authorizing("other"))
    with pytest.raises(CertificateNotAuthorized, match=r"'gate' did not allow the certificate: not today \(e7\)"):
        sign(ca)
    assert asked(ca) == [GATE]


@pytest.mark.parametrize("hook", [enriching(), authorizing()], ids=["enriching", "authorizing"])
def test_a_refusal_costs_no_token_and_leaves_nothing(ca: Deployment, hook: dict[str, Any]) -> None:
    use_webhooks(ca, hook)
    token, csr = ca.admin.token("a.test"), make_csr()
    for answer in (WebhookAnswer(allow=False), None):
        ca.webhooks.answers = {} if answer is None else {hook["url"]: answer}
        with pytest.raises((WebhookDenied, CertificateNotAuthorized, WebhookUnavailable)):
            ca.sign(csr, token)
    assert len(ca.certificates) == 0
    ca.webhooks.answers = {hook["url"]: ALLOW}
    assert ca.sign(csr, token).record.names == ("a.test",)


def test_a_webhook_that_is_away_is_named(ca: Deployment) -> None:
    ca.webhooks.answers.clear()
    use_webhooks(ca, enriching())
    with pytest.raises(WebhookUnavailable, match=r"^webhook 'people' of provisioner 'admin' is away$"):
        sign(ca)


# --- how long


def test_all_of_them_have_the_time_of_one_request(ca: Deployment) -> None:
    ca.webhooks.before = lambda: ca.clock.advance(timedelta(seconds=7))
    use_webhooks(ca, enriching(), authorizing(), authorizing("late"))
    ca.webhooks.answers["https://hooks.example/late"] = ALLOW
    sign(ca)
    assert ca.webhooks.seconds == [10, 8, 1]


def test_one_for_which_no_time_is_left_is_not_asked(ca: Deployment) -> None:
    ca.webhooks.before = lambda: ca.clock.advance(timedelta(seconds=15))
    use_webhooks(ca, enriching(), authorizing())
    with pytest.raises(WebhookUnavailable, match=r"'gate' .* was not asked"):
        sign(ca)
    assert asked(ca) == [PEOPLE]
