"""One running authority for this folder; its logs are searched for secrets when it has stopped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support.cloud import Cloud
from tests.support.forge import Forge
from tests.support.gateway import Gateway, running


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The authority that the tests share; three environments of each function run side by side."""
    with running(tmp_path_factory.mktemp("authority"), "--environments", "3") as started:
        yield started


@pytest.fixture(scope="session")
def forge(gateway: Gateway) -> Forge:
    """Tokens of the first provisioner."""
    return gateway.forge


@pytest.fixture(scope="session")
def cloud(gateway: Gateway) -> Cloud:
    """The embedded AWS below it, with the rights of its root."""
    return Cloud.of(gateway)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For keys of client certificates."""
    return tmp_path
