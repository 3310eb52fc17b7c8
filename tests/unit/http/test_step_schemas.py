import json
from typing import Any

import pytest

from stepless.domain.durations import TimeDuration, parse_rfc3339
from stepless.errors import MalformedRequest
from stepless.http.step_schemas import RekeyBody, RevokeBody, SignBody, StepBody, read_body, read_time


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_reads_a_sign_body_of_step() -> None:
    read = read_body(SignBody, body(csr="c", ott="t", notAfter="1h", notBefore="", templateData={"a": 1}))
    assert (read.csr, read.ott, read.notafter, read.notbefore) == ("c", "t", "1h", "")


def test_reads_a_revoke_body_of_step() -> None:
    read = read_body(RevokeBody, body(serial="1", ott="", reasonCode=4, reason="r", passive=True))
    assert (read.serial, read.ott, read.reasoncode, read.reason, read.passive) == ("1", "", 4, "r", True)


def test_missing_and_null_fields_are_empty() -> None:
    assert read_body(RevokeBody, b"{}") == read_body(RevokeBody, body(serial=None, passive=None, reasonCode=None))
    assert read_body(RekeyBody, b"{}").csr == ""


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        pytest.param(SignBody, {"csr": 1}, id="fail/number-for-text"),
        pytest.param(SignBody, {"csr": ["x"]}, id="fail/list-for-text"),
        pytest.param(SignBody, {"notAfter": 3600}, id="fail/number-for-a-duration"),
        pytest.param(SignBody, {"ott": True}, id="fail/boolean-for-text"),
        pytest.param(RevokeBody, {"serial": 1}, id="fail/serial-as-number"),
        pytest.param(RevokeBody, {"reasonCode": "1"}, id="fail/text-for-a-number"),
        pytest.param(RevokeBody, {"reasonCode": 1.0}, id="fail/fraction"),
        pytest.param(RevokeBody, {"reasonCode": True}, id="fail/boolean-for-a-number"),
        pytest.param(RevokeBody, {"reasonCode": 2**31}, id="fail/number-too-large"),
        pytest.param(RevokeBody, {"reasonCode": 10**400}, id="fail/absurd-number"),
        pytest.param(RevokeBody, {"passive": "true"}, id="fail/text-for-a-boolean"),
        pytest.param(RevokeBody, {"passive": 1}, id="fail/number-for-a-boolean"),
    ],
)
def test_refuses_fields_of_the_wrong_type(kind: type[StepBody], fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedRequest, match=r"^error decoding json$"):
        read_body(kind, body(**fields))


def test_the_refusal_does_not_carry_what_was_sent() -> None:
    with pytest.raises(MalformedRequest) as refused:
        read_body(SignBody, body(ott=["s3cret"]))
    assert "s3cret" not in f"{refused.value}{refused.value.__cause__}"


def test_reads_times() -> None:
    assert read_time("") is None
    assert read_time("2026-02-01T10:00:00Z") == TimeDuration(instant=parse_rfc3339("2026-02-01T10:00:00Z"))
    with pytest.raises(MalformedRequest, match=r"^error decoding json$"):
        read_time("tomorrow")
