"""What `make build` leaves for Lambda, and that AWS's own linters accept the templates."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.infra.templates import ROOT, functions

UNZIPPED_BYTES = 250 * 1024 * 1024  # of a function and its layers together
IMPORTS = """
import boto3, cryptography.x509, fastapi, joserfc.jwe, joserfc.jwt, mangum
from aws_lambda_powertools import Logger, Metrics, Tracer
for service in ("dynamodb", "kms", "secretsmanager"):
    boto3.client(service, region_name="eu-west-1")
import stepless.errors
assert stepless.errors.__cached__.endswith(".cpython-313.pyc")
"""


def run(*command: str | Path) -> str:
    """Runs a program of the project's; its output, which a failure shows in full."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def python313() -> str:
    """Lambda's Python, where there is one; `make build` in CI fails where there is none."""
    python = run("scripts/python.sh")
    version = run(python, "-c", "import sys; print(*sys.version_info[:2])")
    if version != "3 13":
        pytest.skip(f"building for Lambda takes Python 3.13; found {version.replace(' ', '.')}")
    return python


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_templates_pass_the_linters_of_aws() -> None:
    run("scripts/lint-template.sh")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_build_is_compiled_and_complete(tmp_path: Path) -> None:
    python = python313()
    run("env", f"BUILD_DIR={tmp_path}", "scripts/build.sh")

    layers = [tmp_path / name / "python" for name in ("CoreLayer", "DependenciesLayer")]
    expected = {f.logical_id for f in functions().values()} | {"CoreLayer", "DependenciesLayer"}
    assert expected <= {path.name for path in tmp_path.iterdir()}
    sources = list(tmp_path.rglob("*.py"))
    assert len(sources) > len(expected)
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        assert compiled.is_file(), source
        assert str(tmp_path).encode() not in compiled.read_bytes(), "a path of this machine"
    assert not list(tmp_path.rglob("*.pyi"))
    size = sum(path.stat().st_size for layer in layers for path in layer.rglob("*") if path.is_file())
    assert size < UNZIPPED_BYTES
    # -S: the interpreter's own packages stay out; -B: what is imported is what was built.
    path = os.pathsep.join(map(str, layers))
    run("env", f"PYTHONPATH={path}", python, "-S", "-B", "-c", IMPORTS)


def names(lines: list[str]) -> set[str]:
    """Package names, extras included, of requirement lines."""
    return {re.split(r"[<>=!~ ;#]", line, maxsplit=1)[0] for line in lines if line[:1].isalnum()}


def test_the_core_package_needs_what_the_layer_holds() -> None:
    project = tomllib.loads((ROOT / "layers/core/pyproject.toml").read_text())["project"]
    layer = (ROOT / "layers/dependencies/requirements.in").read_text().splitlines()
    assert names(project["dependencies"]) == names(layer)
