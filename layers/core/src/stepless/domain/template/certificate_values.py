"""A certificate as ``x509.Certificate``: the variable ``.AuthorizationCrt``, the one that signed an X5C token."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from stepless.domain.template.go_values import GoStruct, slice_of
from stepless.domain.template.key_values import KEY_USAGES, key_algorithm, key_value, names_by_type
from stepless.domain.template.name_values import pkix_name_value
from stepless.domain.template.times import GoTime
from stepless.domain.template.usages import PURPOSES

_V3: Final = 3
_Kind = TypeVar("_Kind", bound=x509.ExtensionType)


def certificate_value(certificate: x509.Certificate) -> GoStruct:
    """The certificate; its names are those that another authority put in.

    Raises:
        ValueError and what else the library raises for extensions that do not parse.
    """
    extensions, key = certificate.extensions, certificate.public_key()
    fields: dict[str, Any] = {
        "Raw": certificate.public_bytes(Encoding.DER),
        "Version": _V3 if certificate.version is x509.Version.v3 else 1,
        "SerialNumber": certificate.serial_number,
        "Subject": pkix_name_value(certificate.subject),
        "RawSubject": certificate.subject.public_bytes(),
        "Issuer": pkix_name_value(certificate.issuer),
        "RawIssuer": certificate.issuer.public_bytes(),
        "NotBefore": GoTime.of(certificate.not_valid_before_utc),
        "NotAfter": GoTime.of(certificate.not_valid_after_utc),
        "PublicKey": key_value(key),
        "PublicKeyAlgorithm": key_algorithm(key),
        "Signature": certificate.signature,
        **names_by_type(extensions),
        **_usage_fields(extensions),
        **_constraint_fields(extensions),
        **_address_fields(extensions),
        "Extensions": slice_of([_extension(item) for item in extensions]),
    }
    return GoStruct("*x509.Certificate", fields)


def _find(extensions: x509.Extensions, kind: type[_Kind]) -> _Kind | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _usage_fields(extensions: x509.Extensions) -> dict[str, Any]:
    usage, purposes = _find(extensions, x509.KeyUsage), list(_find(extensions, x509.ExtendedKeyUsage) or ())
    bits = 0
    if usage is not None:
        last = ("encipher_only", "decipher_only")
        names = [name for name in KEY_USAGES if name not in last or usage.key_agreement]
        bits = sum(1 << KEY_USAGES.index(name) for name in names if getattr(usage, name))
    return {
        "KeyUsage": bits,
        "ExtKeyUsage": slice_of([PURPOSES[oid].number for oid in purposes if oid in PURPOSES]),
        "UnknownExtKeyUsage": slice_of([oid.dotted_string for oid in purposes if oid not in PURPOSES]),
    }


def _constraint_fields(extensions: x509.Extensions) -> dict[str, Any]:
    constraints = _find(extensions, x509.BasicConstraints)
    own, issuer = _find(extensions, x509.SubjectKeyIdentifier), _find(extensions, x509.AuthorityKeyIdentifier)
    length = constraints.path_length if constraints is not None else 0
    return {
        "BasicConstraintsValid": constraints is not None,
        "IsCA": constraints is not None and constraints.ca,
        "MaxPathLen": -1 if length is None else length,
        "MaxPathLenZero": constraints is not None and length == 0,
        "SubjectKeyId": own.digest if own is not None else b"",
        "AuthorityKeyId": (issuer.key_identifier if issuer is not None else None) or b"",
    }


def _address_fields(extensions: x509.Extensions) -> dict[str, Any]:
    access = list(_find(extensions, x509.AuthorityInformationAccess) or ())
    points = list(_find(extensions, x509.CRLDistributionPoints) or ())
    policies = list(_find(extensions, x509.CertificatePolicies) or ())

    def at(method: x509.ObjectIdentifier) -> list[Any]:
        return slice_of([str(item.access_location.value) for item in access if item.access_method == method])

    return {
        "OCSPServer": at(AuthorityInformationAccessOID.OCSP),
        "IssuingCertificateURL": at(AuthorityInformationAccessOID.CA_ISSUERS),
        "CRLDistributionPoints": slice_of([str(name.value) for point in points for name in point.full_name or ()]),
        "PolicyIdentifiers": slice_of([policy.policy_identifier.dotted_string for policy in policies]),
    }


def _extension(extension: x509.Extension[x509.ExtensionType]) -> GoStruct:
    fields = {
        "Id": extension.oid.dotted_string,
        "Critical": extension.critical,
        "Value": extension.value.public_bytes(),
    }
    return GoStruct("pkix.Extension", fields)
