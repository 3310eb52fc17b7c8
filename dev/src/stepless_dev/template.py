"""Reads `template.yaml`: the one table of functions, routes, schedules and gateway responses.

What needs CloudFormation to be resolved (environment variables, role names) is not read here but from
the deployed functions (`functions.py`).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class TemplateError(Exception):
    """The template says something that the local gateway cannot do; the text says what and where."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref X` becomes `{"Ref": "X"}`."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # the third kind
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)
# Dates stay text: a policy's Version is "2012-10-17".
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_yaml(path: Path) -> dict[str, Any]:
    """A CloudFormation or SAM template as plain data, intrinsic functions in their long form."""
    loaded = yaml.load(path.read_text(), _Loader)  # noqa: S506  # a SafeLoader with more tags
    return json.loads(json.dumps(loaded))  # type: ignore[no-any-return]  # undoes YAML's aliases


@dataclass(frozen=True, slots=True)
class FunctionSource:
    """Where a function's code lies."""

    logical_id: str
    code: Path
    layers: tuple[Path, ...]  # folders that go on the import path


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path; the path may hold `{name}` and, at its end, `{name+}`."""

    method: str
    path: str
    function: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function that runs by the clock, and the expression that says when."""

    function: str
    logical_id: str
    expression: str


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """What the API answers by itself, without a function."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of `template.yaml` that the gateway acts on."""

    functions: dict[str, FunctionSource]
    routes: tuple[Route, ...]
    schedules: tuple[Schedule, ...]
    responses: dict[str, GatewayResponse]
    binary_media_types: tuple[str, ...]


def read_template(path: Path) -> Template:
    """Reads the root template.

    Raises:
        TemplateError: an event or a layer is of a kind that is not known here.
    """
    document = load_yaml(path)
    resources = document["Resources"]
    shared = document.get("Globals", {}).get("Function", {})
    functions, routes, schedules = {}, [], []
    for name, resource in resources.items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = resource["Properties"]
        layers = [*shared.get("Layers", []), *properties.get("Layers", [])]
        code = path.parent / properties.get("CodeUri", shared.get("CodeUri", "."))
        functions[name] = FunctionSource(name, code, _layer_folders(layers, resources, path.parent))
        for event_name, event in properties.get("Events", {}).items():
            found = event["Properties"]
            if event["Type"] == "Api":
                routes.append(Route(found["Method"].upper(), found["Path"], name))
            elif event["Type"] in ("Schedule", "ScheduleV2"):
                expression = found.get("Schedule") or found["ScheduleExpression"]
                schedules.append(Schedule(name, f"{name}{event_name}", expression))
            elif event["Type"] not in _DELIVERED_BY_AWS:
                raise TemplateError(f"{name}.{event_name}: events of {event['Type']} are not known.")
    api = _api_properties(resources)
    responses = {kind: _gateway_response(kind, answer) for kind, answer in api.get("GatewayResponses", {}).items()}
    return Template(
        functions,
        tuple(routes),
        tuple(schedules),
        responses,
        tuple(media.replace("~1", "/") for media in api.get("BinaryMediaTypes", [])),
    )


# The embedded AWS delivers these itself, from the queue, stream, bus or bucket that it holds.
_DELIVERED_BY_AWS = ("SQS", "DynamoDB", "Kinesis", "SNS", "S3", "EventBridgeRule", "CloudWatchEvent")


def _layer_folders(layers: list[Any], resources: dict[str, Any], root: Path) -> tuple[Path, ...]:
    """The import path that a function's layers amount to.

    A layer that is a `requirements.txt` only is what the virtual environment holds already.
    """
    folders = []
    for layer in layers:
        if not (isinstance(layer, dict) and layer.get("Ref") in resources):
            raise TemplateError(f"Layer {layer!r} is not one of this template.")
        folder = root / resources[layer["Ref"]]["Properties"]["ContentUri"]
        if not (folder / "requirements.txt").exists():
            folders.append(folder)
    return tuple(folders)


def _api_properties(resources: dict[str, Any]) -> dict[str, Any]:
    apis = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Serverless::Api"]
    if len(apis) > 1:
        raise TemplateError("More than one AWS::Serverless::Api; the gateway serves one.")
    return apis[0] if apis else {}


def _gateway_response(kind: str, answer: dict[str, Any]) -> GatewayResponse:
    headers = answer.get("ResponseParameters", {}).get("Headers", {})
    if not all(value.startswith("'") for value in headers.values()):
        raise TemplateError(f"GatewayResponses.{kind}: only literal header values are known.")
    return GatewayResponse(
        int(answer["StatusCode"]),
        {name: value.strip("'") for name, value in headers.items()},
        answer.get("ResponseTemplates", {}).get("application/json", '{"message":$context.error.messageString}'),
    )
