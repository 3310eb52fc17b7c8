"""A certificate request as ``x509util.CertificateRequest``: the variable ``.Insecure.CR``."""

from __future__ import annotations

import base64
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from stepless.domain.template.go_values import GoStruct, slice_of
from stepless.domain.template.key_values import KEY_USAGES, key_algorithm, key_value, names_by_type
from stepless.domain.template.name_values import name_value
from stepless.domain.template.usages import KEY_USAGE_NAMES, PURPOSES


def csr_value(csr: x509.CertificateSigningRequest) -> GoStruct:
    """The request; what it says is a wish, proven is its key alone.

    Raises:
        ValueError and what else the library raises for extensions that do not parse.
    """
    extensions = csr.extensions
    subject, key = name_value(csr.subject), csr.public_key()
    raw_subject = csr.subject.public_bytes()
    known, unknown = _purposes(extensions)
    usages = _usages(extensions)
    tail: dict[str, Any] = {
        "Extensions": slice_of([_extension(item, subject_is_empty=not list(csr.subject)) for item in extensions]),
        "KeyUsage": GoStruct(
            "x509util.KeyUsage",
            {},
            json=slice_of([KEY_USAGE_NAMES[usage] for usage in usages]),
            text=str(sum(1 << KEY_USAGES.index(usage) for usage in usages)),
        ),
        "ExtKeyUsage": GoStruct(
            "x509util.ExtKeyUsage",
            {},
            json=[PURPOSES[oid].word for oid in known],
            text=f"[{' '.join(str(PURPOSES[oid].number) for oid in known)}]",
        ),
        "UnknownExtKeyUsage": slice_of([oid.dotted_string for oid in unknown]),
        "BasicConstraints": _basic_constraints(extensions),
    }
    names = names_by_type(extensions)
    head = {"Version": 0, "Subject": subject, "RawSubject": raw_subject, **names, "SANs": slice_of([]), **tail}
    rest = {
        "SignatureAlgorithm": GoStruct("x509util.SignatureAlgorithm", {}, json="", text="0"),
        "ChallengePassword": "",
        "PublicKey": key_value(key),
        "PublicKeyAlgorithm": key_algorithm(key),
        "Signature": csr.signature,
    }
    json = {_json_name(field): value for field, value in head.items()} | {"signatureAlgorithm": ""}
    return GoStruct("*x509util.CertificateRequest", head | rest, json=json)


def _json_name(field: str) -> str:
    special = {"DNSNames": "dnsNames", "IPAddresses": "ipAddresses", "URIs": "uris", "SANs": "sans"}
    return special.get(field, field[0].lower() + field[1:])


def _extension(extension: x509.Extension[x509.ExtensionType], *, subject_is_empty: bool) -> GoStruct:
    # Names must be critical when there is no subject (RFC 5280 §4.2.1.6), and step sees to it here already.
    critical = extension.critical or (subject_is_empty and extension.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    value = extension.value.public_bytes()
    return GoStruct(
        "x509util.Extension",
        {"ID": extension.oid.dotted_string, "Critical": critical, "Value": value},
        json={
            "id": extension.oid.dotted_string,
            "critical": critical,
            "value": base64.b64encode(value).decode(),
        },
    )


def _usages(extensions: x509.Extensions) -> list[str]:
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return []
    last = ("encipher_only", "decipher_only")
    return [name for name in KEY_USAGES if (name not in last or usage.key_agreement) and getattr(usage, name)]


def _purposes(extensions: x509.Extensions) -> tuple[list[x509.ObjectIdentifier], list[x509.ObjectIdentifier]]:
    try:
        purposes = list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return [], []
    return [oid for oid in purposes if oid in PURPOSES], [oid for oid in purposes if oid not in PURPOSES]


def _basic_constraints(extensions: x509.Extensions) -> GoStruct | None:
    try:
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return None
    length = -1 if constraints.path_length is None else constraints.path_length
    return GoStruct(
        "*x509util.BasicConstraints",
        {"IsCA": constraints.ca, "MaxPathLen": length},
        json={"isCA": constraints.ca, "maxPathLen": length},
    )
