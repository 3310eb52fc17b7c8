"""`python -m bench.soak`: sign and renew for minutes; fails on a refused call or on functions that keep growing."""

import argparse
import itertools
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.authorities import Server, local_authority
from bench.processes import BenchError
from bench.tokens import wish

RENEWALS = 20  # of each certificate, one after the other
GROWTH = 1.25  # of a function's memory, from the first quarter of the run to the last
_REPORT_SECONDS = 10
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(slots=True)
class Tally:
    """What the clients did so far; several threads add to it."""

    signed: int = 0
    renewed: int = 0
    milliseconds: list[float] = field(default_factory=list)
    failure: Exception | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def timed(self, kind: str, call: Callable[[], bytes]) -> bytes:
        """Make the call and count it as `signed` or `renewed`."""
        began = time.perf_counter()
        answer = call()
        took = (time.perf_counter() - began) * 1000
        with self._lock:
            setattr(self, kind, getattr(self, kind) + 1)
            self.milliseconds.append(took)
        return answer

    def latencies(self) -> list[float]:
        """Those since the last time this was asked."""
        with self._lock:
            taken, self.milliseconds = self.milliseconds, []
        return taken


def function_memory(pid: int) -> list[int]:
    """Resident kilobytes of each function's process, the smallest first.

    The gateway and the embedded AWS, which holds every table in memory, are left out.
    """
    children = [child for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]
    found = []
    for child in children:
        process = Path("/proc", child)
        try:
            if b"stepless_dev/worker.py" in (process / "cmdline").read_bytes():
                found.append(int((process / "statm").read_text().split()[1]) * _PAGE_KB)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended between the two readings
    return sorted(found)


def _client(server: Server, folder: Path, tally: Tally, until: float) -> None:
    """Sign, and renew each certificate with itself, until the time (monotonic) has come."""
    chain, key = folder / "client.crt", folder / "client.key"
    signer = server.client()
    try:
        while time.monotonic() < until and tally.failure is None:
            one = wish(server.provisioner)
            issued = tally.timed("signed", lambda body=one.body: signer.post("/sign", body))  # type: ignore[misc]  # a bound default
            chain.write_text("".join(json.loads(issued)["certChain"]))
            key.write_bytes(one.key_pem)
            holder = server.client(chain, key)
            for _ in range(RENEWALS):
                if time.monotonic() < until:
                    tally.timed("renewed", lambda holder=holder: holder.post("/renew", b""))  # type: ignore[misc]  # a bound default
    except (BenchError, OSError) as error:
        tally.failure = error


def _watch(server: Server, tally: Tally, minutes: float) -> list[list[int]]:
    """Print a line every ten seconds while the clients work; the functions' memory at each."""
    began = time.monotonic()
    memory: list[list[int]] = []
    for number in itertools.count(1):
        time.sleep(max(0.0, began + number * _REPORT_SECONDS - time.monotonic()))
        memory.append(function_memory(server.pid))
        seconds = number * _REPORT_SECONDS
        print(
            f"{seconds:6} s  signed {tally.signed:7}  renewed {tally.renewed:7}  {_percentiles(tally.latencies())}  "
            f"functions {len(memory[-1])} x {median(memory[-1] or [0]) / 1024:.1f} MB",
            flush=True,
        )
        if tally.failure is not None or seconds >= minutes * 60:
            return memory
    raise AssertionError


def soak(minutes: float, clients: int, folder: Path) -> None:
    """Run the local authority under load.

    Raises:
        BenchError: a call was refused or failed, or the functions' memory kept growing.
    """
    tally = Tally()
    with local_authority(folder, environments=4) as ours:
        threads = []
        for number in range(clients):
            own = folder / f"client-{number}"
            own.mkdir()
            until = time.monotonic() + minutes * 60
            threads.append(threading.Thread(target=_client, args=(ours.server, own, tally, until)))
        for thread in threads:
            thread.start()
        memory = _watch(ours.server, tally, minutes)
        for thread in threads:
            thread.join()
    if tally.failure is not None:
        raise BenchError(str(tally.failure))
    _judge(memory)
    print(f"{tally.signed} signed, {tally.renewed} renewed, none refused.")


def _percentiles(milliseconds: list[float]) -> str:
    if not milliseconds:
        return "no answer"
    ordered = sorted(milliseconds)
    return f"p50 {median(ordered):5.1f} ms  p99 {ordered[len(ordered) * 99 // 100]:6.1f} ms"


def _judge(memory: list[list[int]]) -> None:
    quarter = max(1, len(memory) // 4)
    early, late = ([size for sizes in part for size in sizes] for part in (memory[:quarter], memory[-quarter:]))
    if not early or not late:
        raise BenchError("no function was seen running")
    if median(late) > median(early) * GROWTH:
        raise BenchError(f"a function took {median(early)} kB in the first quarter and {median(late)} kB in the last")


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=soak.__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stepless-soak-") as folder:
        try:
            soak(options.minutes, options.clients, Path(folder))
        except BenchError as error:
            print(f"soak: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
