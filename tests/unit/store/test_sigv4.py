from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SDKCredentials
from hypothesis import given
from hypothesis import strategies as st

from stepless.store.sigv4 import Credentials, Scope, sign

_WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+=", min_size=1, max_size=40)


def _signed_by_the_sdk(headers: dict[str, str], body: bytes, credentials: Credentials, scope: Scope) -> dict[str, str]:
    """Botocore signs with the date of today, which the caller takes from the result."""
    url = f"https://{headers['host']}/"
    request: Any = AWSRequest("POST", url, {k: v for k, v in headers.items() if k != "host"}, body)
    keys = SDKCredentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token or None
    )  # fmt: skip
    SigV4Auth(keys, scope.service, scope.region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@given(
    body=st.binary(max_size=300),
    target=st.sampled_from(["DynamoDB_20120810.GetItem", "DynamoDB_20120810.TransactWriteItems"]),
    host=st.sampled_from(["dynamodb.eu-west-1.amazonaws.com", "localhost:4566", "[::1]:8000"]),
    credentials=st.builds(Credentials, _WORD, _WORD, st.just("") | _WORD),
    region=st.sampled_from(["us-east-1", "cn-north-1"]),
)
def test_the_signature_is_the_sdks(body: bytes, target: str, host: str, credentials: Credentials, region: str) -> None:
    headers = {"content-type": "application/x-amz-json-1.0", "host": host, "x-amz-target": target}
    scope = Scope(region, "dynamodb")
    expected = _signed_by_the_sdk(headers, body, credentials, scope)
    sign(headers, body, credentials, scope, expected["x-amz-date"])
    assert headers["authorization"] == expected["authorization"]
    assert headers.get("x-amz-security-token") == expected.get("x-amz-security-token")


def test_credentials_do_not_show_in_their_representation() -> None:
    credentials = Credentials("AKIAEXAMPLE", "secret-of-the-role", "token-of-the-session")
    for secret in ("AKIAEXAMPLE", "secret-of-the-role", "token-of-the-session"):
        assert secret not in repr(credentials)
