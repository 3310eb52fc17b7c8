"""The embedded AWS as the functions meet it: roles, conditions, events, and what ministack gets wrong."""

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.dev.support.running import Running

PATIENCE_SECONDS = 20


def keeper(live: Running, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
    """What the function whose role may do little gets for an AWS call; `$X` is its variable X."""
    body = json.dumps({"service": service, "operation": operation, "arguments": arguments})
    found: dict[str, Any] = live.call("POST", "/keeper", body.encode()).json()
    return found


def eventually(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return found


def seen(live: Running, key: str) -> Any:
    item = live.aws("dynamodb").get_item(
        TableName=live.outputs()["SeenTableName"], Key={"pk": {"S": key}}, ConsistentRead=True
    )
    return json.loads(item["Item"]["record"]["S"]) if "Item" in item else None


def test_a_function_has_the_templates_variables_and_nothing_of_ours(
    live: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_SECRET", "x")
    live.call("POST", "/moody", b"die")
    variables = live.call("GET", "/echo").json()["variables"]
    assert variables["GREETING"] == "hello"
    # Some Pythons set the first for themselves; the others functions get when we have them.
    assert set(variables) - {"LC_CTYPE", "SSL_CERT_FILE", "SSL_CERT_DIR"} == {
        "PATH", "LANG", "TZ", "GREETING", "_HANDLER", "_X_AMZN_TRACE_ID",
        "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_EXECUTION_ENV",
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    }  # fmt: skip


def test_the_context_is_lambdas(live: Running) -> None:
    answer = live.call("GET", "/echo").json()
    context = answer["context"]
    assert context["request_id"] == answer["event"]["requestContext"]["requestId"]
    assert context["arn"].startswith("arn:aws:lambda:us-east-1:123456789012:function:stepless-EchoFunction-")
    assert context["memory"] == "256"
    assert 3000 < context["remaining"] <= 5000


def test_a_role_allows_what_the_template_says_and_no_more(live: Running) -> None:
    item = {"pk": {"S": "role"}}
    assert "code" not in keeper(live, "dynamodb", "put_item", TableName="$KEPT_TABLE", Item=item)
    assert keeper(live, "dynamodb", "put_item", TableName="$SEEN_TABLE", Item=item) == {"code": "AccessDeniedException"}
    assert keeper(live, "dynamodb", "scan", TableName="$KEPT_TABLE") == {"code": "AccessDeniedException"}


def test_a_transaction_is_judged_item_by_item(live: Running) -> None:
    allowed = {"Put": {"TableName": "x", "Item": {"pk": {"S": "transaction"}}}}
    kept, others = live.outputs()["SettingsTableName"], live.outputs()["SeenTableName"]
    mixed = [allowed, json.loads(json.dumps(allowed))]
    mixed[0]["Put"]["TableName"], mixed[1]["Put"]["TableName"] = kept, others
    assert "code" not in keeper(live, "dynamodb", "transact_write_items", TransactItems=mixed[:1])
    refused = keeper(live, "dynamodb", "transact_write_items", TransactItems=mixed)
    assert refused == {"code": "AccessDeniedException"}


@pytest.mark.parametrize("role", ["keeper", "helper"])
def test_a_key_decrypts_under_the_encryption_context_of_the_condition(live: Running, role: str) -> None:
    sealed = keeper(live, "kms", "encrypt", KeyId="$KEY", Plaintext="c2VjcmV0", EncryptionContext={"role": role})[
        "CiphertextBlob"
    ]
    opened = keeper(live, "kms", "decrypt", CiphertextBlob=sealed, EncryptionContext={"role": role})
    assert base64.b64decode(opened["Plaintext"]) == b"secret"


@pytest.mark.parametrize(
    "context",
    [
        pytest.param({"role": "root"}, id="fail/another-role"),
        pytest.param({"other": "keeper"}, id="fail/another-name"),
        pytest.param({}, id="fail/none"),
    ],
)
def test_a_key_is_refused_outside_of_the_condition(live: Running, context: dict[str, str]) -> None:
    refused = keeper(live, "kms", "encrypt", KeyId="$KEY", Plaintext="c2VjcmV0", EncryptionContext=context)
    assert refused == {"code": "AccessDeniedException"}


def test_a_reference_to_a_secret_is_its_arn(live: Running) -> None:
    found = keeper(live, "secretsmanager", "get_secret_value", SecretId="$SECRET")
    assert len(found["SecretString"]) == 32
    assert found["ARN"].startswith("arn:aws:secretsmanager:")


def test_a_role_that_has_no_condition_met_cannot_read_keys_of_others(live: Running) -> None:
    key = live.aws("kms").create_key()["KeyMetadata"]["Arn"]
    refused = keeper(live, "kms", "encrypt", KeyId=key, Plaintext="eA==", EncryptionContext={"role": "keeper"})
    assert refused == {"code": "AccessDeniedException"}


@pytest.mark.parametrize("key", [pytest.param("", id="fail/unsigned"), "test", "123456789012", "AKIAIOSFODNN7EXAMPLE"])
def test_only_keys_that_were_handed_out_are_served(live: Running, key: str) -> None:
    credential = f"AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/dynamodb/aws4_request"
    headers = {
        "X-Amz-Target": "DynamoDB_20120810.ListTables",
        "Content-Type": "application/x-amz-json-1.0",
    } | ({"Authorization": f"{credential}, SignedHeaders=host, Signature=0"} if key else {})
    request = urllib.request.Request(  # http, ours
        live.local.aws.operator.endpoint_url, b"{}", headers
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    with refused.value as error:
        assert (error.code, error.headers.get("Access-Control-Allow-Origin")) == (403, None)


def test_time_to_live_and_recovery_are_set_as_the_template_says(live: Running) -> None:
    dynamodb, table = live.aws("dynamodb"), live.outputs()["SettingsTableName"]
    ttl = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at")
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    assert recovery == "ENABLED"


def test_a_custom_resource_is_run_by_cloudformation_itself(live: Running) -> None:
    assert live.outputs()["Made"] == "Create hello a,b"


def test_a_stream_runs_its_function(live: Running) -> None:
    table = live.outputs()["SettingsTableName"]
    live.aws("dynamodb").put_item(TableName=table, Item={"pk": {"S": "streamed"}, "n": {"N": "1"}})
    record = eventually(lambda: seen(live, "aws:dynamodb streamed"))
    assert record["eventName"] == "INSERT"
    assert record["dynamodb"]["NewImage"] == {"pk": {"S": "streamed"}, "n": {"N": "1"}}


def test_a_queue_runs_its_function_and_brings_back_what_it_refused(live: Running) -> None:
    sqs, url = live.aws("sqs"), live.outputs()["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="taken")
    sqs.send_message(QueueUrl=url, MessageBody="refuse me once")
    assert eventually(lambda: seen(live, "aws:sqs taken"))["eventSource"] == "aws:sqs"
    record = eventually(lambda: seen(live, "aws:sqs refuse me once"))
    assert record["attributes"]["ApproximateReceiveCount"] == "2"


@pytest.mark.slow
def test_a_schedule_runs_its_function(live: Running) -> None:
    deadline = time.monotonic() + 90
    while not (event := seen(live, "aws.events")):
        assert time.monotonic() < deadline, "the schedule did not fire"
        time.sleep(0.5)
    assert event["detail-type"] == "Scheduled Event"
