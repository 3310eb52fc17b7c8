"""Moto in this process, also for calls that do not go through the SDK that it hooks into."""

import contextlib
from collections.abc import Iterator

import pytest
import requests
from moto import mock_aws

from stepless.store.dynamodb import DynamoDB

_AWS = ".amazonaws.com"


@contextlib.contextmanager
def moto_aws() -> Iterator[None]:
    """Everything at AWS's own addresses is answered by moto; other endpoints are called as ever."""
    over_the_network = DynamoDB._exchange  # noqa: SLF001 - the last step before the socket; all above it stays

    def exchange(dynamodb: DynamoDB, headers: dict[str, str], body: bytes, deadline: float) -> tuple[int, bytes]:
        if not headers["host"].endswith(_AWS):
            return over_the_network(dynamodb, headers, body, deadline)
        answer = requests.post(f"https://{headers['host']}/", body, headers=headers, timeout=10)
        return answer.status_code, answer.content

    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoDB, "_exchange", exchange)
        yield
