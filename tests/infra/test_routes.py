"""The route table, as step clients and the gateway need it."""

import json
import re
from collections import Counter

from tests.infra.templates import ROOT, functions, load, resources

GETS = {
    "/health",
    "/version",
    "/root/{sha}",
    "/roots",
    "/roots.pem",
    "/intermediates",
    "/intermediates.pem",
    "/federation",
    "/provisioners",
    "/provisioners/{kid}/encrypted-key",
}
POSTS = {
    "issue": {"/sign"},
    "renew": {"/renew", "/re-sign", "/rekey"},
    "revoke": {"/revoke"},
}
# What AWS allows for a function's resource policy, in bytes; SAM adds a statement per route.
RESOURCE_POLICY_BYTES = 20 * 1024


def test_each_folder_has_exactly_one_function() -> None:
    folders = {path.parent.name for path in ROOT.glob("functions/*/app.py")}
    assert set(functions()) == folders
    for function in functions().values():
        assert function.properties["CodeUri"] == f"functions/{function.folder}/"


def test_the_functions_have_exactly_the_routes_of_the_protocol() -> None:
    expected = {("ca_info", method, path) for path in GETS for method in ("GET", "HEAD")}
    expected |= {(folder, "POST", path) for folder, paths in POSTS.items() for path in paths}
    expected |= {(folder, method, f"/1.0{path}") for folder, method, path in expected}
    found = [(folder, method, path) for folder, function in functions().items() for method, path in function.routes]
    assert Counter(found) == Counter(expected)


def test_every_get_has_a_head_in_the_same_function() -> None:
    for function in functions().values():
        gets = {path for method, path in function.routes if method == "GET"}
        heads = {path for method, path in function.routes if method == "HEAD"}
        assert gets == heads, function.folder


def test_every_route_exists_with_and_without_the_version() -> None:
    routes = {route for function in functions().values() for route in function.routes}
    plain = {(method, path) for method, path in routes if not path.startswith("/1.0/")}
    assert routes == plain | {(method, f"/1.0{path}") for method, path in plain}


def test_every_event_belongs_to_the_one_api() -> None:
    assert set(resources("template.yaml", "AWS::Serverless::Api")) == {"Api"}
    for function in functions().values():
        for name, event in function.properties.get("Events", {}).items():
            if event["Type"] == "Api":
                assert event["Properties"]["RestApiId"] == {"Ref": "Api"}, name


def test_the_endpoint_certificate_is_looked_after_every_hour() -> None:
    scheduled = {
        folder: event["Properties"]["Schedule"]
        for folder, function in functions().items()
        for event in function.properties.get("Events", {}).values()
        if event["Type"] == "Schedule"
    }
    assert scheduled == {"endpoint_cert": "rate(1 hour)"}


def test_bootstrap_is_called_by_the_deployment_alone() -> None:
    assert "Events" not in functions()["bootstrap"].properties
    (authority,) = resources("template.yaml", "Custom::Authority").values()
    properties = authority["Properties"]
    assert properties["ServiceToken"] == {"Fn::GetAtt": ["BootstrapFunction", "Arn"]}
    assert properties["AuthorityName"] == {"Ref": "AuthorityName"}
    assert properties["DnsNames"] == {"Ref": "DnsNames"}


def test_the_permissions_of_the_api_fit_into_a_functions_resource_policy() -> None:
    for function in functions().values():
        size = len(json.dumps(resource_policy(function.logical_id), separators=(",", ":")))
        assert size < RESOURCE_POLICY_BYTES, function.folder


def resource_policy(logical_id: str) -> dict[str, object]:
    """What AWS would store for a function of a stack with a long name in a long-named region."""
    function = next(f for f in functions().values() if f.logical_id == logical_id)
    account = "ap-southeast-1:123456789012"
    statements = [
        {
            "Sid": "s" * 100,
            "Effect": "Allow",
            "Principal": {"Service": "apigateway.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": f"arn:aws:lambda:{account}:function:{'f' * 64}",
            "Condition": {
                "ArnLike": {
                    "AWS:SourceArn": f"arn:aws:execute-api:{account}:abcdefghij/*/{method}"
                    + re.sub(r"\{[^}]+\}", "*", path)
                }
            },
        }
        for method, path in function.routes
    ]
    return {"Version": "2012-10-17", "Id": "default", "Statement": statements}


def test_bodies_of_every_type_pass_as_they_are() -> None:
    api = load("template.yaml")["Resources"]["Api"]["Properties"]
    assert api["BinaryMediaTypes"] == ["*/*"]
    assert api["EndpointConfiguration"] == {"Type": "REGIONAL"}
