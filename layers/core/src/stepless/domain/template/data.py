"""The variables of certificate templates, under the names and in the types that step gives them (D templates.mdx)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptography import x509

from stepless.domain.certificate import UNREADABLE
from stepless.domain.names import Name, NameType
from stepless.domain.template.certificate_values import certificate_value
from stepless.domain.template.csr_values import csr_value
from stepless.domain.template.go_values import GoStruct, from_json, slice_of
from stepless.domain.template.name_values import name_value
from stepless.domain.template.request import TemplateRequest
from stepless.errors import MalformedRequest

# `.SANs` has another order than the certificate.
SAN_ORDER: Final = (NameType.DNS, NameType.IP, NameType.EMAIL, NameType.URI)


def template_data(request: TemplateRequest, configured: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of one rendering; a template may change them, and nobody else sees it.

    ``.Subject``, ``.SANs``, ``.Token`` and ``.AuthorizationCrt`` come from the credential, then variables of the
    configuration replace them or join them; ``.Insecure`` and ``.Webhooks`` are set last and cannot be replaced.

    Raises:
        MalformedRequest: a number of the request has no ``float64``, or the token's certificate cannot be read.
    """
    data: dict[str, Any] = {"Token": from_json(dict(request.token))}
    if request.subject is not None:
        data["Subject"] = _subject(request.subject)
    if request.names is not None:
        data["SANs"] = [_san(name) for kind in SAN_ORDER for name in request.names if name.type is kind]
    try:
        if request.authorization is not None:
            data["AuthorizationCrt"] = certificate_value(request.authorization)
        insecure = {"CR": csr_value(request.csr)}
    except UNREADABLE as error:
        raise MalformedRequest("a certificate or request has contents that cannot be read") from error
    data.update(from_json(dict(configured)))
    if request.user is not None:
        # What is not an object is an empty one, as in step-ca.
        insecure["User"] = from_json(request.user) if isinstance(request.user, dict) else {}
    data["Insecure"] = insecure
    if request.webhooks:
        data["Webhooks"] = from_json(dict(request.webhooks))
    return data


def _subject(common_name: str) -> GoStruct:
    return name_value(x509.Name([]), common_name=common_name)


def _san(name: Name) -> GoStruct:
    fields = {"Type": str(name.type), "Value": name.value, "ASN1Value": slice_of([])}
    return GoStruct(
        "x509util.SubjectAlternativeName",
        fields,
        json={"type": str(name.type), "value": name.value},
    )
