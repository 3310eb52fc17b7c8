"""AWS clients, made when first needed, with time limits that let a request fail within five seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

# Two attempts, and a pause of up to a second that the SDK makes between them: at most 4 s when nothing answers.
_CONNECT_SECONDS: Final = 1
_READ_SECONDS: Final = 1.5
_ATTEMPTS: Final = 2


class AWSClients:
    """One client of each service for the life of a function environment."""

    def __init__(self, endpoint_url: str | None = None, region: str | None = None, **credentials: str) -> None:
        """Without arguments the SDK's own settings count, as in a function."""
        self._arguments = {"endpoint_url": endpoint_url, "region_name": region, **credentials}
        self._session: Any = None

    def _client(self, service: str) -> Any:
        import botocore.session  # noqa: PLC0415 - 0.2 s that a function without AWS calls need not pay
        from botocore.config import Config  # noqa: PLC0415 - likewise not paid for when unused

        if self._session is None:
            self._session = botocore.session.get_session()
        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            # Requests are built by our own code and tested; checking each against the model costs as much as sending.
            parameter_validation=False,
            tcp_keepalive=True,
        )
        return self._session.create_client(service, config=config, **self._arguments)

    def dynamodb(self) -> DynamoDBClient:
        """The low-level DynamoDB client."""
        client: DynamoDBClient = self._client("dynamodb")
        return client

    def kms(self) -> KMSClient:
        """The KMS client."""
        client: KMSClient = self._client("kms")
        return client

    def secrets_manager(self) -> SecretsManagerClient:
        """The Secrets Manager client."""
        client: SecretsManagerClient = self._client("secretsmanager")
        return client
