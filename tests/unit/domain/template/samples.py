"""A request as templates see it, and shortcuts to a certificate's parts."""

from typing import Any, TypeVar

from cryptography import x509

from stepless.domain.names import classify_all
from stepless.domain.profile import DesignedCertificate
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.template import CertificateTemplate, TemplateRequest, apply_template
from stepless.domain.template.certificate import design_certificate
from stepless.errors import BadTemplateOutput
from tests.fakes.certificate_requests import make_csr
from tests.fakes.clock import NOW
from tests.fakes.ephemeral_ca import make_ca
from tests.fakes.private_keys import PrivateKey, p256

CA = make_ca()
KEY = p256()
STAMP = ProvisionerStamp(1, "admin", "kid")
AUTHORITY_KEY = CA.issuing.authority_key_identifier
_Kind = TypeVar("_Kind", bound=x509.ExtensionType)


def request(key: PrivateKey = KEY, **given: Any) -> TemplateRequest:
    csr = given.pop("csr", None) or make_csr("leaf.example", ["leaf.example"], key=key)
    usual: dict[str, Any] = {
        "subject": "leaf.example",
        "names": classify_all(["leaf.example", "10.0.0.1"]),
        "token": {"sub": "leaf.example", "exp": 1},
    }
    return TemplateRequest(csr=csr, **(usual | given))


def applied(text: str, wanted: TemplateRequest | None = None, **given: Any) -> DesignedCertificate:
    return apply_template(
        CertificateTemplate(text, **given),
        wanted or request(),
        public_key=KEY.public_key(),
        authority_key=AUTHORITY_KEY,
        stamp=STAMP,
        now=NOW,
    )


def designed(output: str, *, stamp: ProvisionerStamp | None = None, allow_ca: bool = False) -> DesignedCertificate:
    return design_certificate(
        output, public_key=KEY.public_key(), authority_key=AUTHORITY_KEY, stamp=stamp, allow_ca=allow_ca
    )


def reason(output: str) -> str:
    """What is wrong with an output that is refused."""
    try:
        designed(output)
    except BadTemplateOutput as error:
        return error.detail
    raise AssertionError(f"{output} was taken")


def value_of(design: DesignedCertificate, kind: type[_Kind]) -> _Kind:
    return next(value for value, _ in design.extensions if isinstance(value, kind))


def oids(design: DesignedCertificate) -> list[str]:
    return [value.oid.dotted_string for value, _ in design.extensions]
