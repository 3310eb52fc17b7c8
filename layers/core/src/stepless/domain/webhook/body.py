"""The bodies that are sent to webhooks' servers, in step-ca's form (C ``webhook/types.go``).

Importing this module loads the template engine, for step-ca sends what templates see of a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stepless.domain.certificate import UNREADABLE
from stepless.domain.key_set import check_address
from stepless.domain.template.csr_values import csr_value
from stepless.domain.template.data import template_data
from stepless.domain.template.engine import render
from stepless.domain.template.go_json import encode
from stepless.domain.template.key_values import key_algorithm
from stepless.domain.validity import Validity
from stepless.domain.webhook.certificate_form import certificate_form
from stepless.domain.webhook.definition import Webhook
from stepless.domain.webhook.inquiry import Draft, Inquiry
from stepless.errors import MalformedRequest, TemplateFailed

_ADDRESS: Final = "%/:?#[]@!$&'()*+,;=~\\"
_SECONDS: Final = "%Y-%m-%dT%H:%M:%SZ"


def enriching_body(inquiry: Inquiry, *, now: datetime) -> bytes:
    """What a server is told before the certificate is designed: the request.

    Raises:
        MalformedRequest: its extensions cannot be read.
    """
    csr = inquiry.csr
    try:
        form = csr_value(csr).to_json()
    except UNREADABLE as error:
        raise MalformedRequest("the certificate request has contents that cannot be read") from error
    request = {**form, **_key(csr), "raw": csr.public_bytes(Encoding.DER)}
    return _body(inquiry, {"x509CertificateRequest": request}, now)


def authorizing_body(inquiry: Inquiry, draft: Draft, *, now: datetime) -> bytes:
    """What a server is told before the signature: the certificate, which has no encoding yet."""
    certificate = {**certificate_form(draft), **_key(inquiry.csr), **_dates(draft.validity), "raw": None}
    return _body(inquiry, {"x509Certificate": certificate}, now)


def _body(inquiry: Inquiry, what: Mapping[str, Any], now: datetime) -> bytes:
    body: dict[str, Any] = {
        "timestamp": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "provisionerName": inquiry.provisioner,
        **what,
    }
    if inquiry.credential is not None:
        body["x5cCertificate"] = {
            "raw": inquiry.credential.public_bytes(Encoding.DER),
            **_key(inquiry.credential),
            "notBefore": inquiry.credential.not_valid_before_utc.strftime(_SECONDS),
            "notAfter": inquiry.credential.not_valid_after_utc.strftime(_SECONDS),
        }
    if inquiry.principal:
        body["authorizationPrincipal"] = inquiry.principal
    return encode(body).encode()


def _key(holder: x509.Certificate | x509.CertificateSigningRequest) -> dict[str, Any]:
    key = holder.public_key()
    return {
        "publicKey": key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "publicKeyAlgorithm": str(key_algorithm(key)),
    }


def _dates(validity: Validity) -> dict[str, str]:
    return {"notBefore": validity.not_before.strftime(_SECONDS), "notAfter": validity.not_after.strftime(_SECONDS)}


def rendered_address(webhook: Webhook, inquiry: Inquiry, *, now: datetime) -> str:
    """See ``stepless.domain.webhook.webhook_address``."""
    try:
        rendered = render(webhook.url, template_data(inquiry.template_request, inquiry.configured), now=now)
        # As Go does with what may not stand in an address; control characters are refused by both.
        url = quote(rendered, safe=_ADDRESS) if rendered.isprintable() else rendered
        path = check_address(url).path
    except ValueError as error:
        raise TemplateFailed(f"the url of webhook {webhook.name!r} rendered no address: {error}") from error
    except TemplateFailed as error:
        raise TemplateFailed(f"the url of webhook {webhook.name!r}: {error.detail}") from error
    # What a client may choose must not lead out of the place that the administrator chose.
    if any(unquote(segment) in (".", "..") for segment in path.split("/")):
        raise TemplateFailed(f"the url of webhook {webhook.name!r} rendered steps to another folder")
    return url
