"""What a new process costs before it is warm: CPU time of the import and of the first request, and who is to blame."""

import subprocess
import sys
import sysconfig
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.authorities import LocalAuthority
from bench.functions import Functions
from bench.processes import BenchError
from bench.tokens import wish


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Medians in milliseconds of CPU; `first_request` is None where there is no request to send."""

    function: str
    imports: float
    first_request: float | None
    modules: int


def measure_cold_starts(functions: Functions, authority: LocalAuthority, times: int) -> list[ColdStart]:
    """Each function in a fresh process, several times; the byte code is there, as in a build."""
    found = []
    for name in functions.names:
        imports, first = [], []
        for attempt in range(times + 1):
            event = _event(name, functions, authority)
            with functions.worker(name) as worker:
                request = worker.serve([event]).cpu_seconds * 1000 if event else None
            if attempt == 0:
                continue  # it may have written the byte code
            imports.append(worker.load_cpu_seconds * 1000)
            first += [] if request is None else [request]
        count = len(import_times(functions, name))
        found.append(ColdStart(name, median(imports), median(first) if first else None, count))
    return found


def _event(name: str, functions: Functions, authority: LocalAuthority) -> dict[str, Any] | None:
    if name == "ca_info":
        return functions.event("GET", f"/root/{authority.server.fingerprint}")
    if name == "issue":
        return functions.event("POST", "/sign", wish(authority.server.provisioner).body)
    return None


def import_times(functions: Functions, name: str) -> list[tuple[str, float]]:
    """Modules that importing a function loads, with their own milliseconds (`-X importtime`).

    Raises:
        BenchError: the function does not import.
    """
    path = [*functions.path(name), sysconfig.get_path("purelib")]
    done = subprocess.run(  # noqa: S603  # our own function
        [sys.executable, "-S", "-X", "importtime", "-c", f"import sys; sys.path[:0] = {path}; import app"],
        capture_output=True, text=True, check=False, env=functions.environment(name),
    )  # fmt: skip
    if done.returncode != 0:
        raise BenchError(f"{name} does not import: {done.stderr[-500:]}")
    rows = [line.removeprefix("import time:").split("|") for line in done.stderr.splitlines()]
    return [(row[2].strip(), int(row[0]) / 1000) for row in rows if len(row) == 3 and row[0].strip().isdigit()]  # noqa: PLR2004  # three columns


def heaviest_packages(functions: Functions, name: str, count: int) -> list[tuple[str, float]]:
    """The packages with the largest shares of a function's import, as parts of one; the standard library is one."""
    totals: Counter[str] = Counter()
    for module, milliseconds in import_times(functions, name):
        package = module.split(".")[0]
        standard = package in sys.stdlib_module_names or package in sys.builtin_module_names
        totals["standard library" if standard else package] += milliseconds  # type: ignore[assignment]  # a float
    whole = sum(totals.values())
    return [(package, milliseconds / whole) for package, milliseconds in totals.most_common(count)]
