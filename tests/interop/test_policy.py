"""Name policies, step-ca's in its file and stepless's of a provisioner: the same names, the same answers."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop.support import reference
from tests.interop.support.process import Outcome
from tests.interop.support.provisioners import WALLED, WILD
from tests.interop.support.stage import Stage
from tests.interop.support.step_client import StepClient
from tests.interop.support.tools import Tools

POLICIES = {"walled": WALLED, "wild": WILD}
FORBIDDEN = "The request was forbidden by the certificate authority: "
Police = Callable[[str], "Policed"]


def _no_extras(_: dict[str, Any], __: Path) -> list[dict[str, Any]]:
    return []


@dataclass(frozen=True, slots=True)
class Policed:
    """A client of an authority, or provisioner, under one policy."""

    client: StepClient
    provisioner: str

    def ask(self, subject: str, *sans: str) -> Outcome:
        """Ask for a certificate, which nobody keeps."""
        chosen = self.client.provisioner(self.provisioner)
        flags = [f"--san={name}" for name in sans]
        return self.client.step("ca", "certificate", subject, "p.crt", "p.key", "--force", *chosen, *flags)


@pytest.fixture(scope="module", params=["step-ca", "stepless"])
def under(
    request: pytest.FixtureRequest, tools: Tools, stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Police]:
    """Return who asks under the policy of a name; each step-ca has one policy, so there are two of them."""
    with contextlib.ExitStack() as stack:
        made: dict[str, Policed] = {}

        def police(name: str) -> Policed:
            if name not in made:
                made[name] = start(name)
            return made[name]

        def start(name: str) -> Policed:
            directory = tmp_path_factory.mktemp(name)
            if request.param == "stepless":
                return Policed(stage.client("stepless", directory), name)
            home = tmp_path_factory.mktemp("step-ca")
            authority = stack.enter_context(reference.running(tools, home, _no_extras, POLICIES[name]))
            client = StepClient(tools.step, authority, directory)
            client.bootstrap().succeed()
            return Policed(client, "admin")

        yield police


def test_only_names_that_a_rule_allows_are_certified(under: Police) -> None:
    """Row 37."""
    walled = under("walled")
    walled.ask("a.test").succeed()
    for name, kind in (("a.b.test", "dns"), ("test", "dns"), ("10.0.0.1", "ip"), ("me@a.test", "email")):
        assert f'{FORBIDDEN}{kind} name "{name}" not allowed' in walled.ask("a.test", name).refuse().stderr


def test_a_literal_wildcard_needs_permission(under: Police) -> None:
    """Row 38."""
    for subject, sans in (("*.test", ("*.test",)), ("a.test", ("*.test",))):
        refused = under("walled").ask(subject, *sans).refuse()
        assert f'{FORBIDDEN}dns name "*.test" not allowed' in refused.stderr
        under("wild").ask(subject, *sans).succeed()


@pytest.mark.parametrize(
    ("subject", "sans", "refused"),
    [
        pytest.param("A.TEST", ("A.TEST",), "", id="ok/case-does-not-matter"),
        pytest.param("a.test", ("spiffe://a.test/x",), "", id="ok/host-of-a-uri"),
        pytest.param("bad.test", ("bad.test",), 'dns name "bad.test"', id="fail/denied"),
        pytest.param("BAD.test", ("a.test", "Bad.Test"), 'dns name "Bad.Test"', id="fail/denied-in-any-case"),
        pytest.param("a.test", ("https://a.b.test/",), 'uri name "https://a.b.test/"', id="fail/host-of-a-uri"),
        pytest.param("other.example", ("a.test",), 'cn name "other.example"', id="fail/common-name"),
    ],
)
def test_names_are_judged_alike(under: Police, subject: str, sans: tuple[str, ...], refused: str) -> None:
    outcome = under("walled").ask(subject, *sans)
    if not refused:
        outcome.succeed()
        return
    assert f"{FORBIDDEN}{refused} not allowed" in outcome.refuse().stderr
