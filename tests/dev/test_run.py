"""`python -m stepless_dev run` as `make run` calls it: the real template, real processes, real signals."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stepless_dev.aws import Operator
from tests.dev.support.running import PROJECT

REPOSITORY = Path(__file__).parents[2]
READY_SECONDS = 90  # the promise is 30; other suites run at the same time
STOP_SECONDS = 5
RUN = [sys.executable, "-m", "stepless_dev", "run"]


@dataclass
class Process:
    """A started `run`."""

    process: subprocess.Popen[str]
    home: Path

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "local.json").read_text())
        return found

    def get(self, path: str) -> Any:
        context = ssl.create_default_context(cafile=self.facts["root"])
        url = f"{self.facts['url']}{path}"
        with urllib.request.urlopen(url, context=context, timeout=30) as answer:  # https
            return json.load(answer)

    def aws(self, service: str) -> Any:
        return Operator(self.facts["aws_endpoint"], self.facts["aws_access_key_id"]).client(service)

    def family(self) -> set[int]:
        """The process and everything that it started."""
        listed = subprocess.run(["ps", "-eo", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
        parents = {int(pid): int(parent) for pid, parent in map(str.split, listed.splitlines())}
        found, size = {self.process.pid}, 0
        while size != len(found):
            size = len(found)
            found |= {pid for pid, parent in parents.items() if parent in found}
        return found


@contextlib.contextmanager
def started(home: Path, *options: str) -> Iterator[tuple[Process, str]]:
    """Yields the process and what it printed up to the end of the ready message."""
    process = subprocess.Popen(
        [*RUN, "--port", "0", "--home", str(home), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=REPOSITORY,
    )
    assert process.stdout is not None
    try:
        printed = ""
        for line in process.stdout:
            printed += line
            if "Ctrl-C" in line:
                break
        else:
            pytest.fail(f"it did not start:\n{printed}")
        yield Process(process, home), printed
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(30)
        process.stdout.close()


def test_the_ready_message_says_how_to_go_on(home_of_its_own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What people have in their shells must not get in the way.
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    before = time.monotonic()
    with started(home_of_its_own) as (running, printed):
        assert time.monotonic() - before < READY_SECONDS
        facts = running.facts
        url, fingerprint = facts["url"], facts["fingerprint"]
        assert f"step ca bootstrap --ca-url {url} --fingerprint {fingerprint}" in printed
        assert "dashboard" in printed
        assert Path(facts["password_file"]).stat().st_mode & 0o777 == 0o600
        assert len(Path(facts["password_file"]).read_text()) == 32
        assert running.get("/health") == {"status": "ok"}
        assert running.get(f"/root/{fingerprint}")["ca"] == Path(facts["root"]).read_text()
        running.process.send_signal(signal.SIGINT)
        running.process.wait(STOP_SECONDS)
        assert running.process.returncode == 0


def test_it_stops_in_the_middle_of_its_first_deployment_and_starts_again(home_of_its_own: Path) -> None:
    process = subprocess.Popen(
        [*RUN, "--port", "0", "--home", str(home_of_its_own)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    log = home_of_its_own / "logs/bootstrap.log"
    while not log.exists():  # made when CloudFormation calls the function
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, complaints = process.communicate(timeout=STOP_SECONDS + 1)
    assert (process.returncode, complaints) == (0, "")
    with started(home_of_its_own) as (running, _):
        assert running.get("/health") == {"status": "ok"}


def test_kill_9_of_every_process_costs_nothing_older_than_five_seconds(home_of_its_own: Path) -> None:
    with started(home_of_its_own) as (running, _):
        before = running.facts
        password = Path(before["password_file"]).read_text()
        provisioners = running.get("/provisioners")
        table = before["outputs"]["CertificatesTableName"]
        dynamodb = running.aws("dynamodb")
        for number in range(200):
            dynamodb.put_item(TableName=table, Item={"pk": {"S": "test"}, "sk": {"S": str(number)}})
        time.sleep(5)
        family = running.family()
        assert len(family) >= 3
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.process.wait(5)
    with started(home_of_its_own) as (running, _):
        assert running.facts["fingerprint"] == before["fingerprint"]
        assert Path(running.facts["password_file"]).read_text() == password
        assert running.get("/provisioners") == provisioners
        found = running.aws("dynamodb").query(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "test"}},
            Select="COUNT",
        )
        assert found["Count"] == 200


def test_nothing_is_left_running_when_the_gateway_alone_is_killed(home_of_its_own: Path) -> None:
    with started(home_of_its_own) as (running, _):
        family = running.family()
        running.process.kill()
        running.process.wait(5)
        deadline = time.monotonic() + 10
        while left := {pid for pid in family if is_running(pid)}:
            assert time.monotonic() < deadline, left
            time.sleep(0.1)


def is_running(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True)
    return listed.stdout.strip() not in ("", "Z")


def refused(home: Path, *options: str) -> str:
    """What a start that is refused prints; one sentence."""
    ended = subprocess.run(
        [*RUN, "--home", str(home), *options],
        check=False,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=30,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("\n") == 1
    return ended.stderr


def test_a_second_start_on_a_home_is_refused(home_of_its_own: Path) -> None:
    with started(home_of_its_own):
        assert "already running" in refused(home_of_its_own, "--port", "0")


def test_a_port_that_is_taken_is_refused(home_of_its_own: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"Port {port} is not free" in refused(home_of_its_own, "--port", port)


def test_a_template_that_cannot_be_read_is_refused(home_of_its_own: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    text = (PROJECT / "template.yaml").read_text()
    template.write_text(text.replace("Type: Schedule", "Type: MSK"))
    assert "MSK" in refused(home_of_its_own, "--port", "0", "--template", str(template))


def test_provisioners_are_managed_from_the_command_line(home_of_its_own: Path) -> None:
    def provisioner(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "stepless_dev", "provisioner", *words]
        return subprocess.run(
            [*command, "--home", str(home_of_its_own)],
            check=False,
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            timeout=30,
        )

    assert "make run" in provisioner("list").stderr
    with started(home_of_its_own) as (running, _):
        assert provisioner("list").stdout == "admin\tJWK\n"
        document = running.get("/provisioners")["provisioners"][0]
        document["name"] = "second"
        document["key"]["kid"] = "another"
        file = home_of_its_own / "second.json"
        file.write_text(json.dumps(document))
        assert provisioner("add", str(file)).returncode == 0
        assert provisioner("add", str(file)).returncode == 1
        assert "second\tJWK" in provisioner("list").stdout
        assert provisioner("remove", "second").returncode == 0
        assert provisioner("remove", "second").returncode == 1
        assert provisioner("list").stdout == "admin\tJWK\n"
