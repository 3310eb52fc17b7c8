"""Finds out what changed in the embedded AWS since the last snapshot, and puts a snapshot back.

Runs inside ministack's own process and event loop, between two requests, so that what it sees is one
moment. DynamoDB is the only store that grows: its items are followed write by write, through the two
functions that every write passes. Everything else is small and compared as text.
"""

import functools
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import dynamodb

from stepless_dev.state_file import Changes, StateFile, StateUnreadableError

_STREAMS = "dynamodb-stream-positions"
"""Our own entry beside the services': ministack does not persist its stream records at all."""


class ItemTracker:
    """Remembers which items were written; made once per process, before the state is loaded."""

    def __init__(self) -> None:
        self._written: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        self._known: dict[str, object] = {}  # table ARN -> the very `items` mapping we follow
        self._next_record: dict[str, int] = {}
        dynamodb._set_item = self._following(dynamodb._set_item)
        dynamodb._remove_item = self._following(dynamodb._remove_item)

    def _following(self, write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def followed(table: dict[str, Any], pk: str, sk: str, *rest: Any) -> Any:
            self._written[table["TableArn"]].add((pk, sk))
            return write(table, pk, sk, *rest)

        return followed

    def adopt(self) -> None:
        """Takes the present tables and stream records as what the file holds."""
        self._written.clear()
        self._known = {arn: table["items"] for arn, table in _tables()}
        self._next_record = {name: end for name, _, _, end in _streams()}

    def forget(self) -> None:
        """Makes the next `collect` add everything."""
        self._known.clear()
        self._next_record.clear()

    def collect(self, changes: Changes) -> bool:
        """Adds what was written since the last call; true when there are other tables than then."""
        written, self._written = self._written, defaultdict(set)
        present = dict(_tables())
        other_tables = self._known.keys() != present.keys()
        changes.emptied_tables.update(self._known.keys() - present.keys())
        for arn, table in present.items():
            if self._known.get(arn) is table["items"]:
                keys = written.get(arn, set())
            else:  # a new table, or one whose items were replaced as a whole
                changes.emptied_tables.add(arn)
                keys = {(pk, sk) for pk, found in table["items"].items() for sk in found}
            for pk, sk in keys:
                item = table["items"].get(pk, {}).get(sk)
                changes.items[arn, pk, sk] = None if item is None else _to_json(item)
        self._known = {arn: table["items"] for arn, table in present.items()}
        self._collect_streams(changes)
        return other_tables

    def _collect_streams(self, changes: Changes) -> None:
        for name, records, trimmed, end in _streams():
            start = max(self._next_record.get(name, 0), trimmed)
            for position in range(start, end):
                changes.stream_records[name, position] = _to_json(records[position - trimmed])
            if name not in self._next_record or trimmed:
                changes.stream_floors[name] = trimmed
            self._next_record[name] = end


class Snapshots:
    """The loop's side of saving: `collect` is quick and never waits; the caller commits."""

    def __init__(self, tracker: ItemTracker) -> None:
        self._tracker = tracker
        self._digests: dict[str, bytes] = {}

    def collect(self, *, services: bool) -> Changes:
        """What changed since the last call.

        Args:
            services: also compare the state of every service other than DynamoDB's items.

        Raises:
            RuntimeError: another thread changed a mapping meanwhile; `forget` and try again.
        """
        changes = Changes()
        if self._tracker.collect(changes) or services:  # items never without their table
            for name, state in _service_states():
                text = _to_json(state)
                digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
                if self._digests.get(name) != digest:
                    self._digests[name] = digest
                    changes.services[name] = text
        return changes

    def forget(self) -> None:
        """Makes the next `collect` return everything: the last one did not reach the file."""
        self._digests.clear()
        self._tracker.forget()

    def restore(self, file: StateFile) -> None:
        """Loads the file into ministack's services, before the first request.

        Raises:
            StateUnreadableError: a service refuses its state. ministack itself would carry on
                with an empty service; an authority without its keys must not start.
        """
        states = file.services()
        streams = json.loads(states.pop(_STREAMS, "{}"))
        try:
            for name, text in states.items():
                data = json.loads(text, object_hook=persistence._json_object_hook)
                if name == "dynamodb":
                    _put_items(data["tables"], file)
                app._get_module(app._state_map[name]).load_persisted_state(data)
            _put_stream_records(streams, file)
        except (KeyError, ValueError, TypeError, AttributeError) as exc:
            raise StateUnreadableError(f"The saved state does not load: {exc!r}") from exc
        self._tracker.adopt()


def _to_json(value: Any) -> str:
    return json.dumps(value, default=persistence._json_default, separators=(",", ":"))


def _tables() -> list[tuple[str, dict[str, Any]]]:
    return [(table["TableArn"], table) for table in dynamodb._tables.all_values()]


def _streams() -> list[tuple[str, list[Any], int, int]]:
    """Each stream's name, live records, position of the first of them, and position after the last."""
    found = []
    for key, records in list(dynamodb._stream_records.all_items()):
        trimmed = dynamodb._stream_trimmed.get_scoped(*key, 0)
        found.append((json.dumps(key), records, trimmed, trimmed + len(records)))
    return found


def _service_states() -> list[tuple[str, Any]]:
    states = []
    for name, get_state in app._build_persistence_save_dict().items():
        state = _dynamodb_without_items() if name == "dynamodb" else get_state()
        if state is not None:
            states.append((name, state))
    trimmed = {json.dumps(key): count for key, count in dynamodb._stream_trimmed.all_items()}
    counter = dynamodb._stream_seq_counter
    states.append((_STREAMS, {"trimmed": trimmed, "counter": counter}))
    return states


def _dynamodb_without_items() -> dict[str, Any]:
    """`dynamodb.get_state()` without copying every item (a test holds the two to the same keys)."""
    tables = AccountRegionScopedDict()
    for key, table in dynamodb._tables.all_items():
        hidden = ("items", dynamodb._INDEX_MEMBERS)
        tables.set_scoped(*key, {k: v for k, v in table.items() if k not in hidden} | {"items": {}})
    stores = (
        "tags", "ttl_settings", "pitr_settings", "kinesis_destinations", "contributor_insights",
        "backups", "resource_policies", "exports", "imports",
    )  # fmt: skip
    return {"tables": tables} | {store: getattr(dynamodb, f"_{store}") for store in stores}


def _put_items(tables: AccountRegionScopedDict, file: StateFile) -> None:
    by_arn = {table["TableArn"]: table["items"] for table in tables.all_values()}
    for arn, pk, sk, item in file.items():
        by_arn[arn].setdefault(pk, {})[sk] = item


def _put_stream_records(streams: dict[str, Any], file: StateFile) -> None:
    """Records sit at absolute positions, which the saved positions of their readers refer to."""
    for name, position, record in file.stream_records():
        key = tuple(json.loads(name))
        if dynamodb._stream_records.get_scoped(*key) is None:
            dynamodb._stream_records.set_scoped(*key, [])
            dynamodb._stream_trimmed.set_scoped(*key, position)
        dynamodb._stream_records.get_scoped(*key).append(record)
    for name, trimmed in streams.get("trimmed", {}).items():
        key = tuple(json.loads(name))
        if not dynamodb._stream_records.get_scoped(*key):
            dynamodb._stream_trimmed.set_scoped(*key, trimmed)
    dynamodb._stream_seq_counter = streams.get("counter", 0)
