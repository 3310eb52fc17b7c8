"""The heavy half: everything that is loaded only when a custom template is rendered or checked."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from stepless.domain.profile import DesignedCertificate
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.public_keys import SubjectPublicKey
from stepless.domain.template.certificate import design_certificate
from stepless.domain.template.data import template_data
from stepless.domain.template.definition import CertificateTemplate
from stepless.domain.template.engine import compile_template, render
from stepless.domain.template.request import TemplateRequest

__all__ = ["compile_template", "render_certificate"]


def render_certificate(
    template: CertificateTemplate,
    request: TemplateRequest,
    *,
    public_key: SubjectPublicKey,
    authority_key: x509.AuthorityKeyIdentifier,
    stamp: ProvisionerStamp | None,
    now: datetime,
) -> DesignedCertificate:
    """See ``stepless.domain.template.apply_template``."""
    output = render(template.text, template_data(request, template.data), now=now)
    return design_certificate(
        output, public_key=public_key, authority_key=authority_key, stamp=stamp, allow_ca=template.allow_ca
    )
