"""What is read from a template, and what is refused."""

from pathlib import Path

import pytest

from stepless_dev.template import GatewayResponse, Route, TemplateError, load_yaml, read_template
from tests.dev.support.running import PROJECT

REPOSITORY = Path(__file__).parents[2]


def template_of(tmp_path: Path, resources: str) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(f"Resources:\n{resources}")
    return path


def test_functions_have_their_folder_and_layers() -> None:
    template = read_template(PROJECT / "template.yaml")
    echo = template.functions["EchoFunction"]
    assert echo.code == PROJECT / "functions/echo"
    # The layer of requirements is what the virtual environment holds.
    assert echo.layers == (PROJECT / "layers/shared",)


def test_routes_and_schedules_come_from_the_events() -> None:
    template = read_template(PROJECT / "template.yaml")
    assert Route("GET", "/1.0/echo", "EchoFunction") in template.routes
    assert Route("ANY", "/files/{rest+}", "EchoFunction") in template.routes
    assert [(s.function, s.expression) for s in template.schedules] == [("FollowerFunction", "rate(1 minute)")]


def test_gateway_responses_have_status_headers_and_body() -> None:
    template = read_template(PROJECT / "template.yaml")
    assert template.responses["THROTTLED"] == GatewayResponse(
        429, {"Retry-After": "1"}, '{"status": 429, "message": "too many"}'
    )
    assert template.binary_media_types == ("*/*",)


def test_the_projects_own_template_is_understood() -> None:
    template = read_template(REPOSITORY / "template.yaml")
    assert {"CaInfoFunction", "IssueFunction", "RenewFunction"} <= template.functions.keys()
    assert Route("POST", "/1.0/sign", "IssueFunction") in template.routes
    assert all(source.code.is_dir() for source in template.functions.values())


def test_short_forms_become_long_forms(tmp_path: Path) -> None:
    path = tmp_path / "short.yaml"
    path.write_text(
        "a: !Ref X\nb: !GetAtt X.Outputs.Y\nc: !Sub 'a${X}'\nd: !If [A, !Ref B, c]\n"
        "e: !Condition Z\nf: 2012-10-17\ng: &g [1]\nh: *g\n"
    )
    assert load_yaml(path) == {
        "a": {"Ref": "X"},
        "b": {"Fn::GetAtt": ["X", "Outputs.Y"]},
        "c": {"Fn::Sub": "a${X}"},
        "d": {"Fn::If": ["A", {"Ref": "B"}, "c"]},
        "e": {"Condition": "Z"},
        "f": "2012-10-17",
        "g": [1],
        "h": [1],
    }


FUNCTION = """
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: f/
"""


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        pytest.param(FUNCTION + "      Events: {E: {Type: HttpApi, Properties: {}}}", "HttpApi", id="fail/event"),
        pytest.param(FUNCTION + "      Layers: ['arn:aws:x']", "Layer", id="fail/foreign-layer"),
        pytest.param(
            "  A: {Type: 'AWS::Serverless::Api', Properties: {}}\n  B: {Type: 'AWS::Serverless::Api', Properties: {}}",
            "More than one",
            id="fail/two-apis",
        ),
        pytest.param(
            "  A: {Type: 'AWS::Serverless::Api', Properties: {GatewayResponses: {THROTTLED: "
            "{StatusCode: 429, ResponseParameters: {Headers: {X: method.request.header.X}}}}}}",
            "THROTTLED",
            id="fail/mapped-header",
        ),
    ],
)
def test_what_the_gateway_cannot_do_is_refused(tmp_path: Path, resources: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        read_template(template_of(tmp_path, resources))
