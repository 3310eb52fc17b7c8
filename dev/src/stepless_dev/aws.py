"""Clients of the embedded AWS, as its operator: the account's root."""

from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True)
class Operator:
    """Where the embedded AWS is, and the key that may do everything there."""

    endpoint_url: str
    access_key_id: str

    def client(self, service: str) -> Any:
        """A low-level client; calls block, so the gateway makes them in a thread."""
        session: Any = botocore.session.get_session()
        return session.create_client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key="stepless",  # noqa: S106  # the key id is the secret (aws_process)
            config=Config(retries={"total_max_attempts": 2}, connect_timeout=5, s3={"addressing_style": "path"}),
        )
