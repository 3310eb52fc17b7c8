"""`python -m bench`: measures, writes docs/benchmarks.md, and prints where the aim stands."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.authorities import local_authority, step_ca
from bench.aws_calls import count_aws_calls
from bench.cold_start import heaviest_packages, measure_cold_starts
from bench.functions import Functions
from bench.operations import Rounds
from bench.processes import ROOT, BenchError
from bench.report import Results, write_report
from bench.throughput import measure_throughput

_PACKAGES_SHOWN = 10
_LOG_SHOWN = 1000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure speed.")
    parser.add_argument("--rounds", type=int, default=11, help="of every operation (default: %(default)s)")
    parser.add_argument("--size", type=int, default=40, help="requests in a round (default: %(default)s)")
    parser.add_argument("--only", choices=["operations"], help="leave the rest out and write nothing")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md")
    return parser


def _measure(options: argparse.Namespace, folder: Path) -> None:
    began = time.monotonic()
    with local_authority(folder, environments=8) as ours, step_ca(folder) as theirs:
        functions = Functions(ours, folder)
        _say("CPU per request ...")
        with Rounds(functions, ours.server, theirs, folder, options.size) as rounds:
            for _ in range(options.rounds):
                rounds.run()
        for operation in rounds.operations:
            ours_ms, theirs_ms = operation.stepless, operation.step_ca
            _say(
                f"  {operation.name:34} {ours_ms.median:6.3f} ({ours_ms.least:6.3f}) ms; "
                f"step-ca {theirs_ms.median:6.3f} ({theirs_ms.least:6.3f})"
            )
        _say(f"  {'bare cryptography':34} {rounds.bare.median:6.3f} ({rounds.bare.least:6.3f}) ms")
        if options.only:
            return
        _say("AWS calls ...")
        calls = count_aws_calls(functions, ours)
        _say("cold starts ...")
        cold = measure_cold_starts(functions, ours, times=3)
        packages = heaviest_packages(functions, "issue", _PACKAGES_SHOWN)
        _say("certificates per second ...")
        servers = (ours.server, theirs)
        throughput = measure_throughput(servers, clients=1, each=150, times=3)
        throughput += measure_throughput(servers, clients=8, each=40, times=3)
    results = Results(rounds, options.size, calls, cold, packages, throughput, time.monotonic() - began)
    headline = write_report(results, options.output)
    _say(f"POST /sign: {headline:.2f} times step-ca. Written to {options.output}.")


def _say(text: str) -> None:
    print(text, flush=True)  # the person at the terminal


def _complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Returns the exit status."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="stepless-bench-") as folder:
        try:
            _measure(options, Path(folder))
        except BenchError as error:
            for log in sorted(Path(folder).glob("*.log")):
                _complain(f"--- {log.name}\n{log.read_text(errors='replace')[-_LOG_SHOWN:]}")
            _complain(f"bench: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
