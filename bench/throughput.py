"""Certificates per second as a client sees them: over HTTPS through the local gateway, and from step-ca."""

import threading
import time
from dataclasses import dataclass
from statistics import median, quantiles

from bench.authorities import Server
from bench.client import Client
from bench.tokens import Wish, wish


@dataclass(frozen=True, slots=True)
class Throughput:
    """Of one server with so many clients; latencies in milliseconds."""

    server: str
    clients: int
    per_second: float
    p50: float
    p95: float


def measure_throughput(servers: tuple[Server, ...], clients: int, each: int, times: int) -> list[Throughput]:
    """Every client signs so many certificates on its own connection; the servers take turns.

    The run with the median rate counts. Clients, gateway, functions and AWS share the machine.
    """
    runs: dict[str, list[Throughput]] = {server.name: [] for server in servers}
    for server in servers:
        _run(server, clients, max(3, each // 10))  # starts the processes that it takes
    for _ in range(times):
        for server in servers:
            runs[server.name].append(_run(server, clients, each))
    return [sorted(found, key=lambda run: run.per_second)[len(found) // 2] for found in runs.values()]


def _run(server: Server, clients: int, each: int) -> Throughput:
    prepared = [[wish(server.provisioner) for _ in range(each)] for _ in range(clients)]
    connections = [server.client() for _ in range(clients)]
    for connection in connections:
        connection.get("/health")
    latencies: list[float] = []
    failures: list[BaseException] = []
    threads = [
        threading.Thread(target=_sign_all, args=(connection, wishes, latencies, failures))
        for connection, wishes in zip(connections, prepared, strict=True)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if failures:
        raise failures[0]
    p95 = quantiles(latencies, n=20)[-1]
    return Throughput(server.name, clients, clients * each / seconds, median(latencies), p95)


def _sign_all(client: Client, wishes: list[Wish], latencies: list[float], failures: list[BaseException]) -> None:
    try:
        for one in wishes:
            began = time.perf_counter()
            client.post("/sign", one.body)
            latencies.append((time.perf_counter() - began) * 1000)
    except BaseException as error:  # noqa: BLE001  # handed to the thread that waits
        failures.append(error)
