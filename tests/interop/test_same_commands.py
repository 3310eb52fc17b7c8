"""The same command lines of the real `step` against stepless and the reference step-ca.

Compared are exit codes, what is printed, the files with their modes, and every certificate field by
field. Where they differ on purpose the table in `support/on_purpose.py` says so.
"""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.interop.support.authority import Kind
from tests.interop.support.differences import compare
from tests.interop.support.observation import of_directory, of_outcome
from tests.interop.support.requests_for import dns, make_request, pem
from tests.interop.support.stage import Stage
from tests.interop.support.step_client import StepClient, read_leaf

X5C = "--provisioner x5c --x5c-cert a.crt --x5c-key a.key"
# {admin} and the like choose a provisioner, {serial} is that of a.crt, {revoke} and {sign} are tokens.
A = "ca certificate a.test a.crt a.key {admin}"
SCENARIOS: dict[str, list[str]] = {
    "bootstrap again": ["ca bootstrap --ca-url {url} --fingerprint {fingerprint}"],
    "bootstrap elsewhere": ["ca bootstrap --ca-url {url} --fingerprint {fingerprint} --context other"],
    "bootstrap with a bad fingerprint": ["ca bootstrap --ca-url {url} --fingerprint abc --force"],
    "bootstrap with a path": ["ca bootstrap --ca-url {url}/path --fingerprint {fingerprint} --force"],
    "root": ["ca root", "ca root r.crt", "ca root r.crt --force", "ca root --fingerprint abc"],
    "roots": ["ca roots", "ca roots r.crt", "ca federation", "ca federation f.crt"],
    "health": ["ca health"],
    "provisioners": ["ca provisioner list", "ca provisioner jwe-key nobody"],
    "certificate": [A],
    "certificate with names": [f"{A} --san b.test --san 10.0.0.1 --san me@x.test --san a://b"],
    "certificate with every key": [
        f"{A} --kty RSA --size 2048 --force",
        f"{A} --kty RSA --size 3072 --force",
        f"{A} --kty EC --crv P-384 --force",
        f"{A} --kty EC --crv P-521 --force",
        f"{A} --kty OKP --crv Ed25519 --force",
    ],
    "certificate for strange subjects": [
        "ca certificate 10.1.1.1 a.crt a.key {admin}",
        "ca certificate me@x.test b.crt b.key {admin}",
        "ca certificate *.a.test c.crt c.key {admin}",
        "ca certificate localhost:8080 d.crt d.key {admin}",
        "ca certificate spiffe://x/y f.crt f.key {admin}",
        "ca certificate 2001:db8::1 g.crt g.key {admin}",
        "ca certificate 'A Person' h.crt h.key {admin} --san me@x.test",
    ],
    "certificate with dates": [
        f"{A} --not-after 1h --force",
        f"{A} --not-before -5m --not-after 30m --force",
        f"{A} --not-before 5m --not-after 30m --force",
        f"{A} --not-after 2m --force",
        f"{A} --not-after 48h --force",
        f"{A} --not-after 2020-01-01T00:00:00Z --force",
    ],
    "certificate of a longer provisioner": ["ca certificate a.test a.crt a.key {long}"],
    "certificate without extension": ["ca certificate a.test a.crt a.key {plain}"],
    "certificate of an unknown provisioner": ["ca certificate a.test a.crt a.key --provisioner nobody"],
    "certificate with template data": [f"{A} --set ou=Eng"],
    "certificate by token": [
        "ca certificate a.test a.crt a.key --token {sign}",
        "ca certificate a.test a.crt a.key --token {sign} --force",
        "ca certificate b.test a.crt a.key --token {sign} --force",
    ],
    "request": ["ca sign a.csr a.crt {admin}", "ca sign more.csr more.crt {admin}"],
    "request of another name": ["ca sign more.csr a.crt --token {sign}"],
    "x5c": [
        A,
        f"ca certificate x.test x.crt x.key {X5C}",
        f"ca certificate x.test y.crt y.key {X5C} --san y.test --san 10.0.0.1 --not-after 1h",
        f"ca certificate x.test z.crt z.key {X5C} --not-before -2h",
        "ca renew x.crt x.key --force",
    ],
    "renew": [A, "ca renew a.crt a.key --force", "ca renew a.crt a.key --force --mtls=false"],
    "renew to another file": [A, "ca renew a.crt a.key --out b.crt"],
    "renew without extension": [
        "ca certificate a.test a.crt a.key {plain}",
        "ca renew a.crt a.key --force",
        "ca renew a.crt a.key --force --mtls=false",
    ],
    "renew with odd span": [f"{A} --not-after 17m", "ca renew a.crt a.key --force"],
    "renew before its start": [f"{A} --not-before 5m", "ca renew a.crt a.key --force"],
    "renew before its start by token": [
        f"{A} --not-before 5m",
        "ca renew a.crt a.key --force --mtls=false",
    ],
    "renew where it is forbidden": [
        "ca certificate a.test a.crt a.key {once}",
        "ca renew a.crt a.key --force",
        "ca renew a.crt a.key --force --mtls=false",
        "ca rekey a.crt a.key --force",
    ],
    "renew when it is not due": [A, "ca renew a.crt a.key --expires-in 1h"],
    "renew a stranger's": [
        "certificate create a.test a.crt a.key --profile self-signed --subtle --no-password --insecure",
        "ca renew a.crt a.key --force",
        "ca renew a.crt a.key --force --mtls=false",
    ],
    "rekey": [
        A,
        "ca rekey a.crt a.key --force",
        "ca rekey a.crt a.key --force --kty RSA --size 2048",
        "ca rekey a.crt a.key --out-cert b.crt --out-key b.key --kty OKP --crv Ed25519",
    ],
    "revoke by token": [
        A,
        "ca revoke {serial} --token {revoke}",
        "ca revoke {serial} --token {revoke}",
        "ca renew a.crt a.key --force",
        "ca renew a.crt a.key --force --mtls=false",
        "ca rekey a.crt a.key --force",
    ],
    "revoke by certificate": [
        A,
        "ca revoke --cert a.crt --key a.key --reason 'no longer needed' --reasonCode superseded",
        "ca revoke --cert a.crt --key a.key",
    ],
    "revoke another": [A, "ca revoke 4660 --token {revoke}", "ca revoke abc --token {revoke}"],
    "revoke a renewed certificate": [
        A,
        "ca renew a.crt a.key --out b.crt",
        "ca revoke {serial} --token {revoke}",
        "ca renew b.crt a.key --force",
    ],
    "a token for every purpose": [
        A,
        "ca certificate a.test b.crt b.key --token {revoke}",
        "ca revoke a.test --token {sign}",
        "ca renew a.crt a.key --force --ca-url https://127.0.0.1:1",
    ],
    "verify and inspect": [
        A,
        "certificate verify a.crt --roots {root}",
        "certificate needs-renewal a.crt",
        "certificate needs-renewal a.crt --expires-in 25h",
    ],
}


def _value(name: str, client: StepClient) -> str:
    serial = ""
    if client.path("a.crt").exists():
        serial = str(read_leaf(client.path("a.crt")).serial_number)
    values: dict[str, Callable[[], str]] = {
        "url": lambda: client.authority.url,
        "fingerprint": lambda: client.authority.fingerprint,
        "root": lambda: str(client.authority.root),
        "serial": lambda: serial,
        "sign": lambda: client.token("a.test"),
        "revoke": lambda: client.token(serial, "--revoke"),
    }
    if name in values:
        return values[name]()
    return shlex.join(str(word) for word in client.provisioner(name))


def _words(line: str, client: StepClient) -> list[str]:
    """Fill in the placeholders of a line and split it as a shell does."""
    return shlex.split(re.sub(r"\{(\w+)\}", lambda found: _value(found[1], client), line))


def _of_both(listing: str) -> str:
    """The provisioners that both servers have from one document; of some each is told in a way of its own."""
    own = {"pods", "amazon", "amazon-own"}
    return json.dumps([entry for entry in json.loads(listing) if entry["name"] not in own], indent=3)


def _play(stage: Stage, kind: Kind, directory: Path, lines: list[str]) -> dict[str, object]:
    """Run the lines one after the other; return what was seen of each and of the files left."""
    target, client = stage.target(kind), stage.client(kind, directory)
    request = make_request("a.test", dns("a.test"))
    more = make_request("a.test", dns("a.test", "more.test"))
    client.path("a.csr").write_text(pem(request))
    client.path("more.csr").write_text(pem(more))
    seen: dict[str, object] = {}
    for number, line in enumerate(lines, 1):
        outcome = client.step(*_words(line, client))
        if line == "ca provisioner list":
            outcome = replace(outcome, stdout=_of_both(outcome.stdout))
        seen[f"{number}: {line}"] = of_outcome(outcome, target, directory)
    return {**seen, **of_directory(directory, target)}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_outcome_is_the_reference_servers_when_commands_are_the_same(
    stage: Stage, tmp_path: Path, scenario: str
) -> None:
    lines = SCENARIOS[scenario]
    reference = _play(stage, "step-ca", tmp_path / "step-ca", lines)
    compare(scenario, reference, _play(stage, "stepless", tmp_path / "stepless", lines))
