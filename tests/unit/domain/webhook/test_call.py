"""What is sent to webhooks' servers beside the body, and their answers."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stepless.domain.webhook import WebhookAnswer, read_answer, read_webhooks, signed_headers
from tests.fakes.webhooks import SECRET, webhook_document

BODY = b'{"timestamp":"2026-11-24T00:00:00Z"}'


def test_the_signature_is_what_openssl_computes(tmp_path: Path) -> None:
    (webhook,) = read_webhooks([webhook_document()])
    (tmp_path / "body").write_bytes(BODY)
    key = f"hexkey:{SECRET.hex()}"
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", key, str(tmp_path / "body")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert signed_headers(webhook, BODY, "")["X-Smallstep-Signature"] == printed.split()[-1]


def test_headers_are_steps() -> None:
    (webhook,) = read_webhooks([webhook_document(bearerToken="t0ken")])
    headers = signed_headers(webhook, BODY, "req-1")
    assert headers.pop("X-Smallstep-Signature")
    assert headers == {
        "Content-Type": "application/json",
        "X-Smallstep-Webhook-ID": "8a9e4b0e-2f5c-4b7f-9f0e-4a6b9d0f7c11",
        "X-Request-Id": "req-1",
        "Authorization": "Bearer t0ken",
    }


def test_a_header_without_a_value_is_left_out() -> None:
    (webhook,) = read_webhooks([webhook_document(id=None)])
    assert signed_headers(webhook, BODY, "").keys() == {"Content-Type", "X-Smallstep-Signature"}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"allow":true}', WebhookAnswer(allow=True)),
        (b'{"Allow":true,"DATA":{"role":"eng"},"more":1}', WebhookAnswer(allow=True, data={"role": "eng"})),
        (b'{"allow":true,"data":[1,null]}', WebhookAnswer(allow=True, data=[1, None])),
        (b"{}", WebhookAnswer(allow=False)),
        (b'{"allow":null,"data":1}', WebhookAnswer(allow=False, data=1)),
        (b'{"allow":false,"error":null}', WebhookAnswer(allow=False)),
        (
            b'{"allow":false,"error":{"code":"e1","message":"not today"}}',
            WebhookAnswer(allow=False, reason="not today (e1)"),
        ),
        (b'{"allow":false,"error":{"message":"a\\u001b[31m\\nb"}}', WebhookAnswer(allow=False, reason="a [31m b ()")),
    ],
)
def test_an_answer_is_read(body: bytes, answer: WebhookAnswer) -> None:
    assert read_answer(body) == answer


@pytest.mark.parametrize("error", [{"message": "x" * 100_000}, {"code": "x" * 100_000}])
def test_a_reason_is_cut(error: dict[str, Any]) -> None:
    assert len(read_answer(json.dumps({"error": error}).encode()).reason) < 600


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"true",
        b'"yes"',
        b'{"allow":"true"}',
        b'{"allow":1}',
        b'{"allow":true,"error":"no"}',
        b'{"error":{"message":1}}',
        b'{"error":{"message":"x","code":1}}',
        b'{"allow":true} {}',
        b'{"allow":true,"data":1e999}',
        b'{"allow":true,"data":[' + b"9" * 400 + b"]}",
        b'{"allow":true,"data":NaN}',
        b'{"allow":true,"data":' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"allow":true,"data":"\\ud800"}',
        b"\xff",
    ],
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_answer(body)
