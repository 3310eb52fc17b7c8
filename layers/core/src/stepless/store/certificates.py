"""The inventory and the marks of spent tokens, in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stepless.domain.certificate import CertificateRecord, Revocation
from stepless.domain.serial import serial_hex
from stepless.errors import AlreadyRevoked, IntegrityFailure, Unauthenticated
from stepless.services.ports import CertificateStore, Spend, Succession
from stepless.store.codec import (
    Item,
    certificate_key,
    decode_record,
    encode_record,
    encode_revocation,
    epoch,
)
from stepless.store.table import Rejected, Table


@dataclass(frozen=True, slots=True)
class DynamoCertificates:
    """One authority's certificates; issuing and renewing are one ``TransactWriteItems`` each."""

    table: Table
    authority_id: str
    certificates_table: str
    tickets_table: str

    def record(
        self,
        record: CertificateRecord,
        *,
        spend: Spend | None = None,
        succeeds: Succession | None = None,
    ) -> CertificateRecord:
        """Record a certificate, all or nothing; see the port."""
        writes: list[dict[str, Any]] = [
            {
                "Put": {
                    "TableName": self.certificates_table,
                    "Item": encode_record(self.authority_id, record),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
        ]
        if spend is not None:
            writes.append(self._spend(spend, record.serial))
        if succeeds is not None:
            writes.append(self._succeed(succeeds, record.serial))
        try:
            self.table.transact(writes)
        except Rejected as rejected:
            return self._explain(rejected, spend=spend, succeeds=succeeds)
        return record

    def _spend(self, spend: Spend, serial: int) -> dict[str, Any]:
        item = {
            "pk": {"S": f"{self.authority_id}#token#{spend.key}"},
            "request_sha256": {"B": spend.request_sha256},
            "serial": {"S": serial_hex(serial)},
            "expires_at": epoch(spend.expires_at),
        }
        return {
            "Put": {
                "TableName": self.tickets_table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _succeed(self, succeeds: Succession, serial: int) -> dict[str, Any]:
        """Check the predecessor and point it to its successor; of several renewals the last one is named."""
        return {
            "Update": {
                "TableName": self.certificates_table,
                "Key": certificate_key(self.authority_id, succeeds.serial),
                "UpdateExpression": "SET successor = :successor",
                "ConditionExpression": (
                    "sha256 = :sha256 AND provisioner_id = :provisioner AND attribute_not_exists(revoked_at)"
                ),
                "ExpressionAttributeValues": {
                    ":successor": {"S": serial_hex(serial)},
                    ":sha256": {"B": succeeds.certificate_sha256},
                    ":provisioner": {"S": succeeds.provisioner_id},
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _explain(self, rejected: Rejected, *, spend: Spend | None, succeeds: Succession | None) -> CertificateRecord:
        """The earlier record for a repeated request; else the refusal that fits what stood in the way."""
        reasons = list(rejected.items[1:])
        spent = reasons.pop(0) if spend is not None else None
        if spend is not None and spent is not None:
            return self._repeated(spend, spent)
        predecessor = reasons.pop(0) if succeeds is not None else None
        if predecessor is not None:
            raise Unauthenticated(_why_not_continued(predecessor))
        raise IntegrityFailure("a new serial number is already on record")

    def _repeated(self, spend: Spend, spent: Item) -> CertificateRecord:
        if bytes(spent["request_sha256"]["B"]) != spend.request_sha256:
            raise Unauthenticated("the token was used before, for another request")
        earlier = self.get(int(spent["serial"]["S"], 16))
        if earlier is None:
            raise IntegrityFailure("a token was spent for a certificate that is not on record")
        return earlier

    def get(self, serial: int) -> CertificateRecord | None:
        """The record of a serial; see the port."""
        item = self.table.get(self.certificates_table, certificate_key(self.authority_id, serial))
        return decode_record(item) if item is not None else None

    def revoke(self, serial: int, revocation: Revocation, *, spend: Spend | None = None) -> None:
        """Record a revocation; see the port."""
        attributes = encode_revocation(revocation)
        update = {
            "TableName": self.certificates_table,
            "Key": certificate_key(self.authority_id, serial),
            "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in attributes),
            "ConditionExpression": "attribute_not_exists(revoked_at)",
            "ExpressionAttributeValues": {f":{name}": value for name, value in attributes.items()},
        }
        writes: list[dict[str, Any]] = [{"Update": update}]
        if spend is not None:
            writes.append(self._spend(spend, serial))
        try:
            self.table.transact(writes)
        except Rejected as rejected:
            self._explain_revocation(rejected, serial, spend)

    def _explain_revocation(self, rejected: Rejected, serial: int, spend: Spend | None) -> None:
        spent = rejected.items[1] if spend is not None else None
        if spend is None or spent is None:
            raise AlreadyRevoked(f"certificate with serial number '{serial}' is already revoked") from rejected
        if bytes(spent["request_sha256"]["B"]) != spend.request_sha256:
            raise Unauthenticated("the token was used before, for another request") from rejected
        # The very same request again: its revocation stands.


def _why_not_continued(predecessor: Item) -> str:
    if "der" not in predecessor:
        return "the certificate is not on record"
    if "revoked_at" in predecessor:
        return "the certificate is revoked"
    return "the certificate is not the one on record, or another provisioner's"


_: type[CertificateStore] = DynamoCertificates
