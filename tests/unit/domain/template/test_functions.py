from typing import Any

import pytest
from gotpl.funcs.sprig import text_func_map

from stepless.domain.template.engine import render
from stepless.domain.template.functions import function_map
from stepless.errors import TemplateFailed
from tests.fakes.clock import NOW

LEFT_OUT = {
    *("env", "expandenv", "getHostByName"),
    *("bcrypt", "htpasswd", "derivePassword", "encryptAES", "decryptAES", "buildCustomCert", "genPrivateKey"),
    *(
        "genCA",
        "genCAWithKey",
        "genSelfSignedCert",
        "genSelfSignedCertWithKey",
        "genSignedCert",
        "genSignedCertWithKey",
    ),
}


def text_of(template: str, data: dict[str, Any] | None = None) -> str:
    return render(template, data or {}, now=NOW)


def test_all_functions_of_sprig_are_there_but_for_those_left_out_on_purpose() -> None:
    assert set(text_func_map()) - set(function_map()) == LEFT_OUT


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ now }}", "2026-02-01 10:00:30.25 +0000 UTC"),
        ('{{ now | date "15:04" }} {{ dateInZone "15:04" now "Europe/Zurich" }}', "10:00 11:00"),
        ('{{ date "2006" "not a date" }} {{ toTime nil }}', "2026 2026-02-01 10:00:30.25 +0000 UTC"),
        ('{{ now | dateModify "24h" | toJson }}', '"2026-02-02T10:00:30.25Z"'),
        ('{{ now | dateModify "nonsense" | formatTime }}', "2026-02-01T10:00:30Z"),
        ("{{ ago (toTime 1769940020) }} {{ durationRound (toTime 1769940020) }}", "10s 10s"),
        ('{{ parseTime | formatTime }} {{ htmlDateInZone now "nowhere" }}', "2026-02-01T10:00:30Z 2026-02-01"),
        ("{{ (now).After (toTime 0) }} {{ (now).Before (toTime 0) }} {{ (now).Weekday }}", "true false Sunday"),
        (
            '{{ toDate "2006-01-02" "2024-02-03" | unixEpoch }} {{ toDate "2006" "x" }}',
            "1706918400 0001-01-01 00:00:00 +0000 UTC",
        ),
    ],
)
def test_time_is_that_of_the_request_and_local_time_is_utc(template: str, text: str) -> None:
    assert text_of(template) == text


@pytest.mark.parametrize(
    "template",
    [
        '{{ mustParseTime "a" "b" "c" "d" }}',
        '{{ mustParseTime "RFC3339" "x" }}',
        '{{ mustToDate "2006" "x" }}',
        '{{ mustDateModify "x" now }}',
        "{{ (now).Nope }}",
        "{{ (now).After 1 }}",
        "{{ unixEpoch 1 }}",
        '{{ asn1Enc "int:99999999999999999999" }}',
        '{{ asn1Enc "bool:maybe" }}',
        '{{ asn1Enc "oid:1" }}',
        '{{ asn1Enc "utc:yesterday" }}',
        '{{ asn1Enc "raw:***" }}',
        '{{ asn1Enc "numeric:a" }}',
        '{{ asn1Seq "***" }}',
        "{{ asn1Marshal (dict) }}",
        '{{ regexMatch "[" "a" }}',
        '{{ regexMatch "\\\\k" "k" }}',
        '{{ regexMatch "[[:^alpha:]_]" "1" }}',
        '{{ regexSplit "(" "" -1 }}',
        '{{ toJson .AuthorizationCrt.nope }}{{ fail "" }}',
    ],
)
def test_what_cannot_be_done_fails(template: str) -> None:
    with pytest.raises(TemplateFailed):
        text_of(template)


def test_a_missing_value_is_null_in_json_and_equal_only_to_nothing() -> None:
    template = '{{ toJson .a }} {{ .a }} {{ eq .a "x" }} {{ ne .a "x" }} {{ eq .a nil }} {{ list .a | toJson }}'
    assert text_of(template) == "null <no value> false true true [null]"


def test_random_functions_are_random_and_of_the_length_asked() -> None:
    one, two = (text_of("{{ randAlphaNum 32 }}") for _ in range(2))
    assert len(one) == len(two) == 32
    assert one != two
