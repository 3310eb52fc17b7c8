"""The one way a certificate comes to be: sign, audit, record, and only then hand over.

Sign, renew, rekey and the authority's endpoint all end here, so they cannot drift apart.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stepless.domain.authority import Authority
from stepless.domain.certificate import CertificateRecord, ProvisionerReference, certificate_names
from stepless.domain.issuance import Issuer, sign_certificate
from stepless.domain.profile import CertificateContent
from stepless.domain.provisioners import Provisioner
from stepless.domain.serial import lineage_of, new_lineage, new_serial, serial_hex
from stepless.services.ports import CertificateStore, IssuerKeys, Spend, Succession

_AUDIT: Final = logging.getLogger("stepless.audit")


@dataclass(frozen=True, slots=True)
class IssuanceOrder:
    """What to issue, for whom, and what it uses up or takes over from; ``serial`` only where a template chose it."""

    content: CertificateContent
    requester: str
    provisioner: ProvisionerReference | None
    spend: Spend | None = None
    succeeds: Succession | None = None
    serial: int | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that may leave, with the authority that it chains to."""

    record: CertificateRecord
    authority: Authority


def reference(provisioner: Provisioner) -> ProvisionerReference:
    """What a record says of its provisioner."""
    return ProvisionerReference(provisioner.id, provisioner.name, provisioner.type)


def request_sha256(*parts: bytes) -> bytes:
    """A hash that is equal only for requests of equal parts."""
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()


class IssueCertificate:
    """Signs with the authority's issuing key and records the result in one transaction."""

    def __init__(self, keys: IssuerKeys, store: CertificateStore) -> None:
        """Take the key and the inventory."""
        self._keys = keys
        self._store = store

    def issuer(self, authority: Authority) -> Issuer:
        """The issuer that signs for an authority now.

        Raises:
            Unavailable: its key cannot be had.
        """
        return self._keys.issuer(authority.issuing.key_id, authority.issuing.certificate)

    def __call__(self, order: IssuanceOrder, issuer: Issuer, *, now: datetime) -> CertificateRecord:
        """Sign, then record; the record that stands is returned, and only its certificate may leave.

        A crash in between leaves a signed certificate that nobody has, and its serial in the audit log.

        Raises:
            Unauthenticated: what the order spends was spent, or its predecessor does not stand.
            ValidityNotAllowed: it would outlive its issuer.
            Unavailable: the record could not be written.
        """
        lineage = lineage_of(order.succeeds.serial) if order.succeeds else new_lineage()
        serial = new_serial(lineage)
        if order.serial is not None:
            serial, lineage = order.serial, lineage_of(order.serial)
        _AUDIT.info("intent", extra={"serial": serial_hex(serial), "key_id": issuer.key_id})
        certificate = sign_certificate(order.content, issuer, serial)
        record = CertificateRecord(
            certificate=certificate,
            issuer_key_id=issuer.key_id,
            issued_at=now,
            requester=order.requester,
            names=certificate_names(certificate),
            provisioner=order.provisioner,
            lineage=lineage,
            predecessor=order.succeeds.serial if order.succeeds else None,
        )
        standing = self._store.record(record, spend=order.spend, succeeds=order.succeeds)
        if standing is not record:  # the function's own log event tells of the certificate that leaves
            _AUDIT.info("repeated", extra={"serial": serial_hex(standing.serial)})
        return standing
