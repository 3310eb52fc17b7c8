"""Brings the embedded AWS to what `template.yaml` says, through CloudFormation."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from stepless_dev.aws import Operator
from stepless_dev.home import StartError
from stepless_dev.package import BUCKET, BUCKET_URL, Package

STACK = "stepless"
_DIGEST_TAG = "stepless:template"
_DEPLOY_SECONDS = 180
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


class DeploymentFailedError(StartError):
    """CloudFormation gave up; the text has the first reasons that it gave."""


@dataclass(frozen=True, slots=True)
class StackState:
    """How the stack stands."""

    status: str  # "" when there is none
    digest: str

    @property
    def is_settled(self) -> bool:
        """Whether it may be updated; otherwise a deployment failed or was cut off."""
        return self.status in ("", *_DONE)


class Deployment:
    """Calls of CloudFormation and of the services whose properties ministack's CloudFormation drops."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._cloudformation = operator.client("cloudformation")

    def state(self) -> StackState:
        """The stack as it stands, without waiting."""
        try:
            stack = self._cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        except ClientError:  # which says no more than that there is none
            return StackState("", "")
        tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
        return StackState(stack["StackStatus"], tags.get(_DIGEST_TAG, ""))

    def apply(self, package: Package, digest: str, parameters: dict[str, str]) -> None:
        """Creates or updates the stack and waits for the end of it.

        Raises:
            DeploymentFailedError: the stack did not reach its complete state.
        """
        self._upload(package)
        exists = self.state().status != ""
        operation = self._cloudformation.update_stack if exists else self._cloudformation.create_stack
        try:
            operation(
                StackName=STACK,
                TemplateURL=f"{BUCKET_URL}/{package.root_key}",
                Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
                Tags=[{"Key": _DIGEST_TAG, "Value": digest}],
            )
        except ClientError as exc:
            reason = exc.response["Error"]["Message"]
            raise DeploymentFailedError(f"The template was refused: {reason}") from exc
        self._wait()
        self.complete_tables()

    def _upload(self, package: Package) -> None:
        s3 = self._operator.client("s3")
        if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=BUCKET)
        for key, body in package.objects.items():
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def _wait(self) -> None:
        deadline = time.monotonic() + _DEPLOY_SECONDS
        while time.monotonic() < deadline:
            status = self.state().status
            if status in _DONE:
                return
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(0.1)
        reasons = list(self._failures(STACK))
        raise DeploymentFailedError(f"The template could not be deployed: {'; '.join(reasons)}")

    def _failures(self, stack: str) -> Iterator[str]:
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        events = [event for page in pages for event in page["StackEvents"]]
        for event in reversed(events):
            reason = event.get("ResourceStatusReason", "")
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
                yield f"{event['LogicalResourceId']}: {reason}"

    def resources(self, stack: str = STACK) -> Iterator[dict[str, Any]]:
        """Every resource of the stack and of the stacks nested in it."""
        paginator = self._cloudformation.get_paginator("list_stack_resources")
        for page in paginator.paginate(StackName=stack):
            for resource in page["StackResourceSummaries"]:
                yield resource
                if resource["ResourceType"] == "AWS::CloudFormation::Stack":
                    yield from self.resources(resource["PhysicalResourceId"])

    def outputs(self) -> dict[str, str]:
        """The root stack's outputs."""
        stack = self._cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        return {out["OutputKey"]: out["OutputValue"] for out in stack.get("Outputs", [])}

    def complete_tables(self) -> None:
        """Sets time to live and point-in-time recovery, which ministack's CloudFormation ignores."""
        for stack in {STACK, *(r["PhysicalResourceId"] for r in self.resources() if _is_stack(r))}:
            template = self._cloudformation.get_template(StackName=stack, TemplateStage="Processed")
            for name, resource in template["TemplateBody"]["Resources"].items():
                if resource["Type"] == "AWS::DynamoDB::Table":
                    self._complete_table(stack, name, resource["Properties"])

    def _complete_table(self, stack: str, name: str, properties: dict[str, Any]) -> None:
        dynamodb = self._operator.client("dynamodb")
        found = self._cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=name)
        table = found["StackResourceDetail"]["PhysicalResourceId"]
        wanted = properties.get("TimeToLiveSpecification")
        described = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if wanted and wanted["Enabled"] and described["TimeToLiveStatus"] != "ENABLED":
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)
        if properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            dynamodb.update_continuous_backups(
                TableName=table,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            )


def _is_stack(resource: dict[str, Any]) -> bool:
    return bool(resource["ResourceType"] == "AWS::CloudFormation::Stack")
