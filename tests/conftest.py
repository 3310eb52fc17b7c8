"""What holds for every suite: its cost level, its network, and an environment with nothing in it.

A folder under `tests/` is a cost level: what a test may touch follows from where it lies, so no file
has to say it. Read by pytest before anything is collected.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent

# Loopback for the suites that talk to servers which they start themselves.
LOOPBACK = ["127.0.0.1", "::1", "localhost"]

# Folder -> markers. Suites that share one running authority share an xdist group: one worker runs
# them, so there is one authority, while the other worker runs the rest. `dev`, where only some tests
# need a server, marks them in its own conftest.
LEVELS: dict[str, list[pytest.MarkDecorator]] = {
    "contract": [pytest.mark.emulator, pytest.mark.allow_hosts(LOOPBACK)],
    "e2e": [
        pytest.mark.emulator,
        pytest.mark.allow_hosts(LOOPBACK),
        pytest.mark.xdist_group("e2e"),
    ],
    "interop": [
        pytest.mark.interop,
        pytest.mark.allow_hosts(LOOPBACK),
        pytest.mark.xdist_group("interop"),
    ],
}


def pytest_configure() -> None:
    """Empty the environment of what could steer a test, above all towards a real AWS account."""
    in_ci = bool(os.environ.get("CI"))
    for name in list(os.environ):
        if name.startswith(("AWS_", "STEPLESS_", "STEPPATH")):
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    # Deadlines measure the machine, not the code. In CI the examples are the same on every run.
    settings.register_profile("suite", deadline=None, derandomize=in_ci, print_blob=True)
    settings.load_profile("suite")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test the markers of its folder, before xdist reads the groups."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0] if TESTS in item.path.parents else ""
        for marker in LEVELS.get(folder, ()):
            item.add_marker(marker)
