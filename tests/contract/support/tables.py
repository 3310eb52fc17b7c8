"""The tables of `infra/data.yaml`, made with plain calls: the template is the one place that defines them."""

from dataclasses import dataclass
from typing import Any

from tests.infra.templates import resources

# What CreateTable takes of a table's properties; the rest is about deleting and restoring.
_TAKEN = ("BillingMode", "AttributeDefinitions", "KeySchema")


@dataclass(frozen=True, slots=True)
class Tables:
    """The names of one set of tables."""

    settings: str
    certificates: str
    tickets: str
    keys: str


def create_tables(dynamodb: Any) -> Tables:
    """Make every table of the template under its logical id, with its stream and its time to live."""
    names: dict[str, str] = {}
    for name, resource in resources("infra/data.yaml", "AWS::DynamoDB::Table").items():
        properties = resource["Properties"]
        request = {key: properties[key] for key in _TAKEN}
        if "StreamSpecification" in properties:
            request["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
        dynamodb.create_table(TableName=name, **request)
        if "TimeToLiveSpecification" in properties:
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
        names[name.removesuffix("Table").lower()] = name
    return Tables(**names)
