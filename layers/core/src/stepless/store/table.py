"""One DynamoDB client, its errors told apart once.

What the service refuses because of a condition becomes ``Rejected``; whatever keeps it from answering becomes
``Unavailable``, which a client may answer by sending the same request again.

Every write is a transaction, of one item too: the SDK gives it an idempotency token, so that a write whose answer got
lost is not taken for somebody else's when the SDK sends it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from stepless.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
_Result = TypeVar("_Result")
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

    def __init__(self, client: DynamoDBClient) -> None:
        """Take a low-level client; its time limits decide how long a call may hang."""
        self._client = client

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
        try:
            self._client.transact_write_items(TransactItems=writes)  # type: ignore[arg-type]  # plain mappings
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = error.response.get("CancellationReasons", [])
            codes = {reason.get("Code") for reason in reasons} - {"None", None}
            if not codes <= {_CONDITION_FAILED, "TransactionConflict"}:
                raise Unavailable(f"DynamoDB canceled a transaction: {sorted(map(str, codes))}") from error
            return tuple(
                dict(reason.get("Item") or {}) if reason.get("Code") == _CONDITION_FAILED else None
                for reason in reasons
            )
        except (ClientError, BotoCoreError) as error:
            raise Unavailable("DynamoDB did not take a transaction") from error
        return None

    def get(self, table: str, key: Item) -> Item | None:
        """One consistent read.

        Raises:
            Unavailable: the service did not answer.
        """
        return _answer(lambda: self._client.get_item(TableName=table, Key=key, ConsistentRead=True)).get("Item")

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
            page = _answer(lambda: self._client.query(**request))
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _answer(call: Callable[[], _Result]) -> _Result:
    try:
        return call()
    except (ClientError, BotoCoreError) as error:
        raise Unavailable("DynamoDB did not answer a read") from error
