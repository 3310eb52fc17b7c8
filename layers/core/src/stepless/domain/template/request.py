"""What a certificate template is rendered for, and what it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from stepless.domain.names import Name


@dataclass(frozen=True, slots=True)
class TemplateRequest:
    """A verified request: what templates can name.

    ``subject`` and ``names`` are those that the credential vouches for; ``None`` where its provisioner takes them from
    the request (step sets no ``.Subject`` and no ``.SANs`` then). ``token`` is all of its claims. ``user`` is the
    request's ``templateData``, ``None`` when it has none; ``authorization`` the certificate that signed an X5C token.
    """

    csr: x509.CertificateSigningRequest
    subject: str | None
    names: tuple[Name, ...] | None
    token: Mapping[str, Any]
    user: object = None
    authorization: x509.Certificate | None = None
    webhooks: Mapping[str, Any] = field(default_factory=dict)
