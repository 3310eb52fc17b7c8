"""The templates as plain data: what every test in this folder asks its questions of."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TEMPLATES = ("template.yaml", "infra/data.yaml", "infra/keys.yaml")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """`!Ref x` as `{"Ref": "x"}`, `!GetAtt a.b.c` as `{"Fn::GetAtt": ["a", "b.c"]}`."""
    if isinstance(node, yaml.SequenceNode):
        value: Any = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        value = node.value
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


@cache
def load(name: str) -> dict[str, Any]:
    """A template by its path from the root of the repository. Shared: not to be changed."""
    document = yaml.load((ROOT / name).read_text(), Loader=_Loader)  # noqa: S506  # a SafeLoader
    assert isinstance(document, dict)
    return document


def resources(name: str, kind: str) -> dict[str, dict[str, Any]]:
    """Logical id -> resource, of one CloudFormation type."""
    found: dict[str, dict[str, Any]] = load(name)["Resources"]
    return {lid: resource for lid, resource in found.items() if resource["Type"] == kind}


def nodes(value: Any) -> Iterator[Any]:
    """The value and everything inside it, depth first."""
    yield value
    if isinstance(value, dict):
        for child in value.values():
            yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)


def as_list(value: Any) -> list[Any]:
    """IAM lets one value stand for a list of one."""
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the template with its role, under its folder's name."""

    folder: str
    logical_id: str
    properties: dict[str, Any]
    role_id: str
    role: dict[str, Any]

    @property
    def statements(self) -> list[dict[str, Any]]:
        return [statement for policy in self.role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]

    @property
    def environment(self) -> dict[str, Any]:
        """Its own variables; the ones of every function are in Globals."""
        variables: dict[str, Any] = self.properties["Environment"]["Variables"]
        return variables

    @property
    def routes(self) -> list[tuple[str, str]]:
        """(method, path) of each API event."""
        events = self.properties.get("Events", {}).values()
        return [
            (event["Properties"]["Method"], event["Properties"]["Path"]) for event in events if event["Type"] == "Api"
        ]


@cache
def functions() -> dict[str, Function]:
    """Folder name -> function."""
    roles = resources("template.yaml", "AWS::IAM::Role")
    found: dict[str, Function] = {}
    for logical_id, resource in resources("template.yaml", "AWS::Serverless::Function").items():
        properties = resource["Properties"]
        folder = Path(properties["CodeUri"]).name
        assert folder not in found, f"two functions share functions/{folder}"
        role_id, attribute = properties["Role"]["Fn::GetAtt"]
        assert attribute == "Arn"
        role = roles[role_id]["Properties"]
        found[folder] = Function(folder, logical_id, properties, role_id, role)
    return found
