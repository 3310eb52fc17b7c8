"""The settings of an authority, in DynamoDB: one partition, read with one query, kept for some seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from stepless.domain.authority import Authority
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioners import Provisioner, parse_provisioner
from stepless.errors import Conflict, NotFound, Unavailable
from stepless.services.ports import AuthoritySource, Clock, SettingsStore
from stepless.store.codec import Item, decode_authority, encode_authority, encode_policy
from stepless.store.table import Rejected, Table

# A change of settings is seen everywhere after this time at the latest.
CACHE_TIME: Final = timedelta(seconds=10)
_AUTHORITY: Final = "authority"
_PROVISIONER: Final = "provisioner#"
_NAME: Final = "unique#"


@dataclass(frozen=True, slots=True)
class DynamoSettings:
    """Settings of one authority; provisioners are listed in the order of their making."""

    table: Table
    authority_id: str
    settings_table: str
    clock: Clock

    def load(self) -> Authority | None:
        """The authority as stored; see the port."""
        items = {item["sk"]["S"]: item for item in self.table.query(self.settings_table, {"S": self.authority_id})}
        own = items.get(_AUTHORITY)
        if own is None:
            return None
        provisioners: list[Mapping[str, Any]] = [
            item for key, item in sorted(items.items()) if key.startswith(_PROVISIONER)
        ]
        return decode_authority(self.authority_id, own, provisioners)

    def create(self, authority: Authority, first_provisioner: Mapping[str, Any], provisioner_id: str) -> None:
        """Write an authority with its first provisioner; see the port."""
        own = {**self._key(_AUTHORITY), **encode_authority(authority)}
        parsed = parse_provisioner(provisioner_id, first_provisioner, authority.claims)
        self._put_all([own, *self._provisioner_items(parsed)])

    def add_provisioner(self, authority: Authority, document: Mapping[str, Any], provisioner_id: str) -> Provisioner:
        """Add a provisioner at the end of the list.

        Raises:
            ValueError: the document is not one of a supported provisioner.
            Conflict: name or token-lookup id is taken.
        """
        provisioner = parse_provisioner(provisioner_id, document, authority.claims)
        self._put_all(self._provisioner_items(provisioner))
        return provisioner

    def remove_provisioner(self, name: str) -> None:
        """Remove a provisioner; its certificates stay valid and are not renewed any more.

        Raises:
            NotFound: there is none of that name.
            Conflict: it was removed or made anew at the same time.
        """
        guard = self.table.get(self.settings_table, self._key(f"{_NAME}name#{name}"))
        if guard is None:
            raise NotFound(f"provisioner {name!r} was not found")
        own, *guards = [self._key(entry["S"]) for entry in guard["belongs_to"]["L"]]
        still_its_own: dict[str, Any] = {
            "ConditionExpression": "belongs_to = :belongs_to",
            "ExpressionAttributeValues": {":belongs_to": guard["belongs_to"]},
        }
        deletes: list[dict[str, Any]] = [{"Key": own}, *({"Key": key, **still_its_own} for key in guards)]
        try:
            self.table.transact([{"Delete": {"TableName": self.settings_table, **delete}} for delete in deletes])
        except Rejected as rejected:
            raise Conflict(f"provisioner {name!r} was changed meanwhile") from rejected

    def set_policy(self, policy: NamePolicy) -> None:
        """Put a policy in the place of the authority's own.

        Raises:
            NotFound: there is no authority.
        """
        update = {
            "TableName": self.settings_table,
            "Key": self._key(_AUTHORITY),
            "UpdateExpression": "SET #policy = :policy",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#policy": "policy"},
            "ExpressionAttributeValues": {":policy": encode_policy(policy)},
        }
        try:
            self.table.transact([{"Update": update}])
        except Rejected as rejected:
            raise NotFound(f"there is no authority {self.authority_id!r}") from rejected

    def _provisioner_items(self, provisioner: Provisioner) -> list[Item]:
        """The provisioner, and a guard for each thing that only one may have."""
        made_at = f"{self.clock.now():%Y%m%dT%H%M%S.%fZ}"
        guards = [f"{_NAME}name#{provisioner.name}", f"{_NAME}lookup#{provisioner.lookup_id}"]
        own = f"{_PROVISIONER}{made_at}#{provisioner.id}"
        belongs = {"belongs_to": {"L": [{"S": key} for key in (own, *guards)]}}
        document = json.dumps(dict(provisioner.document))
        return [
            {**self._key(own), "id": {"S": provisioner.id}, "document": {"S": document}},
            *({**self._key(guard), **belongs} for guard in guards),
        ]

    def _key(self, sort_key: str) -> Item:
        return {"pk": {"S": self.authority_id}, "sk": {"S": sort_key}}

    def _put_all(self, items: list[Item]) -> None:
        puts = [
            {
                "Put": {
                    "TableName": self.settings_table,
                    "Item": item,
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
            for item in items
        ]
        try:
            self.table.transact(puts)
        except Rejected as rejected:
            raise Conflict("name, or key id, is taken") from rejected


_: type[SettingsStore] = DynamoSettings


@dataclass(slots=True)
class CachedAuthority:
    """The authority for request handlers: read again when the copy is ``CACHE_TIME`` old."""

    store: SettingsStore
    clock: Clock
    _authority: Authority | None = field(default=None, init=False)
    _read_at: datetime | None = field(default=None, init=False)

    def authority(self) -> Authority:
        """The authority; see the port."""
        now = self.clock.now()
        if self._authority is None or self._read_at is None or not timedelta(0) <= now - self._read_at < CACHE_TIME:
            self._authority = self.store.load()
            self._read_at = now
        if self._authority is None:
            raise Unavailable("the authority has not been bootstrapped yet")
        return self._authority


_source: type[AuthoritySource] = CachedAuthority
