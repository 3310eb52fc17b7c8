"""Fixtures of the contract suite: the fakes, moto in this process, and ministack in a process of its own.

Every key begins with the authority's id, so tests share tables and take an authority each.
"""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from stepless.runtime.aws import AWSClients
from stepless.services.ports import CertificateStore
from stepless_dev.embedded_aws import EmbeddedAWS
from stepless_dev.home import Home
from tests.contract.support.backends import AWS, Backend, Memory
from tests.contract.support.clients import clients_for, sdk_dynamodb
from tests.fakes.clock import FrozenClock
from tests.support.moto_aws import moto_aws

# Nobody listens there: these tests start no function.
_NO_GATEWAY = "http://127.0.0.1:9"


@pytest.fixture(scope="session")
def embedded_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAWS]:
    """Ministack as the local authority starts it: IAM enforced, a free loopback port, stopped by its own process id."""
    embedded = EmbeddedAWS(Home(tmp_path_factory.mktemp("ministack")), _NO_GATEWAY)
    embedded.start()
    yield embedded
    embedded.stop()


@pytest.fixture(scope="session")
def ministack(embedded_aws: EmbeddedAWS) -> AWS:
    """The adapters over ministack, as the account's root; the tables are shared by all tests."""
    operator = embedded_aws.operator
    clients = clients_for(operator.endpoint_url, operator.access_key_id)
    return AWS.prepared("ministack", clients, sdk_dynamodb(operator.endpoint_url, operator.access_key_id))


@pytest.fixture(scope="session")
def moto_clients() -> tuple[AWSClients, Any]:
    """The functions' clients and the SDK's, which moto answers while it is switched on."""
    return clients_for(None), sdk_dynamodb(None)


@pytest.fixture
def moto(moto_clients: tuple[AWSClients, Any]) -> Iterator[AWS]:
    """The adapters over moto; its transactions copy whole tables, so each test gets new ones."""
    with moto_aws():
        yield AWS.prepared("moto", *moto_clients)


@pytest.fixture(params=["fakes", "moto", "ministack"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each of the three in turn: what the ports promise must not depend on it."""
    if request.param == "fakes":
        return Memory()
    adapters: Backend = request.getfixturevalue(request.param)
    return adapters


@pytest.fixture(params=["moto", "ministack"])
def aws(request: pytest.FixtureRequest) -> AWS:
    """Each emulator in turn, for what lies below the ports."""
    adapters: AWS = request.getfixturevalue(request.param)
    return adapters


@pytest.fixture
def authority_id() -> str:
    """An authority that no other test has."""
    return f"a{secrets.token_hex(6)}"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def store(backend: Backend, authority_id: str) -> CertificateStore:
    """The inventory of the test's authority."""
    return backend.certificates(authority_id)
