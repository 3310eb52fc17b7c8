"""Writes docs/benchmarks.md."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.aws_calls import Request
from bench.cold_start import ColdStart
from bench.operations import Operation, Rounds, Series
from bench.processes import tool
from bench.throughput import Throughput

AIM = 1.25
_PACKAGES = ("cryptography", "joserfc", "botocore", "fastapi", "mangum", "aws-lambda-powertools", "ministack")

_INTRODUCTION = """\
# Benchmarks

Written by `make bench`; do not edit. What counts are the ratios: both sides of each were measured in the same run, in
turns, as CPU time (user and system), so that they hold on other and on busy machines. Milliseconds do not.
"""

_READING = """\
## How to read it

- **stepless** is the CPU time of the function's process around the handler: an API Gateway event goes in, the answer
  comes out, and the AWS call is made over HTTP to an emulator in another process, whose time does not count. On Lambda
  this is what is paid for, beside the wait for DynamoDB. TLS is API Gateway's.
- **step-ca** is the CPU time of the whole server process (HTTP, TLS records, its Badger database), asked by one client
  on a connection that is kept; handshakes are not in it.
- **bare cryptography** is what no implementation in Python can go below with this library: verify the token's
  signature, parse and verify the request, build and sign the certificate, encode it.
- A round measures every operation once on each side, with fresh tokens, keys and requests made beforehand. The table
  has the median over the rounds and, in brackets, the quietest round; a ratio is the median of the rounds' ratios.
- Reads answer from settings that a process keeps for ten seconds; the first request after that adds one `Query`.
- Through the local gateway everything (clients, gateway, functions, the emulator of AWS) shares the machine; on AWS
  nothing of it does. The rate shows that nothing is slow by mistake, not what AWS can do.
"""


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that was measured."""

    rounds: Rounds
    size: int
    calls: list[Request]
    cold: list[ColdStart]
    packages: list[tuple[str, float]]
    throughput: list[Throughput]
    seconds: float


def write_report(results: Results, path: Path) -> float:
    """Write the document; returns the ratio that the aim is about."""
    rounds = results.rounds
    headline = _ratio(rounds.sign.stepless, rounds.sign.step_ca)
    parts = [
        _INTRODUCTION,
        _headline(rounds, headline),
        _machine(results),
        _operations(rounds),
        _calls(results.calls),
        _cold(results),
        _throughput(results.throughput),
        _READING,
    ]
    path.write_text("\n".join(parts))
    return headline


def _headline(rounds: Rounds, ratio: float) -> str:
    bare = _ratio(rounds.sign.stepless, rounds.bare)
    verdict = "met" if ratio <= AIM else "not met"
    return (
        f"**A warm `POST /sign` costs {ratio:.2f} times the CPU of step-ca's and {bare:.2f} times the bare "
        f"cryptography.** (The aim is {AIM} times step-ca's: {verdict}.)\n"
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---", *("---:" for _ in head[1:])), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines) + "\n"


def _machine(results: Results) -> str:
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    rows = [
        ("date", f"{datetime.now(UTC):%Y-%m-%d}"),  # noqa: TID251  # the day of the measurement
        ("machine", f"{os.cpu_count()} cores, {model}, {platform.system()} {platform.release()}"),
        ("load when it ended", f"{os.getloadavg()[0]:.1f}"),
        ("Python", platform.python_version()),
        *((name, version(name)) for name in _PACKAGES),
        ("step-ca", tool("step-ca.stamp").read_text().strip()),
        ("rounds", f"{len(results.rounds.bare.values)} of {results.size} requests per operation"),
        ("time taken", f"{results.seconds:.0f} s"),
    ]
    head = ("", "")
    return "## Machine\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---", "---"), *rows)) + "\n"


def _operations(rounds: Rounds) -> str:
    rows = [_operation(operation) for operation in rounds.operations]
    rows.insert(1, ("bare cryptography of it", _value(rounds.bare), "", ""))
    head = ("warm request", "stepless, ms of CPU", "step-ca, ms of CPU", "stepless / step-ca")
    return "## CPU per request\n\n" + _table(head, rows)


def _operation(operation: Operation) -> tuple[str, ...]:
    ratio = f"**{_ratio(operation.stepless, operation.step_ca):.2f}**"
    return operation.name, _value(operation.stepless), _value(operation.step_ca), ratio


def _value(series: Series) -> str:
    return f"{series.median:.2f} ({series.least:.2f})"


def _ratio(ours: Series, theirs: Series) -> float:
    return Series([a / b for a, b in zip(ours.values, theirs.values, strict=True)]).median


def _calls(calls: list[Request]) -> str:
    rows = []
    for request in calls:
        names = ", ".join(f"`{call.name}`" for call in request.calls) or "none"
        rows.append((request.name, str(len(request.calls)), names, f"{request.units:g}"))
    head = ("request", "calls", "which", "capacity units")
    text = "Counted on the wire, retries included. A warm `POST /sign` or `POST /renew` that is not exactly one\n"
    text += "`TransactWriteItems` fails the run.\n\n"
    return "## AWS calls\n\n" + text + _table(head, rows)


def _cold(results: Results) -> str:
    rows = []
    for cold in results.cold:
        first = "" if cold.first_request is None else f"{cold.first_request:.0f}"
        rows.append((f"`{cold.function}`", f"{cold.imports:.0f}", first, str(cold.modules)))
    head = ("function", "import, ms of CPU", "first request, ms of CPU", "modules")
    shares = _table(
        ("package", "share of `issue`'s import"), [(name, f"{share:.0%}") for name, share in results.packages]
    )
    return "## Cold start\n\n" + _table(head, rows) + "\n" + shares


def _throughput(found: list[Throughput]) -> str:
    rows = [
        (one.server, str(one.clients), f"{one.per_second:.0f}", f"{one.p50:.1f}", f"{one.p95:.1f}") for one in found
    ]
    head = ("server", "clients", "certificates per second", "p50, ms", "p95, ms")
    return "## Certificates per second, over HTTPS on one machine\n\n" + _table(head, rows)
