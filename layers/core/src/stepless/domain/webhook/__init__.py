"""Webhooks of provisioners as step-ca has them: servers that enrich or authorize a request before it is signed.

Importing this package is cheap. The template engine is loaded when there is a webhook to ask.
"""

from __future__ import annotations

from datetime import datetime

from stepless.domain.webhook.call import WebhookAnswer, WebhookCall, read_answer, signed_headers
from stepless.domain.webhook.definition import Webhook, WebhookKind, read_webhooks, without_secrets
from stepless.domain.webhook.inquiry import Draft, Inquiry

__all__ = [
    "Draft",
    "Inquiry",
    "Webhook",
    "WebhookAnswer",
    "WebhookCall",
    "WebhookKind",
    "body_for",
    "check_webhook_address",
    "read_answer",
    "read_webhooks",
    "signed_headers",
    "webhook_address",
    "without_secrets",
]


def body_for(inquiry: Inquiry, draft: Draft | None, *, now: datetime) -> bytes:
    """What a server is told: the request, or the certificate once there is a draft of it.

    Raises:
        MalformedRequest: the request's extensions cannot be read.
    """
    from stepless.domain.webhook import body  # noqa: PLC0415 - the template engine takes 0.2 s to import

    if draft is None:
        return body.enriching_body(inquiry, now=now)
    return body.authorizing_body(inquiry, draft, now=now)


def webhook_address(webhook: Webhook, inquiry: Inquiry, *, now: datetime) -> str:
    """Where a webhook is asked; an address that is a template is rendered over the variables of certificate templates.

    Raises:
        MalformedRequest: the template called ``fail``, or a number of the request is out of range.
        TemplateFailed: it failed, or what it rendered is not an address below the fixed part.
    """
    if not webhook.has_template:
        return webhook.url
    from stepless.domain.webhook import body  # noqa: PLC0415 - as above

    return body.rendered_address(webhook, inquiry, now=now)


def check_webhook_address(webhook: Webhook) -> None:
    """Compile the address of a webhook, for whoever is about to store it.

    Raises:
        ValueError: it does not parse; the text says what is wrong.
    """
    if webhook.has_template:
        from stepless.domain.template import rendering  # noqa: PLC0415 - as above

        try:
            rendering.compile_template(webhook.url)
        except ValueError as error:
            msg = f"options.webhooks: the url of {webhook.name!r}: {error}"
            raise ValueError(msg) from error
