"""Distinguished names as the structs ``x509util.Subject`` and ``pkix.Name``."""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from stepless.domain.template.go_values import GoStruct, slice_of

# Go's fields in their order, with step's names in JSON.
_LISTS: Final = {
    "Country": (NameOID.COUNTRY_NAME, "country"),
    "Organization": (NameOID.ORGANIZATION_NAME, "organization"),
    "OrganizationalUnit": (NameOID.ORGANIZATIONAL_UNIT_NAME, "organizationalUnit"),
    "Locality": (NameOID.LOCALITY_NAME, "locality"),
    "Province": (NameOID.STATE_OR_PROVINCE_NAME, "province"),
    "StreetAddress": (NameOID.STREET_ADDRESS, "streetAddress"),
    "PostalCode": (NameOID.POSTAL_CODE, "postalCode"),
}
_TEXTS: Final = {
    "SerialNumber": (NameOID.SERIAL_NUMBER, "serialNumber"),
    "CommonName": (NameOID.COMMON_NAME, "commonName"),
}
_KNOWN: Final = frozenset(oid for oid, _ in (*_LISTS.values(), *_TEXTS.values()))


def _fields(name: x509.Name) -> dict[str, Any]:
    values: dict[x509.ObjectIdentifier, list[Any]] = {}
    for attribute in name:
        values.setdefault(attribute.oid, []).append(attribute.value)
    return {
        **{field: slice_of(values.get(oid, [])) for field, (oid, _) in _LISTS.items()},
        # Of several the last one counts, as in Go.
        **{field: values.get(oid, [""])[-1] for field, (oid, _) in _TEXTS.items()},
    }


def name_value(name: x509.Name, *, common_name: str = "") -> GoStruct:
    """``x509util.Subject``: attributes without a field are in ``.ExtraNames``; empty ones are left out of JSON."""
    fields = _fields(name)
    if common_name:
        fields["CommonName"] = common_name
    fields["ExtraNames"] = slice_of([_distinguished(item) for item in name if item.oid not in _KNOWN])
    keys = {field: key for field, (_, key) in (*_LISTS.items(), *_TEXTS.items())} | {"ExtraNames": "extraNames"}
    return GoStruct(
        "x509util.Subject",
        fields,
        json={key: fields[field] for field, key in keys.items() if fields[field]},
    )


def _distinguished(attribute: x509.NameAttribute[str | bytes]) -> GoStruct:
    return GoStruct(
        "x509util.DistinguishedName",
        {"Type": attribute.oid.dotted_string, "Value": attribute.value},
        json={"type": attribute.oid.dotted_string, "value": attribute.value},
    )


def pkix_name_value(name: x509.Name) -> GoStruct:
    """``pkix.Name``, which also has a text; its JSON names are Go's, and are read without regard to case."""
    fields = _fields(name)
    fields["Names"] = slice_of([_attribute(item) for item in name])
    fields["ExtraNames"] = slice_of([])
    return GoStruct("pkix.Name", fields, json=fields, text=name.rfc4514_string())


def _attribute(attribute: x509.NameAttribute[str | bytes]) -> GoStruct:
    arcs = [int(arc) for arc in attribute.oid.dotted_string.split(".")]
    fields = {"Type": attribute.oid.dotted_string, "Value": attribute.value}
    return GoStruct("pkix.AttributeTypeAndValue", fields, json={"Type": arcs, "Value": attribute.value})
