"""The API as a client sees it, over real TLS, with real functions."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from stepless_dev import gateway
from tests.dev.support.running import Answer, Running


def answered_with(live: Running, result: dict[str, Any]) -> Answer:
    return live.call("POST", "/echo", json.dumps(result).encode(), {"X-Answer-With": "body"})


def event_of(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["event"]
    return found


def test_the_event_is_api_gateways_rest_event(live: Running) -> None:
    answer = live.call("GET", "/echo?a=1&a=2&b=x%20y&c", headers={"X-Twice": "one", "User-Agent": "tester"})
    event = event_of(answer)
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/echo", "/echo", "GET")
    assert event["queryStringParameters"] == {"a": "2", "b": "x y", "c": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["x y"], "c": [""]}
    assert event["headers"]["X-Twice"] == "one"
    assert event["headers"]["X-Forwarded-Proto"] == "https"
    assert event["pathParameters"] is None
    assert (event["body"], event["isBase64Encoded"]) == (None, False)
    context = event["requestContext"]
    assert context["resourcePath"] == "/echo"
    assert context["identity"]["sourceIp"] in ("127.0.0.1", "::1")
    assert context["identity"]["userAgent"] == "tester"
    assert "clientCert" not in context["identity"]
    assert answer.header("x-amzn-RequestId") == [context["requestId"]]


def test_a_forwarded_header_of_the_client_is_not_believed(live: Running) -> None:
    event = event_of(live.call("GET", "/echo", headers={"X-Forwarded-For": "6.6.6.6"}))
    assert event["headers"]["X-Forwarded-For"] in ("127.0.0.1", "::1")


def test_a_body_is_base64_because_every_media_type_is_binary(live: Running) -> None:
    event = event_of(live.call("POST", "/echo", b'{"a": 1}', {"Content-Type": "application/json"}))
    assert (event["body"], event["isBase64Encoded"]) == ("eyJhIjogMX0=", True)


def test_the_path_stays_encoded_and_parameters_are_decoded(live: Running) -> None:
    event = event_of(live.call("GET", "/items/a%2Fb%20c"))
    assert event["path"] == "/items/a%2Fb%20c"
    assert event["pathParameters"] == {"id": "a/b c"}
    event = event_of(live.call("PUT", "/files/deep/er/x"))
    assert (event["resource"], event["pathParameters"]) == ("/files/{rest+}", {"rest": "deep/er/x"})


def test_head_has_the_headers_of_get_and_no_body(live: Running) -> None:
    answer = live.call("HEAD", "/echo")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("content-type") == ["application/json"]


def test_a_binary_answer_arrives_byte_for_byte(live: Running) -> None:
    answer = answered_with(live, {"statusCode": 201, "body": "AP+A", "isBase64Encoded": True})
    assert (answer.status, answer.body) == (201, b"\x00\xff\x80")


def test_repeated_headers_stay_apart_and_reserved_ones_are_renamed(live: Running) -> None:
    several = {"Link": ["<a>", "<b>"]}
    single = {"Link": "<c>", "WWW-Authenticate": "Basic", "Date": "today", "Content-Length": "99"}
    answer = answered_with(live, {"statusCode": 200, "multiValueHeaders": several, "headers": single, "body": "ok"})
    assert answer.header("link") == ["<a>", "<b>"]
    assert answer.header("x-amzn-remapped-www-authenticate") == ["Basic"]
    assert answer.header("x-amzn-remapped-date") == ["today"]
    assert answer.header("content-length") == ["2"]


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_may_have_no_body_has_none(live: Running, status: int) -> None:
    answer = answered_with(live, {"statusCode": status, "body": "dropped"})
    assert (answer.status, answer.body) == (status, b"")


@pytest.mark.parametrize(
    "result",
    [
        pytest.param({"body": "no status"}, id="fail/no-status"),
        pytest.param({"statusCode": 99}, id="fail/informational-status"),
        pytest.param({"statusCode": 200, "body": {"not": "text"}}, id="fail/body-not-text"),
        pytest.param({"statusCode": 200, "body": "!!", "isBase64Encoded": True}, id="fail/no-base64"),
        pytest.param({"statusCode": 200, "headers": {"X": "a\r\nY: b"}}, id="fail/header-injection"),
        pytest.param({"statusCode": 200, "headers": {"X\r\nY": "b"}}, id="fail/header-name"),
    ],
)
def test_a_result_that_is_no_answer_is_a_bad_gateway(live: Running, result: dict[str, Any]) -> None:
    answer = answered_with(live, result)
    assert answer.status == 502
    request_id = answer.header("x-amzn-RequestId")[0]
    assert answer.json() == {"status": 502, "message": "Default 5xx", "id": request_id}


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/echo/", "//echo", "/ECHO", "/items/", "/items/a/b", "/files/", "/./echo", "/%65cho"]
)
def test_an_unknown_path_gets_the_templates_404(live: Running, path: str) -> None:
    answer = live.call("GET", path)
    assert (answer.status, answer.json()) == (404, {"status": 404, "message": "no such thing"})


def test_a_wrong_method_is_405_and_says_which_are_right(live: Running) -> None:
    answer = live.call("DELETE", "/echo")
    assert (answer.status, answer.json()["status"]) == (405, 405)
    assert answer.header("allow") == ["GET, HEAD, POST"]


def test_ten_megabytes_are_too_large(live: Running) -> None:
    answer = live.call("POST", "/echo", b"x" * (10 * 1024 * 1024 + 1))
    assert (answer.status, answer.json()) == (413, {"status": 413, "message": "too large"})


def test_a_body_that_makes_too_large_an_event_is_refused(live: Running) -> None:
    assert live.call("POST", "/echo", b"x" * 5_000_000).status == 413


def test_four_megabytes_pass(live: Running) -> None:
    body = b"x" * 3_000_000
    answer = live.call("POST", "/echo", body)
    assert len(event_of(answer)["body"]) == 4_000_000


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-Long": "x" * 11_000}, id="fail/one-header"),
        pytest.param({f"X-{n}": "x" * 1000 for n in range(11)}, id="fail/together"),
    ],
)
def test_too_many_header_bytes_are_a_bad_request(live: Running, headers: dict[str, str]) -> None:
    answer = live.call("GET", "/echo", headers=headers)
    assert (answer.status, answer.json()) == (400, {"status": 400, "message": "bad request"})


def test_a_long_query_counts_as_header(live: Running) -> None:
    assert live.call("GET", "/echo?" + quote("x" * 10_500)).status == 400


def test_an_answer_too_large_for_lambda_is_a_bad_gateway(live: Running) -> None:
    assert live.call("POST", "/moody", b"large 5000000").status == 200
    assert live.call("POST", "/moody", b"large 7000000").status == 502


def test_a_function_that_raises_or_dies_is_a_bad_gateway_and_works_again(live: Running) -> None:
    for mood in (b"raise", b"die", b"exit", b"nonsense", b"unserialisable"):
        answer = live.call("POST", "/moody", mood)
        assert (answer.status, answer.json()["status"]) == (502, 502), mood
        assert live.call("POST", "/moody", b"good").status == 200, mood


def test_a_function_that_takes_too_long_is_killed(live: Running) -> None:
    before = live.call("POST", "/moody", b"good").json()["pid"]
    answer = live.call("POST", "/moody", b"sleep 30")
    assert (answer.status, answer.json()) == (504, {"status": 504, "message": "too late"})
    assert live.call("POST", "/moody", b"good").json()["pid"] != before


def test_parallel_requests_have_environments_of_their_own(live: Running) -> None:
    def three_at_once() -> set[int]:
        with ThreadPoolExecutor(3) as threads:
            answers = list(threads.map(lambda _: live.call("POST", "/moody", b"sleep 0.8"), range(3)))
        assert [answer.status for answer in answers] == [200, 200, 200]
        return {answer.json()["pid"] for answer in answers}

    three_at_once()  # a process may take longer to start than a call to end
    assert len(three_at_once()) == 3


def test_more_requests_than_environments_wait_their_turn(live: Running) -> None:
    with ThreadPoolExecutor(7) as threads:
        answers = list(threads.map(lambda _: live.call("POST", "/moody", b"sleep 0.3"), range(7)))
    assert [answer.status for answer in answers] == [200] * 7
    assert len({answer.json()["pid"] for answer in answers}) <= 3


def test_no_log_holds_what_a_client_sent(live: Running) -> None:
    secret = "s3cr3t-0f-the-client"
    headers = {"Authorization": f"Bearer {secret}", "Cookie": secret, "X-Other": secret}
    assert live.call("POST", f"/echo?token={secret}", secret.encode(), headers).status == 200
    assert live.call("GET", f"/items/{secret}", headers=headers).status == 200
    assert live.call("GET", f"/{secret}", headers=headers).status == 404
    assert live.call("POST", "/moody", b"nonsense", headers).status == 502
    logs = list((live.folder / "logs").iterdir())
    assert {"gateway.log", "echo.log", "aws.log"} <= {log.name for log in logs}
    for log in logs:
        assert secret not in log.read_text(), log.name
        assert log.stat().st_mode & 0o777 == 0o600, log.name
    assert "echo was here" in (live.folder / "logs/echo.log").read_text()
    assert '"route": "/items/{id}"' in (live.folder / "logs/gateway.log").read_text()


def test_a_defect_of_the_gateway_is_a_bad_gateway_and_its_place_is_logged(
    live: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "s3cr3t"

    def broken(*_: object) -> None:
        raise ZeroDivisionError(secret)

    monkeypatch.setattr(gateway, "to_event", broken)
    assert live.call("GET", "/echo").status == 502
    log = (live.folder / "logs/gateway.log").read_text()
    assert "ZeroDivisionError" in log
    assert "in broken" in log
    assert secret not in log
