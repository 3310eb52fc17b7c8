"""What a function folder may be: a few lines that name what runs, and nothing that happens at import."""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.functions.support.handlers import FUNCTIONS, ROOT
from tests.infra.templates import functions

FOLDERS = sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py"))
API_FUNCTIONS = {"ca_info", "issue", "renew", "revoke"}
WORKERS = set(FOLDERS) - API_FUNCTIONS
WEB = {"fastapi", "starlette", "mangum", "pydantic", "uvicorn"}

# Imports a function with nothing in its environment, while every way out is watched.
_PROBE = """
import json, os, socket, sys, importlib.util
path, variables = sys.argv[1], set()
made = []

class Watched(type(os.environ)):
    def __getitem__(self, name):
        variables.add(name)
        return super().__getitem__(name)

before = set(os.environ)
os.environ.__class__ = Watched
connect = socket.socket.connect

def refuse(self, address):
    made.append(repr(address))
    raise OSError("no connection at import")

socket.socket.connect = refuse
spec = importlib.util.spec_from_file_location("app", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
os.environ.__class__ = Watched.__mro__[1]
print(json.dumps({
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "stepless": sorted(name for name in sys.modules if name.startswith("stepless.")),
    "variables": sorted(variables),
    "connections": made,
    "changed": sorted(before ^ set(os.environ)),
    "handler": callable(getattr(module, "handler", None)),
}))
"""


@cache
def imported(folder: str) -> dict[str, Any]:
    """What importing a function does, in a process of its own with an empty environment."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(FUNCTIONS / folder / "app.py")],
        env={"PYTHONPATH": str(ROOT / "layers" / "core" / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def source(folder: str) -> Path:
    return FUNCTIONS / folder / "app.py"


def imports_of(path: Path) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]


def test_each_folder_holds_a_handler_and_nothing_else() -> None:
    for folder in FOLDERS:
        files = {path.name for path in (FUNCTIONS / folder).iterdir()} - {"__pycache__"}
        assert files == {"app.py"}, folder
    assert set(functions()) == set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_is_sixty_lines_at_most(folder: str) -> None:
    assert len(source(folder).read_text().splitlines()) <= 60


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_imports_the_layer_alone(folder: str) -> None:
    for node in imports_of(source(folder)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import reaches for another file of the folder"
            names = [node.module or ""]
        else:
            names = [alias.name for alias in node.names]
        assert all(name == "stepless" or name.startswith("stepless.") for name in names), names


@pytest.mark.parametrize("folder", FOLDERS)
def test_importing_a_function_reads_no_setting_and_opens_no_connection(folder: str) -> None:
    report = imported(folder)
    assert report["handler"] is True
    assert report["connections"] == []
    assert report["changed"] == []
    # Libraries look for switches of their own; what the template sets and what AWS sets nobody may read yet.
    template = set(functions()[folder].environment) | {"AUTHORITY_ID", "LOG_LEVEL"}
    ours = {name for name in report["variables"] if name in template or name.startswith("STEPLESS")}
    assert ours == set(), "a setting is read at import"
    assert not {name for name in report["variables"] if "SECRET" in name or "ENDPOINT" in name}


@pytest.mark.parametrize("folder", sorted(WORKERS))
def test_a_worker_loads_no_web_framework(folder: str) -> None:
    assert not WEB & set(imported(folder)["modules"])


@pytest.mark.parametrize("folder", sorted(API_FUNCTIONS))
def test_an_api_function_loads_the_web_framework(folder: str) -> None:
    """Proves that the probe sees what is loaded, and what is read: libraries have switches."""
    report = imported(folder)
    assert {"fastapi", "mangum"} <= set(report["modules"])
    assert report["variables"]


def test_functions_that_hold_no_key_cannot_sign() -> None:
    """Defence in depth behind the IAM policies: they never ask for the signing service."""
    for folder in ("ca_info", "revoke"):
        text = source(folder).read_text()
        assert not any(word in text for word in ("sign_routes", "renew_routes", "bootstrap", "keep_endpoint"))
