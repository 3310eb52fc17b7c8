import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.json_text import MAX_DEPTH, load_object
from stepless.errors import CAError, MalformedRequest


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"{}", {}, id="ok/empty-object"),
        pytest.param(b' \t\r\n{"csr":"x"}', {"csr": "x"}, id="ok/white-space-before"),
        pytest.param(b'{"csr":"x"} trailing', {"csr": "x"}, id="ok/trailing-data-is-ignored"),
        pytest.param(b'{"csr":"x"}{"csr":"y"}', {"csr": "x"}, id="ok/second-value-is-ignored"),
        pytest.param(b'{"CSR":"x","NotAfter":"1h"}', {"csr": "x", "notafter": "1h"}, id="ok/keys-without-case"),
        pytest.param(b'{"csr":"x","csr":"y"}', {"csr": "y"}, id="ok/last-duplicate-wins"),
        pytest.param(b'{"csr":"x","CSR":"y"}', {"csr": "y"}, id="ok/last-duplicate-wins-without-case"),
        pytest.param(b'{"csr":"x","CSR":"y","csr":"z"}', {"csr": "z"}, id="ok/last-of-three-wins"),
        pytest.param(b'{"a":{"B":1}}', {"a": {"B": 1}}, id="ok/only-top-level-keys-are-folded"),
        pytest.param(b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}, id="ok/surrogate-pair"),
        pytest.param('{"a":"ü"}'.encode(), {"a": "ü"}, id="ok/utf-8"),
    ],
)
def test_reads_a_body_as_go_does(body: bytes, expected: dict[str, Any]) -> None:
    assert load_object(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="fail/empty"),
        pytest.param(b"   ", id="fail/white-space"),
        pytest.param(b"null", id="fail/null"),
        pytest.param(b"[]", id="fail/array"),
        pytest.param(b'"csr"', id="fail/text"),
        pytest.param(b"{", id="fail/cut-off"),
        pytest.param(b"{'csr':'x'}", id="fail/single-quotes"),
        pytest.param(b'{"csr":"x",}', id="fail/trailing-comma"),
        pytest.param(b'{"csr":NaN}', id="fail/not-a-number"),
        pytest.param(b'{"csr":-Infinity}', id="fail/infinity"),
        pytest.param(b'\xef\xbb\xbf{"csr":"x"}', id="fail/byte-order-mark"),
        pytest.param('{"csr":"x"}'.encode("utf-16"), id="fail/utf-16"),
        pytest.param(b'{"csr":"\xff"}', id="fail/not-utf-8"),
        pytest.param(b'{"csr":"\xed\xa0\x80"}', id="fail/surrogate-in-utf-8"),
        pytest.param(b'{"csr":"\\ud800"}', id="fail/lone-surrogate"),
        pytest.param(b'{"\\udfff":"x"}', id="fail/lone-surrogate-in-a-key"),
        pytest.param(b'{"a":[{"b":"\\ud800"}]}', id="fail/lone-surrogate-far-inside"),
        pytest.param(b'{"csr":"a\nb"}', id="fail/raw-line-break-in-text"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="fail/absurd-number"),
        pytest.param(b'{"a":' + b"[" * 100_000, id="fail/absurd-depth-cut-off"),
        pytest.param(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="fail/absurd-depth"),
    ],
)
def test_refuses_what_is_not_an_object(body: bytes) -> None:
    with pytest.raises(MalformedRequest, match="error decoding json"):
        load_object(body)


def test_takes_nesting_up_to_the_limit_and_not_one_more() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    assert load_object(nested(MAX_DEPTH))
    with pytest.raises(MalformedRequest):
        load_object(nested(MAX_DEPTH + 1))


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="ascii"), max_size=6), _JSON, max_size=5))
def test_every_object_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    assert load_object(json.dumps(value).encode()) == {key.lower(): item for key, item in value.items()}


@given(st.binary() | st.text(st.sampled_from('{}[]",:\\u0d8aNn1 '), max_size=40).map(str.encode))
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    try:
        load_object(body)
    except CAError:
        return
    assert body.decode().lstrip().startswith("{")
