"""Holds the suite itself to its promises: every row has a test, and nothing is skipped quietly."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from tests.interop.support.on_purpose import ON_PURPOSE
from tests.interop.support.process import find_program, run
from tests.interop.support.tools import REPOSITORY

HERE = Path(__file__).parent
ROWS = {*range(1, 36), 37, 38, 40}
COMPATIBILITY = REPOSITORY / "docs" / "step-compat.md"


def _docstrings() -> list[str]:
    trees = [ast.parse(path.read_text()) for path in HERE.glob("test_*.py")]
    functions = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    return [ast.get_docstring(function) or "" for function in functions]


def test_every_conformance_row_has_a_test() -> None:
    rows = [re.match(r"Rows? (\d+)(?: and (\d+))?\b", text) for text in _docstrings()]
    covered = {int(number) for row in rows if row for number in row.groups() if number}
    assert covered == ROWS


def test_every_difference_is_documented_with_its_reason() -> None:
    lines = COMPATIBILITY.read_text().splitlines()
    for difference in ON_PURPOSE:
        for case in difference.cases:
            assert any(f"`{case}`" in line and difference.reason in line for line in lines), case


def test_every_documented_difference_is_tested() -> None:
    """Read the table between its heading and the next: each row begins with ids in backquotes."""
    text = COMPATIBILITY.read_text()
    section = text.split("## Differences on purpose\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    listed = [case for cell in cells for case in re.findall(r"`([^`]+)`", cell)]
    assert sorted(listed) == sorted(case for known in ON_PURPOSE for case in known.cases)


@pytest.fixture
def without_go(tmp_path: Path) -> Path:
    """Return a copy of the script and its sources, beside a `bin` that has hardly anything."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(REPOSITORY / "scripts" / "get-tools.sh", tmp_path / "scripts")
    shutil.copytree(HERE / "golib", tmp_path / "tests" / "interop" / "golib")
    (tmp_path / "bin").mkdir()
    for name in ("sh", "dirname", "mkdir", "cat", "cksum", "id"):
        (tmp_path / "bin" / name).symlink_to(find_program(name))
    return tmp_path


def test_tools_fail_to_prepare_when_go_is_missing(without_go: Path) -> None:
    script = without_go / "scripts" / "get-tools.sh"
    outcome = run(["/bin/sh", script], cwd=without_go, env={"PATH": str(without_go / "bin")})
    assert outcome.exit_code == 1
    for name in ("step", "step-ca", "golib"):
        assert f"failed to prepare {name} (Go is missing" in outcome.stderr
    assert "failed to prepare oidc (Node.js with npm is missing" in outcome.stderr
    for name in ("curl", "chromium"):
        assert f"failed to prepare {name} (install it" in outcome.stderr
