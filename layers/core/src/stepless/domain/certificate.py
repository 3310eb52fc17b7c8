"""What the authority keeps of a certificate: the record of its issuance, its lineage and its revocation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from stepless.errors import MalformedRequest

MAX_REASON_TEXT: Final = 1_024
# All that the library raises for a certificate or request that does not parse; only some of it are ValueErrors.
UNREADABLE: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


class ReasonCode(IntEnum):
    """Reasons of a revocation (RFC 5280 §5.3.1); 7 is not used there, and step-ca takes it all the same."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    UNUSED = 7
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


def reason_code(number: int) -> ReasonCode:
    """The reason of a number.

    Raises:
        MalformedRequest: it is not one of 0 to 10.
    """
    try:
        return ReasonCode(number)
    except ValueError as error:
        raise MalformedRequest("reasonCode out of bounds") from error


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a certificate is not to be renewed any more, since when, why, and on whose word.

    ``revoked_by`` is a provisioner's name, or ``certificate`` when its owner asked with it.
    """

    revoked_at: datetime
    reason: ReasonCode
    reason_text: str
    revoked_by: str


@dataclass(frozen=True, slots=True)
class ProvisionerReference:
    """Which provisioner vouched for a certificate; the authority's own certificates have none."""

    id: str
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class CertificateRecord:
    """One issued certificate.

    ``lineage`` is what it has in common with the certificates that it continues by renewal, ``predecessor`` the serial
    of the one before it. ``requester`` is the token's subject, or how else the request was proven.
    """

    certificate: x509.Certificate
    issuer_key_id: str
    issued_at: datetime
    requester: str
    names: tuple[str, ...]
    provisioner: ProvisionerReference | None
    lineage: str
    predecessor: int | None = None
    revocation: Revocation | None = None

    @property
    def serial(self) -> int:
        """The certificate's serial number."""
        return self.certificate.serial_number

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)


def certificate_sha256(certificate: x509.Certificate) -> bytes:
    """The SHA-256 of a certificate's DER: what tells it from any other."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()


def certificate_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names of a certificate as text, in the extension's order."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in extension.value)
