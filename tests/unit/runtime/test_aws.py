"""Which DynamoDB a function calls, and as whom: what the SDK would take from the same variables."""

import botocore.session
import pytest

from stepless.runtime.aws import AWSClients
from stepless.store.sigv4 import Credentials

LAMBDA = {
    "AWS_ACCESS_KEY_ID": "AKIAFUNCTION",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "session",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="aws"),
        pytest.param({"AWS_REGION": "cn-north-1", "AWS_DEFAULT_REGION": "cn-north-1"}, id="china"),
        pytest.param({"AWS_REGION": "us-gov-west-1", "AWS_DEFAULT_REGION": "us-gov-west-1"}, id="government"),
        pytest.param({"AWS_ENDPOINT_URL": "http://localhost:4566"}, id="endpoint"),
        pytest.param(
            {"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ENDPOINT_URL_DYNAMODB": "http://localhost:8000"},
            id="endpoint-of-the-service",
        ),
    ],
)
def test_endpoint_and_credentials_are_those_of_the_sdk(more: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    variables = LAMBDA | more
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    sdk = botocore.session.get_session().create_client("dynamodb", variables["AWS_REGION"])
    dynamodb = AWSClients().dynamodb()
    assert dynamodb.endpoint.url == sdk.meta.endpoint_url
    assert dynamodb.endpoint.region == sdk.meta.region_name
    assert dynamodb.credentials() == Credentials("AKIAFUNCTION", "secret", "session")


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LAMBDA.items():
        monkeypatch.setenv(name, value)
    clients = AWSClients(
        "http://localhost:1", "us-east-1", aws_access_key_id="AKIAOPERATOR", aws_secret_access_key="other"
    )  # fmt: skip
    dynamodb = clients.dynamodb()
    assert (dynamodb.endpoint.url, dynamodb.endpoint.region) == ("http://localhost:1", "us-east-1")
    assert dynamodb.credentials() == Credentials("AKIAOPERATOR", "other")


def test_without_variables_the_sdk_finds_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As on a laptop, or in an environment whose credentials are renewed."""
    file = tmp_path_factory.mktemp("aws") / "credentials"
    file.write_text("[default]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = secret\n")
    for name in LAMBDA:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    dynamodb = AWSClients(None, "eu-west-1").dynamodb()
    assert dynamodb.credentials() == Credentials("AKIAPROFILE", "secret")
