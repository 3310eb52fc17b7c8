"""What a webhook's server is told of, and what its address may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from stepless.domain.names import Name
from stepless.domain.profile import DesignedCertificate
from stepless.domain.template import TemplateRequest
from stepless.domain.validity import Validity


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A verified request, as webhooks are told of it; never with its token, which a server could use itself.

    ``principal`` is who the credential of an X5C or cloud provisioner is. ``template_request`` and ``configured`` are
    the variables of an address that is a template.
    """

    provisioner: str
    csr: x509.CertificateSigningRequest
    template_request: TemplateRequest
    configured: Mapping[str, Any]
    credential: x509.Certificate | None = None
    principal: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A certificate of which all is decided but serial and signature.

    ``names`` are those of the default leaf, for a design that no template rendered; ``from_request`` says that they are
    the request's, which step's default templates write into other members.
    """

    design: DesignedCertificate
    validity: Validity
    names: tuple[Name, ...]
    from_request: bool
