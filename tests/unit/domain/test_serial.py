from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.serial import MAX_SERIAL, lineage_of, new_lineage, new_serial, parse_serial, serial_hex
from stepless.errors import CAError, MalformedRequest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0", 0, id="ok/zero"),
        pytest.param("123", 123, id="ok/decimal"),
        pytest.param("0x1F", 31, id="ok/hexadecimal"),
        pytest.param("0X1f", 31, id="ok/hexadecimal-upper-case-prefix"),
        pytest.param("0o17", 15, id="ok/octal"),
        pytest.param("0O17", 15, id="ok/octal-upper-case-prefix"),
        pytest.param("017", 15, id="ok/leading-zero-is-octal"),
        pytest.param("00", 0, id="ok/octal-zero"),
        pytest.param("0b101", 5, id="ok/binary"),
        pytest.param("1_000", 1000, id="ok/underscore"),
        pytest.param("0x_ff_ff", 65535, id="ok/underscore-after-the-prefix"),
        pytest.param("0_17", 15, id="ok/underscore-after-the-zero"),
        pytest.param(str(MAX_SERIAL - 1), MAX_SERIAL - 1, id="ok/largest"),
        pytest.param(hex(MAX_SERIAL - 1), MAX_SERIAL - 1, id="ok/largest-in-hexadecimal"),
    ],
)
def test_reads_serials_in_go_notation(text: str, expected: int) -> None:
    assert parse_serial(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1f", id="fail/bare-hexadecimal"),
        pytest.param("1F:2E", id="fail/colons"),
        pytest.param("-1", id="fail/negative"),
        pytest.param("+1", id="fail/plus"),
        pytest.param(" 1", id="fail/space"),
        pytest.param("1\n", id="fail/line-break"),
        pytest.param("08", id="fail/not-octal"),
        pytest.param("0x", id="fail/prefix-alone"),
        pytest.param("0xg", id="fail/not-hexadecimal"),
        pytest.param("0b2", id="fail/not-binary"),
        pytest.param("1__0", id="fail/two-underscores"),
        pytest.param("_1", id="fail/leading-underscore"),
        pytest.param("1_", id="fail/trailing-underscore"),
        pytest.param("1.0", id="fail/fraction"),
        pytest.param("1e3", id="fail/exponent"),
        pytest.param("١٢", id="fail/digits-of-another-script"),
        pytest.param(str(MAX_SERIAL), id="fail/one-too-large"),
        pytest.param("9" * 64, id="fail/much-too-large"),
        pytest.param("9" * 100_000, id="fail/absurd-length"),
        pytest.param("0x" + "f" * 100_000, id="fail/absurd-length-in-hexadecimal"),
    ],
)
def test_refuses_what_is_not_a_serial_as_step_words_it(text: str) -> None:
    with pytest.raises(
        MalformedRequest, match="is not a valid serial number - use a base 10 representation"
    ) as refused:
        parse_serial(text)
    assert len(refused.value.detail) < 250


def test_names_the_missing_serial() -> None:
    with pytest.raises(MalformedRequest, match="missing serial"):
        parse_serial("")


@given(st.integers(min_value=0, max_value=MAX_SERIAL - 1), st.sampled_from([str, hex, oct]))
def test_every_serial_is_read_in_every_notation(serial: int, write: Callable[[int], str]) -> None:
    assert parse_serial(write(serial)) == serial


@given(st.text() | st.text(st.sampled_from("0123456789abcdefxXoObB_"), max_size=80))
def test_any_text_is_a_serial_or_refused(text: str) -> None:
    try:
        serial = parse_serial(text)
    except CAError:
        return
    assert 0 <= serial < MAX_SERIAL


def test_serials_continue_their_lineage() -> None:
    lineage = new_lineage()
    serials = [new_serial(lineage) for _ in range(100)]
    assert len(set(serials)) == 100
    assert {lineage_of(serial) for serial in serials} == {lineage}
    assert all(serial_hex(serial).startswith(lineage) for serial in serials)


def test_lineages_differ_and_are_of_one_length() -> None:
    lineages = {new_lineage() for _ in range(100)}
    assert len(lineages) == 100
    assert {len(lineage) for lineage in lineages} == {18}


def test_a_serial_from_elsewhere_has_a_lineage_that_continues() -> None:
    foreign = 0x1234_5678_9ABC_DEF0
    lineage = lineage_of(foreign)
    assert lineage == lineage_of(foreign)
    assert lineage != lineage_of(foreign + 1)
    assert lineage_of(new_serial(lineage)) == lineage


@given(st.integers(min_value=0, max_value=MAX_SERIAL - 1))
def test_the_lineage_of_any_serial_can_be_continued(serial: int) -> None:
    lineage = lineage_of(serial)
    assert len(lineage) == 18
    assert lineage_of(new_serial(lineage)) == lineage


def test_writes_serials_in_lower_case_hexadecimal() -> None:
    assert serial_hex(0xABC) == "abc"
