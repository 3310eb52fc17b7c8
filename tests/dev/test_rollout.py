"""Changes of the template: data and keys stay, failures and cut-off deployments cost nothing."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from stepless_dev.deploy import Deployment, DeploymentFailedError
from stepless_dev.home import StartError
from stepless_dev.package import BUCKET_URL, build_package
from stepless_dev.template import load_yaml
from tests.dev.support.authorities import TestAuthority
from tests.dev.support.running import PROJECT, Running, running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that a test may change; returns its template."""
    shutil.copytree(PROJECT, tmp_path / "project")
    return tmp_path / "project" / "template.yaml"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def remember_something(live: Running) -> Callable[[Running], None]:
    """Writes an item and a ciphertext; returns the check that both are still readable."""
    table, key = live.outputs()["SettingsTableName"], live.outputs()["KeyArn"]
    live.aws("dynamodb").put_item(TableName=table, Item={"pk": {"S": "kept"}})
    sealed = live.aws("kms").encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    password = (live.folder / "password").read_bytes()

    def check(later: Running) -> None:
        assert later.outputs()["SettingsTableName"] == table
        found = later.aws("dynamodb").get_item(TableName=table, Key={"pk": {"S": "kept"}})
        assert "Item" in found
        assert later.aws("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"
        assert (later.folder / "password").read_bytes() == password

    return check


def test_a_restart_without_a_change_deploys_nothing(
    home_of_its_own: Path, ca: TestAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(home_of_its_own, ca) as live:
        check = remember_something(live)
    monkeypatch.setattr(Deployment, "apply", lambda *_: pytest.fail("it deployed"))
    with running(home_of_its_own, ca) as live:
        check(live)
        assert live.call("GET", "/echo").status == 200


def test_data_and_keys_survive_changed_functions_tables_and_indexes(
    home_of_its_own: Path, ca: TestAuthority, project: Path
) -> None:
    with running(home_of_its_own, ca, template=project) as live:
        check = remember_something(live)
        table = live.outputs()["SettingsTableName"]
        live.aws("dynamodb").put_item(TableName=table, Item={"pk": {"S": "indexed"}, "name": {"S": "n"}})
        assert live.call("GET", "/echo").json()["variables"]["GREETING"] == "hello"
    edit(project, "Default: hello", "Default: good day")
    edit(project, "Path: /1.0/echo", "Path: /2.0/echo")
    edit(project, "Timeout: 4\n", "Timeout: 6\n")
    data = project.parent / "infra/data.yaml"
    edit(
        data,
        "  SeenTable:\n    Type: AWS::DynamoDB::Table",
        "  NewTable:\n    Type: AWS::DynamoDB::Table\n    Properties:\n"
        "      BillingMode: PAY_PER_REQUEST\n"
        "      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]\n"
        "      KeySchema: [{AttributeName: pk, KeyType: HASH}]\n"
        "  SeenTable:\n    Type: AWS::DynamoDB::Table",
    )
    edit(
        project.parent / "infra/data.yaml",
        "      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]\n"
        "      KeySchema: [{AttributeName: pk, KeyType: HASH}]\n"
        "      StreamSpecification",
        "      AttributeDefinitions:\n"
        "        [{AttributeName: pk, AttributeType: S}, {AttributeName: name, AttributeType: S}]\n"
        "      KeySchema: [{AttributeName: pk, KeyType: HASH}]\n"
        "      GlobalSecondaryIndexes:\n"
        "        - IndexName: by-name\n"
        "          KeySchema: [{AttributeName: name, KeyType: HASH}]\n"
        "          Projection: {ProjectionType: ALL}\n"
        "      StreamSpecification",
    )
    with running(home_of_its_own, ca, template=project) as live:
        check(live)
        assert live.call("GET", "/2.0/echo").json()["variables"]["GREETING"] == "good day"
        assert live.call("GET", "/1.0/echo").status == 404
        assert live.outputs()["Made"] == "Update good day a,b"
        assert any("NewTable" in name for name in live.aws("dynamodb").list_tables()["TableNames"])
        found = live.aws("dynamodb").query(
            TableName=table,
            IndexName="by-name",
            KeyConditionExpression="#n = :n",
            ExpressionAttributeNames={"#n": "name"},
            ExpressionAttributeValues={":n": {"S": "n"}},
        )
        assert [item["pk"]["S"] for item in found["Items"]] == ["indexed"]


def test_a_template_that_does_not_deploy_leaves_everything_as_it_was(home_of_its_own: Path, ca: TestAuthority) -> None:
    with running(home_of_its_own, ca) as live:
        check = remember_something(live)
    with (
        pytest.raises(DeploymentFailedError, match="Thing: told to"),
        running(home_of_its_own, ca, Greeting="refuse"),
    ):
        pytest.fail("it started")
    with running(home_of_its_own, ca) as live:
        check(live)
        assert live.outputs()["Made"] == "Create hello a,b"


def test_a_first_deployment_that_fails_can_be_repeated(home_of_its_own: Path, ca: TestAuthority) -> None:
    with (
        pytest.raises(DeploymentFailedError, match="Thing: told to"),
        running(home_of_its_own, ca, Greeting="refuse"),
    ):
        pytest.fail("it started")
    with running(home_of_its_own, ca) as live:
        assert live.outputs()["Made"] == "Create hello a,b"


def test_a_template_that_cloudformation_refuses_says_why(
    home_of_its_own: Path, ca: TestAuthority, project: Path
) -> None:
    edit(project, "Greeting: {Type: String, Default: hello}", "Greeting: {Type: String}")
    with (
        pytest.raises(DeploymentFailedError, match=r"refused: .*Greeting"),
        running(home_of_its_own, ca, template=project),
    ):
        pytest.fail("it started")


class KilledError(Exception):
    """The process ended here."""


def cut_off(home: Path, status: str) -> None:
    """Leaves the state as a process does that is killed in the middle of a deployment."""
    with sqlite3.connect(home / "aws/state.db") as db:
        query = "UPDATE service SET state = replace(state, ?, ?) WHERE name = 'cloudformation'"
        for settled in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            db.execute(query, (f'"StackStatus":"{settled}"', f'"StackStatus":"{status}"'))
        assert db.total_changes > 0
    db.close()


def test_an_update_that_was_cut_off_is_undone_and_done_again(
    home_of_its_own: Path, ca: TestAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(home_of_its_own, ca) as live:
        check = remember_something(live)

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Deployment, "apply", killed)
        with pytest.raises(KilledError), running(home_of_its_own, ca, Greeting="new"):
            pytest.fail("it started")
    assert (home_of_its_own / "aws/state.before").exists()
    cut_off(home_of_its_own, "UPDATE_IN_PROGRESS")
    with running(home_of_its_own, ca, Greeting="new") as live:
        check(live)
        assert live.outputs()["Made"] == "Update new a,b"
    assert not (home_of_its_own / "aws/state.before").exists()


def test_a_first_deployment_that_was_cut_off_starts_over(home_of_its_own: Path, ca: TestAuthority) -> None:
    with running(home_of_its_own, ca):
        pass
    cut_off(home_of_its_own, "CREATE_IN_PROGRESS")
    with running(home_of_its_own, ca) as live:
        assert live.outputs()["Made"] == "Create hello a,b"


def test_an_update_that_cannot_be_undone_is_not_touched(home_of_its_own: Path, ca: TestAuthority) -> None:
    with running(home_of_its_own, ca):
        pass
    cut_off(home_of_its_own, "UPDATE_IN_PROGRESS")
    before = (home_of_its_own / "aws/state.db").stat().st_size
    with pytest.raises(StartError, match="make clean"), running(home_of_its_own, ca):
        pytest.fail("it started")
    assert (home_of_its_own / "aws/state.db").stat().st_size >= before


def test_the_package_holds_the_template_and_points_into_the_bucket(project: Path) -> None:
    package = build_package(project)
    assert "code/EchoFunction.zip" in package.objects
    root = package.objects[package.root_key].decode()
    nested = [key for key in package.objects if key.startswith("templates/data-")]
    assert f"{BUCKET_URL}/{nested[0]}" in root
    assert "s3://stepless-artifacts/code/EchoFunction.zip" in root
    assert '{"Fn::GetAtt": ["Secret", "Id"]}' in root


def test_the_digest_follows_the_templates_and_not_the_code(project: Path) -> None:
    before = build_package(project).digest
    (project.parent / "functions/echo/app.py").write_text("handler = None\n")
    assert build_package(project).digest == before
    edit(project.parent / "infra/data.yaml", "expires_at", "gone_at")
    assert build_package(project).digest != before


def test_policies_are_deployed_as_they_are_written(project: Path) -> None:
    package = build_package(project)
    statement = load_yaml(project)["Resources"]["KeeperRole"]["Properties"]["Policies"][0]
    condition = statement["PolicyDocument"]["Statement"][1]["Condition"]
    assert condition == {"StringEquals": {"kms:EncryptionContext:role": ["keeper", "helper"]}}
    assert b'"kms:EncryptionContext:role": ["keeper", "helper"]' in package.objects[package.root_key]
