"""Asking webhooks' servers over HTTPS (C ``authority/provisioner/webhook.go``)."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from stepless.domain.webhook import WebhookAnswer, WebhookCall, read_answer
from stepless.errors import WebhookUnavailable
from stepless.outbound.line import Line, NoConnection, NoDocument, Reply, within
from stepless.services.ports import Webhooks

# Between the two attempts, as in step-ca.
PAUSE_SECONDS: Final = 1.0
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class PostedWebhooks:
    """Sends each call, and once more when nobody was there or the server failed; redirects are not followed."""

    pause: float = PAUSE_SECONDS

    def ask(self, call: WebhookCall, seconds: float) -> WebhookAnswer:
        """What a server says; see the port."""
        trust = _trusting(call.roots_pem) if call.url.startswith("https:") and call.roots_pem else None
        try:
            reply = within(seconds, lambda line: self._post(line, call), trust)
            if not reply.is_success:
                raise NoDocument(f"answers with status {reply.status}")  # noqa: TRY301 - told as every other failure
            return read_answer(reply.body)
        except NoDocument as failure:
            raise WebhookUnavailable(f"{call.label} {failure}; please try again later") from failure
        except ValueError as error:
            raise WebhookUnavailable(
                f"{call.label} answers with something that is not step's JSON; please try again later"
            ) from error

    def _post(self, line: Line, call: WebhookCall) -> Reply:
        try:
            reply = line.post(call.url, call.body, call.headers)
            if reply.status < _SERVER_ERROR:
                return reply
        except NoConnection:
            pass
        time.sleep(self.pause)
        return line.post(call.url, call.body, call.headers)


_: type[Webhooks] = PostedWebhooks


@lru_cache(maxsize=4)
def _trusting(roots_pem: str) -> ssl.SSLContext:
    """The system's roots, and those of the authority: a server may well have its certificate from here."""
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=roots_pem)
    return context
