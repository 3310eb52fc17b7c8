"""The one file in which the embedded AWS keeps its state: SQLite, one transaction per snapshot.

ministack writes its state as one JSON file per service, and only at a clean stop. A file that is
written in transactions can be neither torn nor half of an older set: after `kill -9` it holds
exactly what the last commit held. The cost of a commit is that of what changed since the one before.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = "1"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS service (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (
  table_arn TEXT, pk TEXT, sk TEXT, body TEXT NOT NULL, PRIMARY KEY (table_arn, pk, sk));
CREATE TABLE IF NOT EXISTS stream (
  stream TEXT, position INTEGER, body TEXT NOT NULL, PRIMARY KEY (stream, position));
"""


class StateUnreadableError(Exception):
    """The state file is damaged or was written by another version; nothing of it may be loaded."""


@dataclass
class Changes:
    """What differs from the file: a later snapshot's changes replace an earlier one's, key by key."""

    services: dict[str, str] = field(default_factory=dict)
    emptied_tables: set[str] = field(default_factory=set)  # their rows go before `items` are written
    items: dict[tuple[str, str, str], str | None] = field(default_factory=dict)  # None: deleted
    stream_records: dict[tuple[str, int], str] = field(default_factory=dict)
    stream_floors: dict[str, int] = field(default_factory=dict)  # rows below the position go

    def __bool__(self) -> bool:
        return any(
            (
                self.services,
                self.emptied_tables,
                self.items,
                self.stream_records,
                self.stream_floors,
            )
        )


class StateFile:
    """Opened by the process that embeds the AWS; one connection, used by one thread at a time."""

    Error = sqlite3.Error

    def __init__(self, path: Path) -> None:
        """Opens or creates the file with mode 0600 (it holds KMS keys in the clear).

        Raises:
            StateUnreadableError: it is not a state file of this format.
        """
        path.touch(mode=0o600, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._prepare(path)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, path: Path) -> None:
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (FORMAT,))
            found = self._db.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()[0]
        except sqlite3.DatabaseError as exc:
            raise StateUnreadableError(f"{path} is not a readable state file: {exc}") from exc
        if found != FORMAT:
            raise StateUnreadableError(f"{path} has format {found}; this version reads {FORMAT}.")

    def commit(self, changes: Changes) -> None:
        """Writes all of it or, when the process dies half-way, nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._write(changes)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _write(self, changes: Changes) -> None:
        run, each = self._db.execute, self._db.executemany
        each("DELETE FROM item WHERE table_arn = ?", [(arn,) for arn in changes.emptied_tables])
        each(
            "DELETE FROM item WHERE table_arn = ? AND pk = ? AND sk = ?",
            [key for key, body in changes.items.items() if body is None],
        )
        each(
            "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?)",
            [(*key, body) for key, body in changes.items.items() if body is not None],
        )
        each("INSERT OR REPLACE INTO service VALUES (?, ?)", changes.services.items())
        each(
            "INSERT OR REPLACE INTO stream VALUES (?, ?, ?)",
            [(*key, body) for key, body in changes.stream_records.items()],
        )
        for stream, floor in changes.stream_floors.items():
            run("DELETE FROM stream WHERE stream = ? AND position < ?", (stream, floor))

    def services(self) -> dict[str, str]:
        """Each service's state, as JSON text."""
        return dict(self._db.execute("SELECT name, state FROM service"))

    def items(self) -> Iterator[tuple[str, str, str, Any]]:
        """Every item of every table: (table ARN, partition key, sort key, item)."""
        for arn, pk, sk, body in self._db.execute("SELECT * FROM item ORDER BY table_arn, pk, sk"):
            yield arn, pk, sk, json.loads(body)

    def stream_records(self) -> Iterator[tuple[str, int, Any]]:
        """Every stream record in order: (stream, absolute position, record)."""
        query = "SELECT * FROM stream ORDER BY stream, position"
        for stream, position, body in self._db.execute(query):
            yield stream, position, json.loads(body)

    def close(self) -> None:
        """Folds the write-ahead log into the file."""
        self._db.close()


def back_up(source: Path, target: Path) -> None:
    """Writes a copy of a state file that nobody has open, replacing `target` in one step."""
    fresh = target.with_suffix(".tmp")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    with sqlite3.connect(source) as db:
        db.execute("VACUUM INTO ?", (str(fresh),))
    db.close()
    fresh.replace(target)
