"""What survives: clean stops, `kill -9`, damaged files, stores of every kind."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stepless_dev.embedded_aws import EmbeddedAWS
from stepless_dev.home import Home, StartError

TABLE = {
    "TableName": "records",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "N"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}


@contextmanager
def embedded(home: Path) -> Iterator[EmbeddedAWS]:
    aws = EmbeddedAWS(Home(home), "http://127.0.0.1:9/none")
    aws.start()
    try:
        yield aws
    finally:
        aws.stop()


def kill_9(aws: EmbeddedAWS) -> None:
    os.kill(aws.pid, signal.SIGKILL)


def put(aws: EmbeddedAWS, *numbers: int) -> None:
    dynamodb = aws.operator.client("dynamodb")
    for number in numbers:
        item = {"pk": {"S": "p"}, "sk": {"N": str(number)}, "blob": {"B": b"\x00\xff"}}
        dynamodb.put_item(TableName="records", Item=item)


def numbers_in(aws: EmbeddedAWS) -> set[int]:
    found = aws.operator.client("dynamodb").scan(TableName="records", ConsistentRead=True)
    return {int(item["sk"]["N"]) for item in found["Items"]}


def stream_of(aws: EmbeddedAWS) -> list[tuple[str, str]]:
    """(event name, sequence number) of every record."""
    streams = aws.operator.client("dynamodbstreams")
    arn = streams.list_streams(TableName="records")["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    return [(record["eventName"], record["dynamodb"]["SequenceNumber"]) for record in records]


def test_everything_is_there_after_kill_9(home_of_its_own: Path) -> None:
    with embedded(home_of_its_own) as aws:
        aws.operator.client("dynamodb").create_table(**TABLE)
        kms = aws.operator.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        sealed = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
        queue = aws.operator.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        aws.operator.client("sqs").send_message(QueueUrl=queue, MessageBody="kept")
        aws.operator.client("s3").create_bucket(Bucket="bucket")
        aws.operator.client("s3").put_object(Bucket="bucket", Key="a/b", Body=b"object")
        put(aws, *range(20))
        aws.operator.client("dynamodb").delete_item(TableName="records", Key={"pk": {"S": "p"}, "sk": {"N": "0"}})
        stream = stream_of(aws)
        assert len(stream) == 21
        time.sleep(3)
        kill_9(aws)
    with embedded(home_of_its_own) as aws:
        assert numbers_in(aws) == set(range(1, 20))
        assert aws.operator.client("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"
        message = aws.operator.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]
        assert message["Body"] == "kept"
        found = aws.operator.client("s3").get_object(Bucket="bucket", Key="a/b")
        assert found["Body"].read() == b"object"
        assert stream_of(aws) == stream
        put(aws, 99)
        assert len(stream_of(aws)) == 22


def test_nothing_is_lost_at_a_clean_stop(home_of_its_own: Path) -> None:
    with embedded(home_of_its_own) as aws:
        aws.operator.client("dynamodb").create_table(**TABLE)
        put(aws, 1)
    with embedded(home_of_its_own) as aws:
        assert numbers_in(aws) == {1}
        put(aws, 2)
    with embedded(home_of_its_own) as aws:
        assert numbers_in(aws) == {1, 2}


def test_the_last_write_is_in_the_file_once_it_was_saved(home_of_its_own: Path) -> None:
    with embedded(home_of_its_own) as aws:
        aws.operator.client("dynamodb").create_table(**TABLE)
        put(aws, 1)
        aws.save()
        kill_9(aws)
    with embedded(home_of_its_own) as aws:
        assert numbers_in(aws) == {1}


def test_only_a_short_tail_is_lost_when_killed_while_writing(home_of_its_own: Path) -> None:
    written: list[tuple[float, int]] = []
    with embedded(home_of_its_own) as aws:
        aws.operator.client("dynamodb").create_table(**TABLE)
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            put(aws, len(written))
            written.append((time.monotonic(), len(written)))
        killed = time.monotonic()
        kill_9(aws)
    with embedded(home_of_its_own) as aws:
        there = numbers_in(aws)
    assert {number for at, number in written if at < killed - 3} <= there
    assert there == set(range(len(there)))  # a prefix: no later write without an earlier one


def test_a_rolled_back_statement_leaves_what_was_there(home_of_its_own: Path) -> None:
    """ministack then replaces a table's items as a whole, past the functions that are followed."""
    insert = "INSERT INTO records VALUE {'pk': 'p', 'sk': %d}"
    with embedded(home_of_its_own) as aws:
        dynamodb = aws.operator.client("dynamodb")
        dynamodb.create_table(**TABLE)
        put(aws, 1)
        time.sleep(2)
        with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
            dynamodb.execute_transaction(TransactStatements=[{"Statement": insert % 2}, {"Statement": insert % 1}])
        put(aws, 3)
        time.sleep(2)
        kill_9(aws)
    with embedded(home_of_its_own) as aws:
        assert numbers_in(aws) == {1, 3}


def test_a_deleted_table_stays_deleted(home_of_its_own: Path) -> None:
    with embedded(home_of_its_own) as aws:
        aws.operator.client("dynamodb").create_table(**TABLE)
        put(aws, 1)
        aws.save()
        aws.operator.client("dynamodb").delete_table(TableName="records")
        aws.operator.client("dynamodb").create_table(**TABLE)
        aws.save()
        kill_9(aws)
    with embedded(home_of_its_own) as aws:
        assert numbers_in(aws) == set()


def test_the_process_ends_with_its_parent(home_of_its_own: Path) -> None:
    with embedded(home_of_its_own) as aws:
        process = aws._process  # noqa: SLF001  # its pipe is what the parent's death closes
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        process.wait(5)


def test_the_port_is_remembered(home_of_its_own: Path) -> None:
    with embedded(home_of_its_own) as aws:
        first = aws.operator.endpoint_url
    with embedded(home_of_its_own) as aws:
        assert aws.operator.endpoint_url == first


def test_keys_lie_in_private_files(home_of_its_own: Path) -> None:
    with embedded(home_of_its_own) as aws:
        aws.operator.client("kms").create_key()
    assert home_of_its_own.stat().st_mode & 0o777 == 0o700
    for path in (home_of_its_own / "aws").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_damaged_file_is_refused_and_not_replaced(home_of_its_own: Path) -> None:
    with embedded(home_of_its_own) as aws:
        aws.operator.client("kms").create_key()
        path = aws.state_file
    damaged = b"this is no database" * 100
    path.write_bytes(damaged)
    with pytest.raises(StartError, match=r"aws\.log"), embedded(home_of_its_own):
        pytest.fail("it started")
    assert path.read_bytes() == damaged


def test_a_state_that_a_service_does_not_understand_is_refused(home_of_its_own: Path) -> None:
    with embedded(home_of_its_own) as aws:
        aws.operator.client("kms").create_key()
        path = aws.state_file
    with sqlite3.connect(path) as db:
        db.execute("UPDATE service SET state = '[1, 2' WHERE name = 'kms'")
    db.close()
    with pytest.raises(StartError, match=r"aws\.log"), embedded(home_of_its_own):
        pytest.fail("it started")
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT state FROM service WHERE name = 'kms'").fetchone() == ("[1, 2",)
    db.close()


def test_the_shape_of_dynamodbs_state_is_ministacks_own() -> None:
    """We write it without the items; a new ministack may keep more."""
    check = (
        "from ministack.services import dynamodb\n"
        "from stepless_dev.snapshot import _dynamodb_without_items\n"
        "assert _dynamodb_without_items().keys() == dynamodb.get_state().keys()\n"
    )
    subprocess.run([sys.executable, "-c", check], check=True, timeout=30)
