from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.template import der
from stepless.domain.template.asn1_values import asn1_enc, asn1_marshal, decode_base64
from stepless.domain.template.times import GoTime


@pytest.mark.parametrize(
    ("number", "content"),
    [(0, "00"), (127, "7f"), (128, "0080"), (-1, "ff"), (-128, "80"), (-129, "ff7f"), (256, "0100")],
)
def test_integers_are_as_short_as_they_can_be(number: int, content: str) -> None:
    assert der.integer(number).content.hex() == content


@given(st.integers(-(2**70), 2**70))
def test_integers_can_be_read_again(number: int) -> None:
    assert int.from_bytes(der.integer(number).content, "big", signed=True) == number


@given(st.binary(max_size=70_000))
def test_lengths_of_any_size_can_be_read_again(content: bytes) -> None:
    assert der.content_of(der.Element(der.OCTET_STRING, content).der) == content


@pytest.mark.parametrize("cut", ["", "30", "3001", "30010000", "308101", "30820001"])
def test_a_value_that_is_cut_off_or_followed_is_refused(cut: str) -> None:
    with pytest.raises(ValueError, match="not one value"):
        der.content_of(bytes.fromhex(cut))


def test_times_are_in_utc_and_of_the_kind_that_fits_the_year() -> None:
    zone = timezone(timedelta(hours=1))
    assert der.time(datetime(2049, 12, 31, 1, 2, 3, tzinfo=zone)).der == b"\x17\x0d491231000203Z"
    assert der.time(datetime(2050, 1, 1, tzinfo=UTC)).der == b"\x18\x0f20500101000000Z"
    assert der.time(datetime(1949, 1, 1, tzinfo=UTC)).der == b"\x18\x0f19490101000000Z"


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("Hello", "130548656c6c6f"),
        ("utf8:a:b", "0c03613a62"),
        ("int:-129", "0202ff7f"),
        ("oid:2.999.3", "0603883703"),
        ("bool:T", "0101ff"),
        ("boolean:0", "010100"),
        ("generalized:2030-01-02T03:04:05Z", "180f32303330303130323033303430355a"),
        ("utc:2030-01-02 03:04:05 +0000 UTC", "170d3330303130323033303430355a"),
        ("raw:BQA=", "0500"),
        ("utf8,explicit:a", "a0030c0161"),
        ("int,private:1", "c00101"),
    ],
)
def test_encodes_text_as_step_does(text: str, encoded: str) -> None:
    assert decode_base64(asn1_enc(text)).hex() == encoded


def test_marshals_values_with_gos_parameters() -> None:
    assert decode_base64(asn1_marshal(b"ab")).hex() == "04026162"
    assert decode_base64(asn1_marshal([1, "a"], "set")).hex() == "3106020101130161"
    assert (
        decode_base64(asn1_marshal(GoTime.of(datetime(2030, 1, 2, tzinfo=UTC)))).hex()
        == "170d3330303130323030303030305a"
    )
    assert asn1_marshal("", "optional") == ""
