"""The names of a template's output: step's ``sans`` of all types, ``dnsNames`` and their like (RFC 5280 §4.2.1.6)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import OtherNameFormOID

from stepless.domain.names import MAX_NAMES, Name, NameType, classify_all, name_of
from stepless.domain.template import der
from stepless.domain.template.asn1_values import encode_text, typed_text
from stepless.domain.template.output import Fields
from stepless.domain.template.subject import read_name
from stepless.errors import BadTemplateOutput, MalformedRequest

_LISTS: Final = {
    "dnsNames": NameType.DNS,
    "emailAddresses": NameType.EMAIL,
    "ipAddresses": NameType.IP,
    "uris": NameType.URI,
}
_STANDARD: Final = {"": None, "auto": None, **{str(kind): kind for kind in NameType}}
_EXPLICIT_0: Final = 0xA0
_PRINCIPAL: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_HARDWARE_TAG: Final = 4


@dataclass(frozen=True, slots=True)
class AlternativeNames:
    """``standard`` are the names that policies judge; ``general`` are all, in the order of encoding.

    ``by_hand`` says that there are other types too: step-ca then writes the extension among the template's own.
    """

    standard: tuple[Name, ...]
    general: tuple[x509.GeneralName, ...]
    by_hand: bool


def read_alternative_names(fields: Fields) -> AlternativeNames:
    """All names of an output.

    Names of the standard types pass the same checks as those of tokens, whether the template took them from the token,
    from the request, or wrote them itself: step-ca leaves unusual ones through when a name of another type is present.

    Raises:
        BadTemplateOutput: a type that is not known, a value that does not fit its type, or too many names.
        MalformedRequest: a name that no certificate may carry.
    """
    standard = [_standard(text, kind) for key, kind in _LISTS.items() for text in fields.texts(key)]
    general: list[x509.GeneralName] = [name.general_name() for name in standard]
    by_hand = False
    for item in fields.objects("sans"):
        kind = item.text("type")
        if kind.lower() in _STANDARD:
            names = _standard_item(item, _STANDARD[kind.lower()])
            standard += names
            general += [name.general_name() for name in names]
        elif item.text("value") or item.get("asn1Value") is not None:
            general.append(_other(item, kind))
            by_hand = True
    if len(general) > MAX_NAMES:
        raise BadTemplateOutput(f"{len(general)} names; a certificate carries {MAX_NAMES} at most")
    checked = classify_all(name.value for name in standard)
    if not by_hand:
        return AlternativeNames(checked, tuple(name.general_name() for name in checked), by_hand=False)
    return AlternativeNames(checked, tuple(dict.fromkeys(general)), by_hand=True)


def _standard_item(item: Fields, kind: NameType | None) -> list[Name]:
    value = item.text("value")
    return [_standard(value, kind)] if value else []


def _standard(text: str, kind: NameType | None) -> Name:
    """One name, checked; a text that has another type than it claims would be read as either."""
    (name,) = classify_all([text])
    if kind is not None and name.type is not kind:
        raise MalformedRequest(f"{text[:64]!r} is not a valid {kind} name")
    return name


def standard_names(names: x509.SubjectAlternativeName) -> tuple[Name, ...]:
    """The names of the standard types in an extension that a template encoded itself, checked.

    Raises:
        MalformedRequest: a name that no certificate may carry.
    """
    found = [name for name in map(name_of, names) if name is not None]
    return classify_all(_standard(name.value, name.type).value for name in found)


def _other(item: Fields, kind: str) -> x509.GeneralName:
    reader = _READERS.get(kind.lower(), _other_name)
    try:
        return reader(item)
    except ValueError as error:
        raise BadTemplateOutput(f"{item.path}: {kind[:64]!r}: {error}") from error


def _structured(item: Fields) -> Any:
    """``asn1Value``, or ``value`` as JSON."""
    value = item.get("asn1Value")
    return value if value is not None else json.loads(item.text("value"))


def _registered_id(item: Fields) -> x509.GeneralName:
    return x509.RegisteredID(x509.ObjectIdentifier(item.text("value")))


def _permanent_identifier(item: Fields) -> x509.GeneralName:
    """RFC 4043: both parts are optional."""
    value = item.get("asn1Value")
    parts = Fields.of(value, item.at("asn1Value")) if value is not None else Fields({"identifier": item.text("value")})
    encoded = [encode_text(text, "utf8") for text in [parts.text("identifier")] if text]
    encoded += [der.object_identifier(oid.dotted_string).der for oid in parts.oids("assigner")[:1]]
    return x509.OtherName(OtherNameFormOID.PERMANENT_IDENTIFIER, der.sequence(*encoded).der)


def _hardware_module(item: Fields) -> x509.GeneralName:
    """RFC 4108 §5; the serial number is under the tag that step-ca gives it."""
    parts = Fields.of(_structured(item), item.path)
    (kind,) = parts.oids("type")
    serial = der.Element(der.OCTET_STRING, parts.data("serialNumber")).implicit(_HARDWARE_TAG)
    return x509.OtherName(
        OtherNameFormOID.HW_MODULE_NAME, der.sequence(der.object_identifier(kind.dotted_string).der, serial.der).der
    )


def _directory_name(item: Fields) -> x509.GeneralName:
    name = read_name(_structured(item), item.path)
    if not list(name):
        msg = "empty"
        raise ValueError(msg)
    return x509.DirectoryName(name)


def _principal(item: Fields) -> x509.GeneralName:
    return x509.OtherName(_PRINCIPAL, encode_text(item.text("value"), "utf8"))


def _other_name(item: Fields) -> x509.GeneralName:
    """A type that is an object identifier; the value is ``[type:]text``."""
    encoded = typed_text(item.text("value"))
    if encoded[:1] == bytes([_EXPLICIT_0]):
        # `raw` in step-ca stands for the value with its explicit tag, which the library writes itself.
        encoded = der.content_of(encoded)
    return x509.OtherName(x509.ObjectIdentifier(item.text("type")), encoded)


_READERS: Final[dict[str, Callable[[Fields], x509.GeneralName]]] = {
    "registeredid": _registered_id,
    "permanentidentifier": _permanent_identifier,
    "hardwaremodulename": _hardware_module,
    "dn": _directory_name,
    "userprincipalname": _principal,
}
