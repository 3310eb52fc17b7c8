"""A certificate before its signature as JSON of ``x509util.Certificate``: what its template says, in step's words."""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from stepless.domain.names import Name, NameType
from stepless.domain.template.data import SAN_ORDER
from stepless.domain.template.go_values import slice_of
from stepless.domain.template.output import Fields
from stepless.domain.template.usages import KEY_USAGE_BY_WORD, KEY_USAGE_NAMES, PURPOSE_BY_WORD, PURPOSES, plain
from stepless.domain.webhook.inquiry import Draft

_NAME_LISTS: Final = (
    "country", "organization", "organizationalUnit", "locality", "province", "streetAddress", "postalCode",
)  # fmt: skip
_LISTS: Final = (
    "dnsNames", "emailAddresses", "ipAddresses", "uris", "unknownExtKeyUsage", "ocspServer", "issuingCertificateURL",
    "crlDistributionPoints", "policyIdentifiers",
)  # fmt: skip
_REQUESTED: Final = {
    NameType.DNS: "dnsNames",
    NameType.EMAIL: "emailAddresses",
    NameType.IP: "ipAddresses",
    NameType.URI: "uris",
}
_CONSTRAINTS: Final = tuple(
    f"{word}{kind}"
    for kind in ("DNSDomains", "IPRanges", "EmailAddresses", "URIDomains")
    for word in ("permitted", "excluded")
)


def certificate_form(draft: Draft) -> dict[str, Any]:
    """All members but the key and the dates, which are final and not the template's."""
    design = draft.design
    output = Fields.of_text(design.output) if design.output else _default_leaf(draft)
    extensions = [_extension(item) for item in output.objects("extensions")]
    if design.has_other_names and not any(item["id"] == _SAN.dotted_string for item in extensions):
        # step-ca writes names of unusual types among the template's own extensions.
        extensions[:0] = [
            _encoded(value, critical=critical) for value, critical in design.extensions if value.oid == _SAN
        ]
    return {
        "version": output.number("version"),
        "subject": _name(output, "subject"),
        "rawSubject": output.get("rawSubject"),
        "issuer": _name(output, "issuer"),
        "serialNumber": design.serial_number,
        **{key: slice_of(output.texts(key)) for key in _LISTS},
        "sans": slice_of([_alternative_name(item) for item in output.objects("sans")]),
        "extensions": slice_of(extensions),
        "keyUsage": slice_of(_key_usage(output)),
        "extKeyUsage": [PURPOSES[PURPOSE_BY_WORD[plain(text)]].word for text in output.texts("extKeyUsage")],
        "subjectKeyId": output.get("subjectKeyId"),
        "authorityKeyId": output.get("authorityKeyId"),
        "basicConstraints": _basic_constraints(output),
        "nameConstraints": _name_constraints(output),
        "signatureAlgorithm": design.signature_algorithm or "",
    }


_SAN: Final = x509.SubjectAlternativeName.oid


def _default_leaf(draft: Draft) -> Fields:
    """What step's default templates render for the names of a credential, or for those of a request."""
    design = draft.design
    if draft.from_request:
        named: dict[str, Any] = {
            member: [name.value for name in draft.names if name.type is kind] for kind, member in _REQUESTED.items()
        }
    else:
        ordered: list[Name] = [name for kind in SAN_ORDER for name in draft.names if name.type is kind]
        named = {"sans": [{"type": str(name.type), "value": name.value} for name in ordered]}
    usage = ["digitalSignature", *(["keyEncipherment"] if isinstance(design.public_key, rsa.RSAPublicKey) else [])]
    purposes = ["serverAuth", "clientAuth"]
    values = {"subject": {"commonName": design.common_name}, **named, "keyUsage": usage, "extKeyUsage": purposes}
    return Fields({key.lower(): value for key, value in values.items()})


def _name(output: Fields, key: str) -> dict[str, Any]:
    """A distinguished name; members without a value are left out."""
    value = output.get(key)
    if value is None:
        return {}
    fields = Fields({"commonname": value}) if isinstance(value, str) else Fields.of(value, output.at(key))
    extra = [{"type": item.text("type"), "value": item.get("value")} for item in fields.objects("extraNames")]
    found: dict[str, Any] = {item: fields.texts(item) for item in _NAME_LISTS}
    found |= {item: fields.text(item) for item in ("serialNumber", "commonName")} | {"extraNames": extra}
    return {item: part for item, part in found.items() if part}


def _alternative_name(item: Fields) -> dict[str, Any]:
    structured = item.get("asn1Value")
    name = {"type": item.text("type"), "value": item.text("value")}
    return name if structured is None else {**name, "asn1Value": structured}


def _extension(item: Fields) -> dict[str, Any]:
    return {"id": item.text("id"), "critical": item.flag("critical"), "value": item.data("value")}


def _encoded(value: x509.ExtensionType, *, critical: bool) -> dict[str, Any]:
    return {"id": value.oid.dotted_string, "critical": critical, "value": value.public_bytes()}


def _key_usage(output: Fields) -> list[str]:
    """The usages in the order of their bits."""
    names = {KEY_USAGE_BY_WORD[plain(text)] for text in output.texts("keyUsage")}
    return [word for name, word in KEY_USAGE_NAMES.items() if name in names]


def _basic_constraints(output: Fields) -> dict[str, Any] | None:
    value = output.get("basicConstraints")
    if value is None:
        return None
    given = Fields.of(value, "basicConstraints")
    return {"isCA": given.flag("isCA"), "maxPathLen": given.number("maxPathLen")}


def _name_constraints(output: Fields) -> dict[str, Any] | None:
    value = output.get("nameConstraints")
    if value is None:
        return None
    given = Fields.of(value, "nameConstraints")
    return {"critical": given.flag("critical"), **{key: slice_of(given.texts(key)) for key in _CONSTRAINTS}}
