"""The functions' roles and the KMS keys' policies as the templates state them, put into an AWS that enforces them."""

import json
from dataclasses import replace
from typing import Any

from stepless_dev.aws import ACCOUNT, REGION, Operator
from tests.contract.support.backends import AWS
from tests.contract.support.clients import clients_for
from tests.infra.templates import functions, resources

STACK = "contract"
_PSEUDO = {
    "AWS::StackName": STACK,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "RoleNamespace": STACK,
}


class Deployed:
    """Roles under their IAM paths, tables and KMS keys of their own: what `sam deploy` would make of the templates."""

    def __init__(self, operator: Operator, tables: AWS, authority_id: str) -> None:
        """Make the keys, then the roles that name them."""
        self._operator = operator
        self._authority_id = authority_id
        keys = {name: self._create_key(key) for name, key in resources("infra/keys.yaml", "AWS::KMS::Key").items()}
        kms_keys = {"root": keys["RootKmsKey"], "issuing": keys["IssuingKmsKey"]}
        self.as_root = replace(tables, _kms_keys=kms_keys)
        arns = {f"{name}Arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}" for name in _table_names()}
        arns |= {f"{name}Arn": arn for name, arn in keys.items()}
        self._outputs = {**arns, "ProvisionerPasswordArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:password"}
        self._roles = {folder: self._create_role(folder) for folder in functions()}

    def _create_key(self, resource: dict[str, Any]) -> str:
        policy = json.dumps(self._resolved(resource["Properties"]["KeyPolicy"]))
        arn: str = self._operator.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
        return arn

    def _create_role(self, folder: str) -> str:
        role = self._resolved(functions()[folder].role)
        iam = self._operator.client("iam")
        name = f"{STACK}-{self._authority_id}-{folder}"
        arn: str = iam.create_role(
            RoleName=name,
            Path=role["Path"],
            AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]),
        )["Role"]["Arn"]
        for policy in role["Policies"]:
            document = json.dumps(policy["PolicyDocument"])
            iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
        return arn

    def _resolved(self, value: Any) -> Any:
        """The value without CloudFormation's functions."""
        match value:
            case {"Ref": "AuthorityId"}:
                return self._authority_id
            case {"Fn::Sub": str(text)}:
                return _substituted(text)
            case {"Fn::GetAtt": [str(resource), str(attribute)]}:
                return self._attribute(resource, attribute)
            case dict():
                return {key: self._resolved(child) for key, child in value.items()}
            case list():
                return [self._resolved(child) for child in value]
        return value

    def _attribute(self, resource: str, attribute: str) -> str:
        if resource.endswith("LogGroup"):
            return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{resource}:*"
        return self._outputs[attribute.removeprefix("Outputs.")]

    def as_function(self, folder: str) -> AWS:
        """The adapters with the credentials that the function of a folder has."""
        session = self._operator.client("sts").assume_role(RoleArn=self._roles[folder], RoleSessionName=folder)
        given = session["Credentials"]
        clients = clients_for(
            self._operator.endpoint_url,
            given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        return replace(self.as_root, dynamodb=clients.dynamodb(), kms=clients.kms())


def _substituted(text: str) -> str:
    for name, meaning in _PSEUDO.items():
        text = text.replace(f"${{{name}}}", meaning)
    assert "${" not in text, text
    return text


def _table_names() -> list[str]:
    return list(resources("infra/data.yaml", "AWS::DynamoDB::Table"))
