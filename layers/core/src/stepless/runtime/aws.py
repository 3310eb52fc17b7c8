"""AWS clients, made when first needed, with time limits that let a request fail within five seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from stepless.runtime.settings import aws_environment
from stepless.store.dynamodb import DynamoDB, Endpoint
from stepless.store.sigv4 import Credentials

if TYPE_CHECKING:
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

    def _sdk_session(self) -> Any:
        import botocore.session  # noqa: PLC0415 - 0.2 s that a function without SDK calls need not pay

        if self._session is None:
            self._session = botocore.session.get_session()
        return self._session

    def _client(self, service: str) -> Any:
        from botocore.config import Config  # noqa: PLC0415 - not paid for when unused

        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            # Requests are built by our own code and tested; checking each against the model costs as much as sending.
            parameter_validation=False,
            tcp_keepalive=True,
        )
        return self._sdk_session().create_client(service, config=config, **self._arguments)

    def dynamodb(self) -> DynamoDB:
        """DynamoDB's calls; the endpoint is the one that the SDK would take."""
        given = aws_environment()
        region = self._arguments["region_name"] or given.get("AWS_REGION") or given["AWS_DEFAULT_REGION"]
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        url = (
            self._arguments["endpoint_url"]
            or given.get("AWS_ENDPOINT_URL_DYNAMODB")
            or given.get("AWS_ENDPOINT_URL")
            or f"https://dynamodb.{region}.{suffix}"
        )
        return DynamoDB(Endpoint(url, region), self._credentials())

    def _credentials(self) -> Callable[[], Credentials]:
        """Those given here, else Lambda's variables, which stay as they are; else whatever the SDK finds and renews."""
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        fixed = [self._arguments.get(name) for name in names]
        if not fixed[0]:
            given = aws_environment()
            fixed = [given.get(name.upper()) for name in names]
        if fixed[0] and fixed[1]:
            credentials = Credentials(fixed[0], fixed[1], fixed[2] or "")
            return lambda: credentials
        found = self._sdk_session().get_credentials()

        def current() -> Credentials:
            frozen = found.get_frozen_credentials()
            return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "")

        return current

    def kms(self) -> KMSClient:
        """The KMS client."""
        client: KMSClient = self._client("kms")
        return client

    def secrets_manager(self) -> SecretsManagerClient:
        """The Secrets Manager client."""
        client: SecretsManagerClient = self._client("secretsmanager")
        return client
