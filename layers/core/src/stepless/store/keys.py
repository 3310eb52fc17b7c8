"""Encrypted keys, in DynamoDB; what is inside of an envelope this module cannot know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography import x509

from stepless.domain.certificate import certificate_sha256
from stepless.errors import Conflict
from stepless.services.ports import Envelope, KeyName, KeyStore, StoredKey
from stepless.store.codec import Item, decode_certificates, encode_certificates
from stepless.store.table import Rejected, Table


@dataclass(frozen=True, slots=True)
class DynamoKeys:
    """One authority's keys, an item each."""

    table: Table
    authority_id: str
    keys_table: str

    def put(self, stored: StoredKey, *, instead_of: x509.Certificate | None = None) -> None:
        """Keep a key; see the port."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if instead_of is not None:
            condition = {
                "ConditionExpression": "certificate_sha256 = :old",
                "ExpressionAttributeValues": {":old": {"B": certificate_sha256(instead_of)}},
            }
        try:
            self.table.transact([{"Put": {"TableName": self.keys_table, "Item": self._encode(stored), **condition}}])
        except Rejected as rejected:
            raise Conflict(f"key {stored.name.role}/{stored.name.key_id} is there already, or changed") from rejected

    def get(self, name: KeyName) -> StoredKey | None:
        """The key of a name; see the port."""
        item = self.table.get(self.keys_table, self._key(name))
        if item is None:
            return None
        if "kms_signing_key" in item:
            return StoredKey(name, item["kms_signing_key"]["S"], decode_certificates(item["chain"]))
        envelope = Envelope(*(bytes(item[part]["B"]) for part in ("wrapped_key", "nonce", "ciphertext")))
        return StoredKey(name, envelope, decode_certificates(item["chain"]))

    def _encode(self, stored: StoredKey) -> Item:
        item = {
            **self._key(stored.name),
            "chain": encode_certificates(stored.chain),
            "certificate_sha256": {"B": certificate_sha256(stored.chain[0])},
        }
        if isinstance(stored.material, str):
            return {**item, "kms_signing_key": {"S": stored.material}}
        return {
            **item,
            "wrapped_key": {"B": stored.material.wrapped_key},
            "nonce": {"B": stored.material.nonce},
            "ciphertext": {"B": stored.material.ciphertext},
        }

    def _key(self, name: KeyName) -> Item:
        return {"pk": {"S": self.authority_id}, "sk": {"S": f"{name.role}#{name.key_id}"}}


_: type[KeyStore] = DynamoKeys
