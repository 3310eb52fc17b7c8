"""The embedded AWS of a running authority, as its root and as each function sees it."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from stepless_dev.aws import REGION, Operator
from stepless_dev.functions import deployed_functions
from stepless_dev.template import read_template
from tests.support.gateway import REPOSITORY, Gateway
from tests.support.secret_list import SECRETS


@cache
def _session() -> Any:
    return botocore.session.get_session()


@dataclass(frozen=True, slots=True)
class Role:
    """A function's own credentials, and the environment that the template gives it."""

    endpoint_url: str
    variables: dict[str, str]
    credentials: dict[str, str]

    def client(self, service: str) -> Any:
        """A low-level client with the rights of the function."""
        return _session().create_client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a process that is this function."""
        return {
            **self.variables,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self.credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": self.credentials["SessionToken"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "POWERTOOLS_TRACE_DISABLED": "true",
        }


@dataclass(frozen=True, slots=True)
class Cloud:
    """The embedded AWS with the rights of its root."""

    operator: Operator
    outputs: dict[str, str]

    @classmethod
    def of(cls, gateway: Gateway) -> "Cloud":
        """Of the authority as it runs now: every start has a key of its own."""
        operator = Operator(gateway.facts["aws_endpoint"], gateway.facts["aws_access_key_id"])
        return cls(operator, gateway.facts["outputs"])

    def role(self, folder: str) -> Role:
        """The role of a function, assumed as the local gateway does it."""
        template = read_template(REPOSITORY / "template.yaml")
        found = deployed_functions(self.operator, template).values()
        function = next(function for function in found if function.code.name == folder)
        answer = self.operator.client("sts").assume_role(RoleArn=function.role_arn, RoleSessionName="test")
        credentials = {name: str(value) for name, value in answer["Credentials"].items() if name != "Expiration"}
        SECRETS.note(credentials["SecretAccessKey"])
        SECRETS.note(credentials["SessionToken"])
        return Role(self.operator.endpoint_url, function.variables, credentials)

    def items(self, table: str) -> list[dict[str, Any]]:
        """Every item of a table, given as the name of the stack's output."""
        pages = self.operator.client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs[table])
        return [item for page in pages for item in page["Items"]]

    def recorded(self) -> set[int]:
        """Serials that are on record with their certificate."""
        items = self.items("CertificatesTableName")
        return {int(item["pk"]["S"].rpartition("#")[2], 16) for item in items if "der" in item}

    def revoked(self) -> set[int]:
        """Serials that are revoked."""
        items = self.items("CertificatesTableName")
        return {int(item["pk"]["S"].rpartition("#")[2], 16) for item in items if "revoked_at" in item}

    def spent(self) -> dict[str, int]:
        """Marks of spent tokens, and the serials that they were spent for."""
        return {item["pk"]["S"]: int(item["serial"]["S"], 16) for item in self.items("TicketsTableName")}
