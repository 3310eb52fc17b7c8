"""Each function may do what the table here says and nothing else: a permission is added in two places."""

from collections import Counter
from typing import Any

import pytest

from tests.infra.templates import Function, as_list, functions, load, nodes, resources

# Function -> (resource -> actions). A resource is the output of the nested stack that names it.
SETTINGS, CERTIFICATES, TICKETS, KEYS = (
    "DataStack.SettingsTableArn",
    "DataStack.CertificatesTableArn",
    "DataStack.TicketsTableArn",
    "DataStack.KeysTableArn",
)
ROOT_KEY, ISSUING_KEY = "KeysStack.RootKmsKeyArn", "KeysStack.IssuingKmsKeyArn"
PASSWORD = "KeysStack.ProvisionerPasswordArn"

ALLOWED: dict[str, dict[str, set[str]]] = {
    "ca_info": {SETTINGS: {"dynamodb:Query"}},
    "issue": {
        SETTINGS: {"dynamodb:Query"},
        KEYS: {"dynamodb:GetItem"},
        CERTIFICATES: {"dynamodb:GetItem", "dynamodb:PutItem"},
        TICKETS: {"dynamodb:PutItem"},
        ISSUING_KEY: {"kms:Decrypt"},
    },
    "renew": {
        SETTINGS: {"dynamodb:Query"},
        KEYS: {"dynamodb:GetItem"},
        CERTIFICATES: {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        TICKETS: {"dynamodb:PutItem"},
        ISSUING_KEY: {"kms:Decrypt"},
    },
    "revoke": {
        SETTINGS: {"dynamodb:Query"},
        CERTIFICATES: {"dynamodb:UpdateItem"},
        TICKETS: {"dynamodb:PutItem"},
    },
    "endpoint_cert": {
        SETTINGS: {"dynamodb:Query"},
        KEYS: {"dynamodb:GetItem", "dynamodb:PutItem"},
        CERTIFICATES: {"dynamodb:PutItem"},
        ISSUING_KEY: {"kms:Decrypt", "kms:GenerateDataKey"},
    },
    "bootstrap": {
        SETTINGS: {"dynamodb:PutItem", "dynamodb:Query"},
        KEYS: {"dynamodb:GetItem", "dynamodb:PutItem"},
        CERTIFICATES: {"dynamodb:PutItem"},
        ROOT_KEY: {"kms:Decrypt", "kms:GenerateDataKey"},
        ISSUING_KEY: {"kms:Decrypt", "kms:GenerateDataKey"},
        PASSWORD: {"secretsmanager:GetSecretValue"},
    },
}

# Function -> (KMS key, action -> roles that its encryption context may name).
CONTEXT_ROLES: dict[str, dict[tuple[str, str], set[str]]] = {
    "issue": {(ISSUING_KEY, "kms:Decrypt"): {"issuing"}},
    "renew": {(ISSUING_KEY, "kms:Decrypt"): {"issuing"}},
    "endpoint_cert": {
        (ISSUING_KEY, "kms:Decrypt"): {"issuing"},
        (ISSUING_KEY, "kms:GenerateDataKey"): {"endpoint"},
    },
    "bootstrap": {
        (ROOT_KEY, "kms:Decrypt"): {"root"},
        (ROOT_KEY, "kms:GenerateDataKey"): {"root"},
        (ISSUING_KEY, "kms:Decrypt"): {"issuing", "endpoint"},
        (ISSUING_KEY, "kms:GenerateDataKey"): {"issuing", "endpoint"},
    },
}

SIGNERS = {"issue", "renew", "endpoint_cert"}
VARIABLES = {
    "SETTINGS_TABLE": ("DataStack.SettingsTableName", SETTINGS),
    "CERTIFICATES_TABLE": ("DataStack.CertificatesTableName", CERTIFICATES),
    "TICKETS_TABLE": ("DataStack.TicketsTableName", TICKETS),
    "KEYS_TABLE": ("DataStack.KeysTableName", KEYS),
    "ISSUING_KMS_KEY": ("KeysStack.IssuingKmsKeyArn", ISSUING_KEY),
    "ROOT_KMS_KEY": ("KeysStack.RootKmsKeyArn", ROOT_KEY),
    "PROVISIONER_SECRET": ("KeysStack.ProvisionerPasswordArn", PASSWORD),
}

every_function = pytest.mark.parametrize("folder", sorted(functions()))
every_role = pytest.mark.parametrize("role_id", sorted(resources("template.yaml", "AWS::IAM::Role")))


def named(value: Any) -> str:
    """`!GetAtt Stack.Outputs.Name` as "Stack.Name", `!GetAtt Resource.Attribute` likewise."""
    if isinstance(value, str):
        return value
    logical_id, attribute = value["Fn::GetAtt"]
    return f"{logical_id}.{attribute.removeprefix('Outputs.')}"


def granted(function: Function) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for statement in function.statements:
        for resource in as_list(statement["Resource"]):
            found.setdefault(named(resource), set()).update(as_list(statement["Action"]))
    return found


def running(function: Function) -> dict[str, set[str]]:
    """What every function may do: write its own log and send traces."""
    log_group = function.properties["LoggingConfig"]["LogGroup"]["Ref"]
    return {
        f"{log_group}.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "*": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"},
    }


def test_every_function_is_in_the_table() -> None:
    assert set(functions()) == set(ALLOWED)


@every_function
def test_a_function_may_do_exactly_what_the_table_says(folder: str) -> None:
    function = functions()[folder]
    assert granted(function) == ALLOWED[folder] | running(function)


@every_function
def test_a_policy_only_allows_and_names_everything(folder: str) -> None:
    for statement in functions()[folder].statements:
        assert statement["Effect"] == "Allow"
        assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        actions = as_list(statement["Action"])
        assert not [action for action in actions if "*" in action or "?" in action]
        has_resource_level = not all(action.startswith("xray:") for action in actions)
        if has_resource_level:
            wild = [node for node in nodes(statement["Resource"]) if "*" in str(node)]
            assert not wild, statement["Sid"]


@every_role
def test_a_role_has_one_inline_policy_and_lambda_alone_assumes_it(role_id: str) -> None:
    role = resources("template.yaml", "AWS::IAM::Role")[role_id]["Properties"]
    assert set(role) == {"Path", "AssumeRolePolicyDocument", "Policies"}
    assert len(role["Policies"]) == 1
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]


def test_no_role_is_shared_or_unused() -> None:
    used = Counter(function.role_id for function in functions().values())
    assert used == Counter(list(resources("template.yaml", "AWS::IAM::Role")))


def test_no_function_gets_permissions_by_another_way() -> None:
    ways = {"Policies", "PermissionsBoundary", "AssumeRolePolicyDocument", "FunctionUrlConfig"}
    for function in functions().values():
        assert not ways & set(function.properties), function.folder
    assert "Policies" not in load("template.yaml")["Globals"]["Function"]
    attached = {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::Serverless::Connector"}
    kinds = {resource["Type"] for resource in load("template.yaml")["Resources"].values()}
    assert not attached & kinds


def kms_statements(function: Function) -> list[dict[str, Any]]:
    return [s for s in function.statements if any("kms:" in a for a in as_list(s["Action"]))]


@every_function
def test_a_kms_key_is_used_only_under_the_encryption_context_of_the_authority(folder: str) -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for statement in kms_statements(functions()[folder]):
        assert set(statement["Condition"]) == {"StringEquals"}
        condition = statement["Condition"]["StringEquals"]
        assert set(condition) == {"kms:EncryptionContext:authority", "kms:EncryptionContext:role"}
        assert condition["kms:EncryptionContext:authority"] == {"Ref": "AuthorityId"}
        roles = set(as_list(condition["kms:EncryptionContext:role"]))
        for action in as_list(statement["Action"]):
            key = (named(statement["Resource"]), action)
            assert key not in found, "two statements would add up"
            found[key] = roles
    assert found == CONTEXT_ROLES.get(folder, {})


def test_only_functions_that_sign_may_decrypt_the_issuing_key() -> None:
    decrypting = {
        folder for folder, function in functions().items() if "kms:Decrypt" in granted(function).get(ISSUING_KEY, set())
    }
    assert decrypting == SIGNERS | {"bootstrap"}


def test_no_function_but_bootstrap_mentions_the_root_key() -> None:
    mentioning = {
        folder for folder, function in functions().items() if "RootKms" in f"{function.properties}{function.role}"
    }
    assert mentioning == {"bootstrap"}


@every_function
def test_the_path_of_a_role_says_which_keys_it_may_use(folder: str) -> None:
    kind = "bootstrap" if folder == "bootstrap" else "signer" if folder in SIGNERS else "online"
    path = functions()[folder].role["Path"]
    assert path == {"Fn::Sub": f"/${{AWS::StackName}}/{kind}/"}


@every_function
def test_a_function_is_told_of_nothing_that_it_may_not_use(folder: str) -> None:
    function = functions()[folder]
    told = {name: named(v) for name, v in function.environment.items() if isinstance(v, dict)}
    for name, value in told.items():
        assert value == VARIABLES[name][0]
        assert VARIABLES[name][1] in granted(function), f"{folder} knows {name} for nothing"
    tables = {name for name, (_, arn) in VARIABLES.items() if "TableArn" in arn and arn in granted(function)}
    assert tables <= set(told), "a table that it may use is not named to it"


@every_function
def test_a_function_knows_its_own_name_and_the_authority(folder: str) -> None:
    everywhere = load("template.yaml")["Globals"]["Function"]["Environment"]["Variables"]
    assert set(everywhere) == {"AUTHORITY_ID", "LOG_LEVEL", "POWERTOOLS_METRICS_NAMESPACE"}
    assert functions()[folder].environment["POWERTOOLS_SERVICE_NAME"] == folder
    # ministack and sam local put it there themselves; an empty one would send the SDK to the real AWS.
    assert "AWS_ENDPOINT_URL" not in functions()[folder].environment
