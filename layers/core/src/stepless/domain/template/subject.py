"""The subject of a template's output, and directory names: step's JSON form of a distinguished name."""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from stepless.domain.names import check_common_name
from stepless.domain.template.output import Fields
from stepless.domain.template.reencode import parse_name
from stepless.errors import BadTemplateOutput

_MAX_ATTRIBUTE: Final = 256
# Go's order of encoding.
_ATTRIBUTES: Final = {
    "country": NameOID.COUNTRY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "streetAddress": NameOID.STREET_ADDRESS,
    "postalCode": NameOID.POSTAL_CODE,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "commonName": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
}
_SINGLE: Final = frozenset({"commonName", "serialNumber"})


def read_subject(fields: Fields) -> tuple[x509.Name, str]:
    """``subject`` (a text is a common name) or ``rawSubject``, which wins; with the common name, empty for none.

    Raises:
        BadTemplateOutput: it is not a name, or has more than one common name, which policies could not judge.
        MalformedRequest: the common name is too long, or not printable.
    """
    encoded = fields.data("rawSubject")
    if encoded:
        name = fields.read("rawSubject", fields.text("rawSubject"), lambda _: parse_name(encoded))
        _check_attributes(name, "rawSubject")
    else:
        name = read_name(fields.get("subject"), fields.at("subject"))
    common_names = [str(item.value) for item in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if len(common_names) > 1:
        raise BadTemplateOutput("subject: more than one common name")
    return name, check_common_name(common_names[0]) if common_names else ""


def read_name(value: object, path: str) -> x509.Name:
    """A distinguished name; several values of an attribute are one set, as Go encodes them.

    Attributes of ``extraNames`` replace those of the same type. Empty values are left out: no certificate may have them
    (RFC 5280 appendix A.1), though step-ca writes them.

    Raises:
        BadTemplateOutput: not a name.
    """
    if value is None:
        return x509.Name([])
    fields = Fields({"commonname": value}, path) if isinstance(value, str) else Fields.of(value, path)
    extra = [attribute for item in fields.objects("extraNames") for attribute in _extra(item)]
    replaced = {attribute.oid for attribute in extra}
    sets = []
    for key, oid in _ATTRIBUTES.items():
        values = [text for text in [fields.text(key)] if text] if key in _SINGLE else fields.texts(key)
        if values and oid not in replaced:
            sets.append(dict.fromkeys(_attribute(oid, text, fields.at(key)) for text in values))
    sets.extend({attribute: None} for attribute in extra)
    return x509.Name([x509.RelativeDistinguishedName(attributes) for attributes in sets])


def _extra(item: Fields) -> list[x509.NameAttribute[str]]:
    oids, value = item.oids("type"), item.text("value")
    if len(oids) != 1:
        raise BadTemplateOutput(f"{item.at('type')}: an object identifier is required")
    return [_attribute(oids[0], value, item.path)] if value else []


def _attribute(oid: x509.ObjectIdentifier, value: str, path: str) -> x509.NameAttribute[str]:
    if oid == NameOID.COMMON_NAME:
        check_common_name(value)
    try:
        attribute = x509.NameAttribute(oid, value)
    except (ValueError, TypeError) as error:
        raise BadTemplateOutput(f"{path}: {error}") from error
    _check_attribute(attribute, path)
    return attribute


def _check_attributes(name: x509.Name, path: str) -> None:
    for attribute in name:
        _check_attribute(attribute, path)


def _check_attribute(attribute: x509.NameAttribute[Any], path: str) -> None:
    # The common name has limits of its own, and the caller is told of them.
    text = attribute.value
    if attribute.oid != NameOID.COMMON_NAME and not (
        isinstance(text, str) and text.isprintable() and len(text) <= _MAX_ATTRIBUTE
    ):
        raise BadTemplateOutput(f"{path}: printable text of at most {_MAX_ATTRIBUTE} characters is required")
