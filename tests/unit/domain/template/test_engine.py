import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.template.budget import MAX_OUTPUT_LENGTH
from stepless.domain.template.engine import MAX_CACHED, compile_template, render
from stepless.errors import MalformedRequest, TemplateFailed
from tests.fakes.clock import NOW

# Many times what the limits permit on a slow machine; without limits these take minutes, or all memory.
_PATIENCE_SECONDS = 20.0


def text_of(template: str, data: dict[str, Any] | None = None) -> str:
    return render(template, data or {}, now=NOW)


def failure(template: str, data: dict[str, Any] | None = None) -> str:
    with pytest.raises(TemplateFailed) as failed:
        text_of(template, data)
    return failed.value.detail


def nested(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(levels):
        data = {"n": data}
    return data


def test_fail_tells_the_caller_its_message_and_nothing_else() -> None:
    with pytest.raises(MalformedRequest) as refused:
        text_of('{{ printf "no %s" .x | fail }}', {"x": "<way>"})
    assert refused.value.detail == "no <way>"


def test_a_failure_says_where_in_the_template_it_was() -> None:
    assert "template:2:4" in failure('{{ "a" }}\n{{ index .list 5 }}', {"list": []})


def test_a_stored_template_that_does_not_parse_fails_as_any_other() -> None:
    assert "line 1" in failure("{{ nope }}")


def test_the_same_text_is_compiled_once_and_only_so_many_are_kept() -> None:
    assert compile_template("{{ .a }}") is compile_template("{{ .a }}")
    for number in range(MAX_CACHED + 5):
        text_of(f"{number}{{{{ .a }}}}")
    assert compile_template.cache_info().currsize == MAX_CACHED


def test_renderings_do_not_see_each_other() -> None:
    template = '{{ $_ := set .d "x" (add .n 1) }}{{ .d.x }}'
    assert [text_of(template, {"d": {}, "n": float(number)}) for number in range(3)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "name",
    ["env", "expandenv", "getHostByName", "genPrivateKey", "genCA", "genSelfSignedCert", "bcrypt", "encryptAES"],
)
def test_functions_that_read_the_machine_or_make_keys_do_not_exist(name: str) -> None:
    assert f"function {name!r} not defined" in failure(f'{{{{ {name} "x" }}}}')


def test_a_template_cannot_call_methods_or_see_attributes_of_python() -> None:
    data = {"s": "{0.__class__}", "f": text_of}
    for template in ("{{ .s.format .s }}", "{{ .s.__class__ }}", '{{ .f "x" }}', "{{ call .f }}", "{{ .s.upper }}"):
        assert failure(template, data)


@pytest.mark.parametrize(
    "template",
    [
        '{{ repeat 1000000000 "x" }}',
        '{{ repeat 200000 "x" | repeat 9 }}',
        '{{ printf "%1000000000d" 1 }}',
        '{{ printf "%*d" 1000000000 1 }}',
        "{{ until 1000000000 }}",
        "{{ untilStep 0 1000000000 1 }}",
        "{{ seq 1 1000000000 }}",
        '{{ indent 1000000000 "x" }}',
        '{{ $x := repeat 50000 "a" }}{{ replace "a" $x $x }}',
        '{{ $x := repeat 50000 "a" }}{{ join $x (splitList "" $x) }}',
        "{{ randAlphaNum 1000000000 }}",
        "{{ $x := list 1 }}{{ range until 40 }}{{ $x = list $x $x }}{{ end }}{{ $x }}",
        "{{ $x := list 1 }}{{ range until 40 }}{{ $x = concat $x $x }}{{ end }}",
        '{{ $x := "a" }}{{ range until 40 }}{{ $x = print $x $x }}{{ end }}',
        '{{ $x := "a" }}{{ range until 40 }}{{ $x = cat $x $x }}{{ end }}',
        '{{ $x := dict "a" 1 }}{{ range until 40 }}{{ $x = dict "a" $x "b" $x }}{{ end }}{{ toJson $x }}',
        '{{ $d := dict }}{{ $_ := set $d "self" $d }}{{ $d }}',
        '{{ $d := dict }}{{ $_ := set $d "self" $d }}{{ toPrettyJson $d }}',
        "{{ range until 1000000 }}{{ end }}",
        "{{ range 1000000000 }}{{ end }}",
        "{{ range until 9999 }}{{ range until 9999 }}{{ end }}{{ end }}",
        "{{ range until 9999 }}" + "{{ if $ }}{{ end }}" * 1_500 + "{{ end }}",
        '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
        '{{ define "a" }}{{ template "a" . }}{{ template "a" . }}{{ end }}{{ template "a" 1 }}',
        '{{ define "a" }}{{ with .n }}{{ template "a" . }}{{ template "a" . }}{{ end }}{{ end }}{{ template "a" . }}',
        "".join(
            f'{{{{ define "t{i}" }}}}{{{{ template "t{i + 1}" }}}}{{{{ template "t{i + 1}" }}}}{{{{ end }}}}'
            for i in range(30)
        )
        + '{{ define "t30" }}{{ end }}{{ template "t0" }}',
        '{{ regexMatch "((a{1000}){1000}){1000}" "a" }}',
        '{{ regexMatch "(a|aa)+$" (repeat 100000 "a") }}',
        '{{ regexFindAll "a.*b|a" (repeat 20000 "a") -1 }}',
        '{{ regexReplaceAll "a" (repeat 20000 "a") "$0$0$0$0$0$0$0$0" }}',
        '{{ uniq (splitList "" (repeat 100000 "ab")) }}',
        '{{ range until 9999 }}{{ $_ := sha512sum (repeat 9999 "a") }}{{ end }}',
        f"{{{{ range until 9999 }}}}{'x' * 100}{{{{ end }}}}",
    ],
)
def test_work_and_size_are_bounded(template: str) -> None:
    started = time.process_time()
    assert failure(template, nested(30))
    assert time.process_time() - started < _PATIENCE_SECONDS


def test_output_is_bounded() -> None:
    assert len(text_of("x" * 30_000 + f'{{{{ repeat {MAX_OUTPUT_LENGTH - 30_000} "x" }}}}')) == MAX_OUTPUT_LENGTH
    assert "budget exceeded" in failure("x" * 30_000 + f'{{{{ repeat {MAX_OUTPUT_LENGTH - 29_999} "x" }}}}')


def test_usual_work_is_well_within_limits() -> None:
    uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"
    pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
    assert text_of(f'{{{{ range until 100 }}}}{{{{ regexMatch "{pattern}" "{uuid}" }}}}{{{{ end }}}}') == "true" * 100
    names = {"names": [{"type": "dns", "value": f"host{number}.example"} for number in range(100)]}
    assert text_of("{{ range .names }}{{ toJson . }}{{ end }}", names).count("host") == 100


PIECES = [*"{}()|.$ \"`'\n-=:,ax19", "{{", "}}", "range ", "if ", "end", "toJson ", "list "]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_text_renders_or_is_refused(template: str) -> None:
    with contextlib.suppress(TemplateFailed, MalformedRequest):
        text_of(template, {"a": {"x": [1.0, None, "t"]}})
