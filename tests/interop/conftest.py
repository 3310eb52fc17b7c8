"""Fixtures of the interop suite: tools, running authorities, a bootstrapped `step`.

Most tests take `target`, directly or through `client`, and so run twice, against stepless and
against the reference step-ca: a test that passes on both says what "compatible" means.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.support import recording_proxy
from tests.interop.support.authority import Authority
from tests.interop.support.http_client import Caller
from tests.interop.support.stage import Stage, Target
from tests.interop.support.step_client import StepClient
from tests.interop.support.tools import Tools, prepare

HERE = Path(__file__).parent


def _is_slow_here(item: pytest.Item) -> bool:
    return item.path.is_relative_to(HERE) and item.get_closest_marker("slow") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow ones last: they wait for time to pass, which it does while the others run."""
    items.sort(key=_is_slow_here)


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Return the built programs; fails as "failed to prepare" without them."""
    return prepare()


@pytest.fixture(scope="session")
def stage(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Hold the servers of the session."""
    with contextlib.ExitStack() as stack:
        yield Stage(tools, tmp_path_factory.mktemp("interop"), stack)


@pytest.fixture(params=["step-ca", "stepless"])
def target(request: pytest.FixtureRequest, stage: Stage) -> Target:
    """Return each running authority in turn."""
    return stage.target(request.param)


@pytest.fixture
def authority(target: Target) -> Authority:
    """Return the facts of the running authority."""
    return target.authority


@pytest.fixture
def client(stage: Stage, authority: Authority, tmp_path: Path) -> StepClient:
    """Return a bootstrapped `step` with a STEPPATH of this test's own."""
    return stage.client(authority.kind, tmp_path)


@pytest.fixture
def caller(authority: Authority) -> Caller:
    """Call the authority raw, without a client certificate."""
    return Caller(authority)


@pytest.fixture
def proxy(target: Target) -> Iterator[recording_proxy.Proxy]:
    """Put a recording proxy without mutual TLS before the authority."""
    with recording_proxy.running(target.authority, *target.endpoint) as running:
        yield running
