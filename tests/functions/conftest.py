"""An authority in moto for each module of this folder.

No network: loopback is open because the tracer makes a socket, and for the modules that let AWS hang.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functions.support.authority import MotoAuthority, authority_in_moto

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Open loopback to this folder."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))


@contextlib.contextmanager
def _event_loop() -> Iterator[None]:
    """The current event loop, which a function makes once for its life, and which a test must close."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@pytest.fixture(scope="module")
def authority() -> Iterator[MotoAuthority]:
    """A bootstrapped authority, and its functions' environment variables."""
    with pytest.MonkeyPatch.context() as patch, _event_loop(), authority_in_moto(patch.setenv) as made:
        yield made
