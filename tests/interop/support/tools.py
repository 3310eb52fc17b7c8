"""Finds or builds the programs of the interop suite with `scripts/get-tools.sh`."""

from dataclasses import dataclass
from pathlib import Path

from tests.interop.support import process

REPOSITORY = Path(__file__).resolve().parents[3]
# A first build downloads and compiles step and step-ca: minutes on two cores.
PREPARE_SECONDS = 1200.0


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the built programs are."""

    step: Path
    step_ca: Path
    golib: Path
    oidc: Path


def prepare() -> Tools:
    """Build what is missing and return the paths.

    Fails the test with "failed to prepare" when Go is missing or something cannot be built.
    """
    script = REPOSITORY / "scripts" / "get-tools.sh"
    outcome = process.run(["sh", script], cwd=REPOSITORY, timeout_seconds=PREPARE_SECONDS)
    assert outcome.exit_code == 0, f"failed to prepare: {outcome.describe()}"
    tools = REPOSITORY / ".tools"
    programs = tools / "bin"
    return Tools(programs / "step", programs / "step-ca", programs / "golib", tools / "oidc")
