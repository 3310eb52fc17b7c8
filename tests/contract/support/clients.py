"""The functions' own AWS clients, with their own time limits, for whatever answers on loopback; and the SDK's."""

from typing import Any

import botocore.session

from stepless.runtime.aws import AWSClients
from stepless_dev.aws import REGION


def clients_for(endpoint_url: str | None, access_key_id: str = "testing", **more: str) -> AWSClients:
    """Clients of an endpoint; `more` are secret and session token of credentials that STS gave."""
    credentials = {"aws_access_key_id": access_key_id, "aws_secret_access_key": "stepless", **more}
    return AWSClients(endpoint_url, REGION, **credentials)


def sdk_dynamodb(endpoint_url: str | None, access_key_id: str = "testing") -> Any:
    """The SDK's client, to make tables with and to look at what the adapters wrote."""
    return botocore.session.get_session().create_client(
        "dynamodb", REGION, endpoint_url=endpoint_url, aws_access_key_id=access_key_id, aws_secret_access_key="stepless"
    )
