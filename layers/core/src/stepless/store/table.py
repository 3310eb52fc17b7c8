"""One DynamoDB client, its errors told apart once.

What the service refuses because of a condition becomes ``Rejected``; whatever keeps it from answering becomes
``Unavailable``, which a client may answer by sending the same request again.

Every write is a transaction, of one item too: it has an idempotency token, so that a write whose answer got lost is not
taken for somebody else's when it is sent again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from stepless.errors import Unavailable
from stepless.store.dynamodb import CallRefused, DynamoDB, NoAnswer, plain_item

Item = dict[str, Any]
_CONDITION_FAILED: Final = "ConditionalCheckFailed"
# Another transaction touches the same item right now: one of the two wins, the other one looks again.
_CONFLICT_ATTEMPTS: Final = 4


class Rejected(Exception):
    """A condition did not hold.

    ``items`` has, per write of the request, the item that stood there, and ``None`` where the condition held.
    """

    def __init__(self, items: tuple[Item | None, ...]) -> None:
        """Keep what stood in the way."""
        super().__init__("a condition did not hold")
        self.items = items


class Table:
    """The calls that the stores need, on any table."""

    def __init__(self, dynamodb: DynamoDB) -> None:
        """Take the endpoint; its time limits decide how long a call may hang."""
        self._dynamodb = dynamodb

    def transact(self, writes: Sequence[Mapping[str, Any]]) -> None:
        """Write all or nothing.

        Raises:
            Rejected: a condition did not hold; a rejected write that found no item has an empty one.
            Unavailable: the service did not answer, or kept reporting a conflict.
        """
        for _ in range(_CONFLICT_ATTEMPTS):
            rejected = self._try_transact(writes)
            if rejected is None:
                return
            if any(item is not None for item in rejected):
                raise Rejected(rejected)
        raise Unavailable("the same record is being written by other requests")

    def _try_transact(self, writes: Sequence[Mapping[str, Any]]) -> tuple[Item | None, ...] | None:
        """``None`` when it committed; else what stood in the way, all ``None`` when that was only a conflict."""
        request = {"TransactItems": writes, "ClientRequestToken": str(uuid.uuid4())}
        try:
            self._dynamodb.call("TransactWriteItems", request)
        except CallRefused as refusal:
            if refusal.code != "TransactionCanceledException":
                raise Unavailable("DynamoDB did not take a transaction") from refusal
            codes = {reason.get("Code") for reason in refusal.reasons} - {"None", None}
            if not codes <= {_CONDITION_FAILED, "TransactionConflict"}:
                raise Unavailable(f"DynamoDB canceled a transaction: {sorted(map(str, codes))}") from refusal
            return tuple(map(_obstacle, refusal.reasons))
        except NoAnswer as error:
            raise Unavailable("DynamoDB did not take a transaction") from error
        return None

    def get(self, table: str, key: Item) -> Item | None:
        """One consistent read.

        Raises:
            Unavailable: the service did not answer.
        """
        answer = self._read("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
        return plain_item(answer["Item"]) if "Item" in answer else None

    def query(self, table: str, partition: Item) -> Iterator[Item]:
        """All items of one partition in the order of their sort keys, read consistently, page by page.

        Raises:
            Unavailable: the service did not answer.
        """
        request: dict[str, Any] = {
            "TableName": table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": partition},
            "ConsistentRead": True,
        }
        while True:
            page = self._read("Query", request)
            yield from map(plain_item, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _read(self, operation: str, request: Mapping[str, Any]) -> Item:
        try:
            return self._dynamodb.call(operation, request)
        except (CallRefused, NoAnswer) as error:
            raise Unavailable("DynamoDB did not answer a read") from error


def _obstacle(reason: Mapping[str, Any]) -> Item | None:
    """The item that made a condition fail, empty where there was none; ``None`` for a write that was not in the way."""
    return plain_item(reason.get("Item") or {}) if reason.get("Code") == _CONDITION_FAILED else None
