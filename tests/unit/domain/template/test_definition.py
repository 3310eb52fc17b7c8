import base64
from typing import Any

import pytest

from stepless.domain.template import CertificateTemplate, check_template, read_x509_options
from stepless.domain.template.definition import MAX_DATA_LENGTH, MAX_TEMPLATE_LENGTH

TEXT = '{"subject": {{ toJson .Subject }}}'


@pytest.mark.parametrize("options", [None, {}, {"template": ""}, {"template": None}, {"templateData": {"ou": "IT"}}])
def test_without_a_template_the_default_stays(options: object) -> None:
    assert read_x509_options(options) is None


@pytest.mark.parametrize("text", [TEXT, f"  {TEXT}\n", base64.b64encode(TEXT.encode()).decode()])
def test_reads_a_template_as_text_and_as_base64(text: str) -> None:
    assert read_x509_options({"template": text}) == CertificateTemplate(TEXT)


def test_reads_keys_without_regard_to_case_and_the_permission_to_make_a_ca() -> None:
    template = read_x509_options({"Template": TEXT, "templatedata": {"ou": ["IT"]}, "allowCA": True})
    assert template == CertificateTemplate(TEXT, {"ou": ["IT"]}, allow_ca=True)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ([], "options.x509: an object"),
        ({"template": 7}, "options.x509.template: text"),
        ({"template": "not a template"}, "neither a template"),
        ({"template": base64.b64encode(b"\xff").decode()}, "neither a template"),
        ({"template": "{" + "x" * MAX_TEMPLATE_LENGTH}, "longer than"),
        ({"templateFile": "/etc/passwd"}, "functions have no files"),
        ({"template": TEXT, "templateData": []}, "templateData: an object"),
        ({"template": TEXT, "templateData": {"a": "x" * MAX_DATA_LENGTH}}, "longer than"),
        ({"templateData": {"SANs": []}}, "together with a template"),
        ({"template": TEXT, "allowCA": "yes"}, "allowCA: true or false"),
        ({"template": TEXT, "tempalteData": {}}, "tempaltedata is not known"),
    ],
)
def test_says_what_is_wrong_with_options(options: object, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        read_x509_options(options)


def test_refuses_data_that_is_nested_too_deeply() -> None:
    deep: dict[str, Any] = {}
    for _ in range(20):
        deep = {"a": [deep]}
    with pytest.raises(ValueError, match="deeper than"):
        read_x509_options({"template": TEXT, "templateData": deep})


def test_a_template_that_parses_may_be_stored() -> None:
    check_template(CertificateTemplate(TEXT))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{\n"a": {{ if .x }}\n', "line 3: "),
        ("{\n\n{{ nope }}}", "line 3: function 'nope' not defined"),
        ('{{ env "PATH" }}', "line 1: function 'env' not defined"),
        ("{{ end }}", "line 1: "),
        ("{{ if .x }}" * 2_500, "does not parse"),
        ("{{ " + "(" * 9_000 + ")" * 9_000 + " }}", "nesting|nested"),
    ],
)
def test_says_at_which_line_a_template_does_not_parse(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        check_template(CertificateTemplate(text))
