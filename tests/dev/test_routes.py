"""Which route a request takes."""

import pytest

from stepless_dev.routes import NoRouteError, RouteTable, WrongMethodError
from stepless_dev.template import Route

TABLE = RouteTable(
    (
        Route("GET", "/roots", "Info"),
        Route("GET", "/root/{sha}", "Info"),
        Route("GET", "/root/special", "Special"),
        Route("GET", "/provisioners/{kid}/encrypted-key", "Info"),
        Route("ANY", "/acme/{proxy+}", "Acme"),
        Route("POST", "/acme/{name}/revoke", "Revoke"),
    )
)


@pytest.mark.parametrize(
    ("method", "path", "function", "parameters"),
    [
        pytest.param("GET", "/roots", "Info", {}, id="ok/literal"),
        pytest.param("GET", "/root/ab%2Fcd", "Info", {"sha": "ab/cd"}, id="ok/parameter-decoded-once"),
        pytest.param("GET", "/root/special", "Special", {}, id="ok/literal-before-parameter"),
        pytest.param("GET", "/provisioners/k%2525/encrypted-key", "Info", {"kid": "k%25"}, id="ok/inner"),
        pytest.param("PATCH", "/acme/a/b/c", "Acme", {"proxy": "a/b/c"}, id="ok/greedy-any-method"),
        pytest.param("POST", "/acme/a/revoke", "Revoke", {"name": "a"}, id="ok/parameter-before-greedy"),
    ],
)
def test_a_request_takes_the_most_specific_route(
    method: str, path: str, function: str, parameters: dict[str, str]
) -> None:
    match = TABLE.match(method, path)
    assert (match.route.function, match.parameters) == (function, parameters)


@pytest.mark.parametrize(
    "path",
    ["/", "", "/roots/", "/root", "/root/", "/root/a/b", "/acme", "/acme/", "//roots", "/Roots", "/roots%2F"],
)
def test_no_route_when_no_path_is_exactly_so(path: str) -> None:
    with pytest.raises(NoRouteError):
        TABLE.match("GET", path)


def test_the_allowed_methods_are_named_when_the_method_is_wrong() -> None:
    with pytest.raises(WrongMethodError) as refused:
        TABLE.match("POST", "/roots")
    assert refused.value.allowed == ["GET"]
