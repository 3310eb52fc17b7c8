"""Certificate templates as step-ca has them: Go's ``text/template`` over a request, rendering JSON of a certificate.

Importing this package is cheap. The engine is loaded at the first ``apply_template`` or ``check_template``; a
provisioner without a template of its own never loads it, for its certificates are built by ``domain.profile``.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from stepless.domain.profile import DesignedCertificate
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.public_keys import SubjectPublicKey
from stepless.domain.template.definition import CertificateTemplate, read_x509_options
from stepless.domain.template.request import TemplateRequest

__all__ = [
    "CertificateTemplate",
    "TemplateRequest",
    "apply_template",
    "check_template",
    "read_x509_options",
]


def apply_template(
    template: CertificateTemplate,
    request: TemplateRequest,
    *,
    public_key: SubjectPublicKey,
    authority_key: x509.AuthorityKeyIdentifier,
    stamp: ProvisionerStamp | None,
    now: datetime,
) -> DesignedCertificate:
    """Render a template for a verified request, and read the certificate that it describes.

    Does not compare the request with its token, nor names with a policy, and decides no dates: the caller does, before
    and after.

    Raises:
        MalformedRequest: the template called ``fail``, or wants a name that no certificate may carry.
        TemplateFailed: it does not parse, failed, or exceeded a limit.
        BadTemplateOutput: it did not render a certificate that may be issued.
    """
    # The engine takes 0.2 s to import, which no other request shall pay.
    from stepless.domain.template import rendering  # noqa: PLC0415  # only requests that need it pay

    return rendering.render_certificate(
        template, request, public_key=public_key, authority_key=authority_key, stamp=stamp, now=now
    )


def check_template(template: CertificateTemplate) -> None:
    """Compile a template, for whoever is about to store it.

    Raises:
        ValueError: it does not parse; the text says at which line, and what is wrong.
    """
    from stepless.domain.template import rendering  # noqa: PLC0415  # nor the quarter of a second

    rendering.compile_template(template.text)
