"""The file that holds the embedded AWS's state, by itself."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from stepless_dev.state_file import Changes, StateFile, StateUnreadableError, back_up


def test_a_commit_is_whole_or_nothing(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.db")
    file.commit(Changes(services={"a": "1"}, items={("t", "p", "s"): '{"n": 1}'}))
    broken: Any = {("t", "p", "s"): '{"n": 2}', ("t", "p", "other"): object()}
    with pytest.raises(sqlite3.Error):
        file.commit(Changes(services={"a": "2"}, items=broken))
    assert file.services() == {"a": "1"}
    assert list(file.items()) == [("t", "p", "s", {"n": 1})]
    file.close()


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    StateFile(path).close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '99'")
    db.close()
    with pytest.raises(StateUnreadableError, match="99"):
        StateFile(path)


def test_a_backup_is_a_whole_copy(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.db")
    file.commit(Changes(services={"a": "1"}))
    back_up(tmp_path / "state.db", tmp_path / "state.before")
    file.commit(Changes(services={"a": "2"}))
    file.close()
    copy = StateFile(tmp_path / "state.before")
    assert copy.services() == {"a": "1"}
    copy.close()
    assert (tmp_path / "state.before").stat().st_mode & 0o777 == 0o600
