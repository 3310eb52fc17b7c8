"""What is sent to a webhook's server, and how its answer is read (C ``webhook/types.go``)."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stepless.domain.json_text import parse_object
from stepless.domain.webhook.definition import Webhook

_MAX_MESSAGE: Final = 512
_MAX_CODE: Final = 64


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """One POST. ``label`` is what messages call the webhook; ``roots_pem`` are trusted beside the system's roots."""

    label: str
    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    roots_pem: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What a server says: whether it allows the request, data for templates, and its reason if it does not."""

    allow: bool
    data: Any = None
    reason: str = ""


def signed_headers(webhook: Webhook, body: bytes, request_id: str) -> dict[str, str]:
    """The headers by which a server knows that a body is ours, and unchanged."""
    headers = {
        "Content-Type": "application/json",
        "X-Smallstep-Signature": hmac.new(webhook.secret, body, hashlib.sha256).hexdigest(),
        "X-Smallstep-Webhook-ID": webhook.id,
        "X-Request-Id": request_id,
        "Authorization": webhook.authorization,
    }
    return {name: value for name, value in headers.items() if value}


def read_answer(body: bytes) -> WebhookAnswer:
    """Read ``{"allow", "data", "error": {"code", "message"}}``; keys are matched without case, as Go does.

    What is missing is false, as in step-ca: only a server that says ``true`` allows.

    Raises:
        ValueError: not a JSON object, nested too deeply, or a member of a wrong type.
    """
    members = _without_case(parse_object(body))
    allow, error, data = members.get("allow"), members.get("error"), members.get("data")
    if not isinstance(allow, bool | None) or not isinstance(error, dict | None):
        msg = "allow or error is of a wrong type"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong answer
    if not _is_finite(data):
        msg = "a number is out of range"
        raise ValueError(msg)
    return WebhookAnswer(allow is True, data, "" if error is None else _reason(_without_case(error)))


def _without_case(members: Mapping[str, Any]) -> dict[str, Any]:
    return {key.lower(): value for key, value in members.items()}


def _reason(error: Mapping[str, Any]) -> str:
    """``message (code)``, step-ca's text; what does not belong into a line of a terminal is left out."""
    message, code = error.get("message") or "", error.get("code") or ""
    if not isinstance(message, str) or not isinstance(code, str):
        msg = "error is of a wrong type"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong answer
    return f"{_printable(message, _MAX_MESSAGE)} ({_printable(code, _MAX_CODE)})"


def _printable(text: str, length: int) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:length])


def _is_finite(value: object) -> bool:
    """Whether all numbers have a ``float64``, as templates see them."""
    match value:
        case dict():
            return all(map(_is_finite, value.values()))
        case list():
            return all(map(_is_finite, value))
        case int() | float():
            try:
                return math.isfinite(float(value))
            except OverflowError:
                return False
    return True
