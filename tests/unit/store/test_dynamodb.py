"""Values on their way to DynamoDB and back; calls over a line are held by `tests/contract/test_failures.py`."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.store.dynamodb import NoAnswer, _to_base64, plain_item

_SCALARS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda value: {"S": value}, st.text()),
    st.builds(lambda value: {"N": str(value)}, st.integers()),
    st.builds(lambda value: {"B": value}, st.binary()),
    st.builds(lambda value: {"BOOL": value}, st.booleans()),
)
_NAMES = st.text(min_size=1, max_size=5)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.builds(lambda value: {"L": value}, st.lists(inner, max_size=3))
        | st.builds(lambda value: {"M": value}, st.dictionaries(_NAMES, inner, max_size=3))
    ),
    max_leaves=8,
)


@given(st.dictionaries(_NAMES, _VALUES, max_size=4))
def test_what_is_written_is_read_again(item: dict[str, Any]) -> None:
    assert plain_item(json.loads(json.dumps(item, default=_to_base64))) == item


def test_binary_values_travel_as_base64() -> None:
    assert json.loads(json.dumps({"B": b"\x00\xff"}, default=_to_base64)) == {
        "B": base64.b64encode(b"\x00\xff").decode()
    }


@pytest.mark.parametrize("value", ["%%%", "YQ", 1, None], ids=["other-letters", "no-padding", "number", "null"])
def test_a_binary_value_that_is_none_is_no_answer(value: object) -> None:
    with pytest.raises(NoAnswer):
        plain_item({"der": {"L": [{"B": value}]}})


def test_what_has_no_place_in_a_request_is_refused() -> None:
    with pytest.raises(TypeError, match="set has no place in a request"):
        json.dumps({"SS": {"a"}}, default=_to_base64)
