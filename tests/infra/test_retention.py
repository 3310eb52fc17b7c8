"""What outlives the code: tables, keys, secrets, logs and the authority in them."""

from typing import Any

import pytest

from tests.infra.templates import TEMPLATES, as_list, load, resources

STATEFUL = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::SecretsManager::Secret",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "Custom::Authority",
}
TABLES = {"SettingsTable", "CertificatesTable", "TicketsTable", "KeysTable"}
BY_ROLE_PATH = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${RoleNamespace}"

stateful = [
    pytest.param(name, lid, id=f"{name}:{lid}")
    for name in TEMPLATES
    for lid, resource in load(name)["Resources"].items()
    if resource["Type"] in STATEFUL
]


@pytest.mark.parametrize(("name", "logical_id"), stateful)
def test_a_stateful_resource_is_retained(name: str, logical_id: str) -> None:
    resource = load(name)["Resources"][logical_id]
    assert resource["DeletionPolicy"] == "Retain"
    assert resource["UpdateReplacePolicy"] == "Retain"


def table(logical_id: str) -> dict[str, Any]:
    properties: dict[str, Any] = resources("infra/data.yaml", "AWS::DynamoDB::Table")[logical_id]["Properties"]
    return properties


def test_the_tables_are_the_ones_of_the_design() -> None:
    assert set(resources("infra/data.yaml", "AWS::DynamoDB::Table")) == TABLES


@pytest.mark.parametrize("logical_id", sorted(TABLES))
def test_a_table_is_encrypted_restorable_and_paid_by_use(logical_id: str) -> None:
    properties = table(logical_id)
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    # A name of our own would stand in the way of replacing or restoring a table.
    assert "TableName" not in properties


@pytest.mark.parametrize("logical_id", sorted(TABLES))
def test_keys_are_strings(logical_id: str) -> None:
    properties = table(logical_id)
    expected = ["pk"] if logical_id == "TicketsTable" else ["pk", "sk"]
    assert [key["AttributeName"] for key in properties["KeySchema"]] == expected
    assert [key["KeyType"] for key in properties["KeySchema"]] == ["HASH", "RANGE"][: len(expected)]
    assert {(a["AttributeName"], a["AttributeType"]) for a in properties["AttributeDefinitions"]} == {
        (name, "S") for name in expected
    }


def test_only_tickets_expire_and_only_certificates_are_announced() -> None:
    expiring = {lid: table(lid).get("TimeToLiveSpecification") for lid in TABLES}
    assert expiring.pop("TicketsTable") == {"AttributeName": "expires_at", "Enabled": True}
    assert set(expiring.values()) == {None}
    streaming = {lid: table(lid).get("StreamSpecification") for lid in TABLES}
    assert streaming.pop("CertificatesTable") == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert set(streaming.values()) == {None}


def key_policy(logical_id: str) -> list[dict[str, Any]]:
    properties = resources("infra/keys.yaml", "AWS::KMS::Key")[logical_id]["Properties"]
    assert properties["EnableKeyRotation"] is True
    assert "KeySpec" not in properties, "symmetric is the default"
    statements: list[dict[str, Any]] = properties["KeyPolicy"]["Statement"]
    return statements


@pytest.mark.parametrize("logical_id", ["RootKmsKey", "IssuingKmsKey"])
def test_the_account_looks_after_a_key_but_cannot_use_it(logical_id: str) -> None:
    administration, _ = key_policy(logical_id)
    actions = set(administration["Action"])
    assert not [action for action in actions if "*" in action]
    # Without this nobody could ever change the policy again, the key's users included.
    assert {"kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:DescribeKey"} <= actions
    using = ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncrypt", "CreateGrant", "Sign")
    assert not [action for action in actions if action.startswith(tuple(f"kms:{u}" for u in using))]


@pytest.mark.parametrize(
    ("logical_id", "paths"),
    [("RootKmsKey", ["bootstrap"]), ("IssuingKmsKey", ["bootstrap", "signer"])],
)
def test_a_key_is_used_by_roles_under_its_paths_only(logical_id: str, paths: list[str]) -> None:
    _, use = key_policy(logical_id)
    assert set(use["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    arns = [{"Fn::Sub": f"{BY_ROLE_PATH}/{path}/*"} for path in paths]
    assert use["Condition"] == {"ArnLike": {"aws:PrincipalArn": arns}}
    assert as_list(use["Principal"]["AWS"]) == [{"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}]


def test_the_keys_stack_knows_the_paths_of_the_root_stacks_roles() -> None:
    keys = load("template.yaml")["Resources"]["KeysStack"]
    assert keys["Properties"]["Parameters"] == {"RoleNamespace": {"Ref": "AWS::StackName"}}


def test_the_password_of_the_first_provisioner_is_made_by_aws() -> None:
    (secret,) = resources("infra/keys.yaml", "AWS::SecretsManager::Secret").values()
    made = secret["Properties"]["GenerateSecretString"]
    assert made == {"PasswordLength": 32, "ExcludePunctuation": True}


def test_logs_are_kept_as_long_as_the_stage_says() -> None:
    for logical_id, group in resources("template.yaml", "AWS::Logs::LogGroup").items():
        assert group["Properties"] == {"RetentionInDays": {"Ref": "LogRetentionDays"}}, logical_id
