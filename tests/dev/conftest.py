"""Fixtures of the local gateway's tests: one running authority on the small project, for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dev.support.authorities import TestAuthority
from tests.dev.support.running import Running, running

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Open loopback to this folder; keep what shares the running authority on one worker.

    What waits for time to pass goes last: it passes while the others run.
    """
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"]))
        fixtures = getattr(item, "fixturenames", ())
        if "live" in fixtures or "home_of_its_own" in fixtures:
            item.add_marker(pytest.mark.emulator)
        if "live" in fixtures:
            item.add_marker(pytest.mark.xdist_group("dev"))


@pytest.fixture(scope="session")
def ca() -> TestAuthority:
    return TestAuthority("test")


@pytest.fixture(scope="session")
def live(ca: TestAuthority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The running authority that most tests share."""
    with running(tmp_path_factory.mktemp("live"), ca) as started:
        yield started


@pytest.fixture
def home_of_its_own(tmp_path: Path) -> Path:
    """A home for a test that starts and stops authorities itself."""
    return tmp_path / "home"


@pytest.hookimpl(trylast=True, specname="pytest_collection_modifyitems")
def slow_last(items: list[pytest.Item]) -> None:
    """After any shuffling."""
    items.sort(key=lambda item: item.path.is_relative_to(HERE) and "slow" in item.keywords)
