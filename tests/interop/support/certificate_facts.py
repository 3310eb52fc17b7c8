"""Takes a certificate apart into comparable facts, field by field."""

from dataclasses import dataclass
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID

PROVISIONER_OID = x509.ObjectIdentifier("1.3.6.1.4.1.37476.9000.64.1")


@dataclass(frozen=True, slots=True)
class ProvisionerExtension:
    """Decoded step provisioner extension."""

    kind: int
    name: str
    credential_id: str
    rest: bytes


def _read(der: bytes, at: int) -> tuple[int, bytes, int]:
    """Return tag, content and the offset after one DER element of at most 255 bytes."""
    tag, length, start = der[at], der[at + 1], at + 2
    if length == 0x81:
        length, start = der[at + 2], at + 3
    assert length < 0x80 or start == at + 3
    return tag, der[start : start + length], start + length


def provisioner_extension(cert: x509.Certificate) -> ProvisionerExtension:
    """Decode `SEQUENCE {INTEGER, OCTET STRING, OCTET STRING, …}`; fail on any other shape."""
    extension = cert.extensions.get_extension_for_oid(PROVISIONER_OID)
    assert not extension.critical
    der = cast("x509.UnrecognizedExtension", extension.value).value
    tag, content, end = _read(der, 0)
    assert (tag, end) == (0x30, len(der))
    kind_tag, kind, at = _read(content, 0)
    name_tag, name, at = _read(content, at)
    credential_tag, credential, at = _read(content, at)
    assert (kind_tag, name_tag, credential_tag) == (0x02, 0x04, 0x04)
    return ProvisionerExtension(int.from_bytes(kind, "big"), name.decode(), credential.decode(), content[at:])


def key_identifier(cert: x509.Certificate) -> bytes:
    """Return the subject key identifier by RFC 5280 §4.2.1.2 method 1: SHA-1 of the key's bits."""
    return x509.SubjectKeyIdentifier.from_public_key(cert.public_key()).digest


def extension_value(cert: x509.Certificate, oid: x509.ObjectIdentifier) -> x509.ExtensionType:
    """Return the value of an extension that must be there."""
    return cert.extensions.get_extension_for_oid(oid).value


def subject_key_identifier(cert: x509.Certificate) -> bytes:
    """Return the SKI as written in the certificate."""
    value = extension_value(cert, ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    return cast("x509.SubjectKeyIdentifier", value).digest


def span_seconds(cert: x509.Certificate) -> float:
    """Return not_after minus not_before."""
    return (cert.not_valid_after_utc - cert.not_valid_before_utc).total_seconds()


def names(cert: x509.Certificate) -> list[tuple[str, str]]:
    """Return the SANs in their order as (type, value)."""
    value = extension_value(cert, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    san = cast("x509.SubjectAlternativeName", value)
    return [(type(name).__name__, str(name.value)) for name in san]


def public_key_kind(cert: x509.Certificate) -> str:
    """Return algorithm with curve or size, such as `EC secp256r1`."""
    key = cert.public_key()
    kind = type(key).__name__.removesuffix("PublicKey").removeprefix("_")
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"{kind} {key.curve.name}"
    size = getattr(key, "key_size", "")
    return f"{kind} {size}".strip()


def _extension_fact(
    cert: x509.Certificate, issuer: x509.Certificate, extension: x509.Extension[x509.ExtensionType]
) -> object:
    """Return the DER of an extension, or what it says where the bytes differ by their nature."""
    if extension.oid == PROVISIONER_OID:
        decoded = provisioner_extension(cert)
        return (decoded.kind, decoded.name, bool(decoded.credential_id), decoded.rest)
    der = extension.value.public_bytes()
    if extension.oid == ExtensionOID.SUBJECT_KEY_IDENTIFIER:
        digest = subject_key_identifier(cert)
        method = "method 1" if digest == key_identifier(cert) else "other"
        return (method, len(der))
    if extension.oid == ExtensionOID.AUTHORITY_KEY_IDENTIFIER:
        aki = cast("x509.AuthorityKeyIdentifier", extension.value)
        of_issuer = aki.key_identifier == subject_key_identifier(issuer)
        return (of_issuer, aki.authority_cert_issuer, aki.authority_cert_serial_number)
    return der.hex()


def facts(cert: x509.Certificate, issuer: x509.Certificate) -> dict[str, object]:
    """Return every field but those that must differ (serial, key, instants, signature bits).

    Extensions are compared as DER; for the encoding of the rest see `encoding`.
    """
    return {
        "version": cert.version.name,
        "signature": cert.signature_algorithm_oid.dotted_string,
        "issuer": cert.issuer.rfc4514_string(),
        "issuer as its issuer writes it": cert.issuer.public_bytes() == issuer.subject.public_bytes(),
        "subject": cert.subject.rfc4514_string(),
        "key": public_key_kind(cert),
        # What ends with its credential is shorter by the time that went by meanwhile.
        "span": round(span_seconds(cert) / 20) * 20,
        "whole seconds": cert.not_valid_before_utc.microsecond == 0,
        "order": " ".join(e.oid.dotted_string for e in cert.extensions),
        "extensions": {e.oid.dotted_string: (e.critical, _extension_fact(cert, issuer, e)) for e in cert.extensions},
    }


def string_types(name: x509.Name) -> list[str]:
    """Return the ASN.1 type of each attribute's value in a name of single-valued RDNs."""
    known = {0x0C: "UTF8String", 0x13: "PrintableString", 0x16: "IA5String"}
    _, rdns, _ = _read(name.public_bytes(), 0)
    types, at = [], 0
    while at < len(rdns):
        _, rdn, at = _read(rdns, at)
        _, attribute, _ = _read(rdn, 0)
        _, _, value_at = _read(attribute, 0)
        types.append(known.get(attribute[value_at], hex(attribute[value_at])))
    return types


def encoding(cert: x509.Certificate) -> dict[str, object]:
    """Return what the choice of encodings shows: string types of the names, octets of the serial."""
    return {
        "issuer": " ".join(string_types(cert.issuer)),
        "subject": " ".join(string_types(cert.subject)),
        "octets of serial": "up to 16" if cert.serial_number < 2**128 else "up to 20",
        "positive serial": 0 < cert.serial_number < 2**159,
    }
