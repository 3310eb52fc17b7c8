"""The certificate extension that names the provisioner: 1.3.6.1.4.1.37476.9000.64.1, as step reads and writes it.

``step certificate inspect`` shows it, and a renewal finds its provisioner by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat import asn1

from stepless.errors import MalformedRequest

PROVISIONER_OID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.37476.9000.64.1")


@asn1.sequence
class _StepProvisioner:
    type: int
    name: bytes
    credential_id: bytes
    key_value_pairs: list[asn1.PrintableString | str] | None


@dataclass(frozen=True, slots=True)
class ProvisionerStamp:
    """Which provisioner vouched for a certificate; ``details`` are names and values in turn, of a cloud's machine."""

    type_number: int
    name: str
    credential_id: str = ""
    details: tuple[str, ...] = ()


def encode_stamp(stamp: ProvisionerStamp) -> x509.UnrecognizedExtension:
    """The stamp as a (never critical) extension."""
    sequence = _StepProvisioner(
        type=stamp.type_number,
        name=stamp.name.encode(),
        credential_id=stamp.credential_id.encode(),
        key_value_pairs=[_as_go_writes(text) for text in stamp.details] or None,
    )
    return x509.UnrecognizedExtension(PROVISIONER_OID, asn1.encode_der(sequence))


def _as_go_writes(text: str) -> asn1.PrintableString | str:
    """A string of the narrowest type, as Go's encoder chooses it."""
    try:
        return asn1.PrintableString(text)
    except ValueError:
        return text


def read_stamp(certificate: x509.Certificate) -> ProvisionerStamp | None:
    """The stamp of a certificate, ``None`` when it has none.

    Raises:
        MalformedRequest: the extension is there and does not parse.
    """
    try:
        extension = certificate.extensions.get_extension_for_oid(PROVISIONER_OID)
    except x509.ExtensionNotFound:
        return None
    if not isinstance(extension.value, x509.UnrecognizedExtension):
        raise MalformedRequest("the certificate's provisioner extension does not parse")
    try:
        sequence = asn1.decode_der(_StepProvisioner, extension.value.value)
        details = tuple(item if isinstance(item, str) else item.as_str() for item in sequence.key_value_pairs or ())
        return ProvisionerStamp(sequence.type, sequence.name.decode(), sequence.credential_id.decode(), details)
    except ValueError as error:
        raise MalformedRequest("the certificate's provisioner extension does not parse") from error
