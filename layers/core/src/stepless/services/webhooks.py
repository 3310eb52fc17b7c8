"""Asking a provisioner's webhooks, in their order and within the time of one request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from stepless.domain.webhook import (
    Draft,
    Inquiry,
    Webhook,
    WebhookAnswer,
    WebhookCall,
    WebhookKind,
    body_for,
    signed_headers,
    webhook_address,
)
from stepless.errors import CertificateNotAuthorized, WebhookDenied, WebhookUnavailable
from stepless.services.ports import Clock, Webhooks

# As in step-ca, a second attempt included.
EACH_SECONDS: Final = 10.0
# For all webhooks of a request: the function has 25 s (``template.yaml``), and API Gateway waits for 29.
ALL_SECONDS: Final = 15.0


@dataclass(slots=True)
class WebhookRound:
    """The webhooks of one request; with the first of them begins the time that they all have."""

    webhooks: tuple[Webhook, ...]
    inquiry: Inquiry
    roots_pem: str
    request_id: str
    port: Webhooks
    clock: Clock
    data: dict[str, Any] = field(default_factory=dict, init=False)
    _end: datetime | None = field(default=None, init=False)

    def enrich(self) -> None:
        """Put what enriching webhooks say into ``data``, by their names; the first refusal ends it.

        Raises:
            WebhookDenied: one does not allow the request.
            WebhookUnavailable: one gave no answer.
            MalformedRequest, TemplateFailed: its address could not be rendered.
        """
        for webhook in self._of_kind(WebhookKind.ENRICHING):
            answer = self._ask(webhook)
            if not answer.allow:
                raise WebhookDenied(answer.reason or "webhook server did not allow request")
            self.data[webhook.name] = answer.data

    def authorize(self, draft: Draft) -> None:
        """Let authorizing webhooks see the certificate; the first refusal ends it.

        Raises:
            CertificateNotAuthorized: one does not allow it.
            WebhookUnavailable, MalformedRequest, TemplateFailed: as for ``enrich``.
        """
        for webhook in self._of_kind(WebhookKind.AUTHORIZING):
            answer = self._ask(webhook, draft)
            if not answer.allow:
                reason = answer.reason or "it gives no reason"
                raise CertificateNotAuthorized(f"webhook {webhook.name!r} did not allow the certificate: {reason}")

    def _of_kind(self, kind: WebhookKind) -> Iterator[Webhook]:
        return (webhook for webhook in self.webhooks if webhook.kind is kind and webhook.for_x509)

    def _ask(self, webhook: Webhook, draft: Draft | None = None) -> WebhookAnswer:
        label = f"webhook {webhook.name!r} of provisioner {self.inquiry.provisioner!r}"
        now = self.clock.now()
        self._end = self._end or now + timedelta(seconds=ALL_SECONDS)
        seconds = min(EACH_SECONDS, (self._end - now).total_seconds())
        if seconds <= 0:
            raise WebhookUnavailable(f"{label} was not asked: those before it took too long; please try again later")
        body = body_for(self.inquiry, draft, now=now)
        call = WebhookCall(
            label=label,
            url=webhook_address(webhook, self._with_data(), now=now),
            body=body,
            headers=signed_headers(webhook, body, self.request_id),
            roots_pem=self.roots_pem,
        )
        return self.port.ask(call, seconds)

    def _with_data(self) -> Inquiry:
        request = replace(self.inquiry.template_request, webhooks=self.data)
        return replace(self.inquiry, template_request=request)
