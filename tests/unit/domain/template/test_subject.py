import base64
import json

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from stepless.errors import MalformedRequest
from tests.unit.domain.template.samples import designed, reason


def subject_of(value: object) -> x509.Name:
    return designed(json.dumps({"subject": value, "dnsNames": "leaf.example"})).subject


def test_a_text_is_a_common_name() -> None:
    assert subject_of("x").rfc4514_string() == "CN=x"


def test_attributes_are_in_the_order_of_go_and_several_values_are_one_set() -> None:
    value = {
        "commonName": "x",
        "COUNTRY": "CH",
        "organization": ["B", "A", "B"],
        "province": ["BE"],
        "serialNumber": "1",
    }
    name = subject_of(value)
    assert [len(attributes) for attributes in name.rdns] == [1, 1, 2, 1, 1]
    assert [attribute.oid for attribute in name][:2] == [NameOID.COUNTRY_NAME, NameOID.STATE_OR_PROVINCE_NAME]


def test_extra_names_replace_attributes_of_their_type() -> None:
    extra = [{"type": "2.5.4.3", "value": "other"}, {"type": "1.2.840.113549.1.9.1", "value": "a@b.example"}]
    design = designed(json.dumps({"subject": {"commonName": "x", "extraNames": extra}}))
    assert design.common_name == "other"
    assert design.subject.rfc4514_string() == "1.2.840.113549.1.9.1=a@b.example,CN=other"


def test_empty_values_are_left_out() -> None:
    assert (
        subject_of({"organizationalUnit": ["", None, "IT"], "commonName": "", "locality": ""}).rfc4514_string()
        == "OU=IT"
    )


def test_an_encoded_subject_wins_and_shows_its_common_name() -> None:
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "raw"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "O")]
    )
    raw = base64.b64encode(name.public_bytes()).decode()
    design = designed(json.dumps({"subject": "x", "rawSubject": raw}))
    assert (design.subject, design.common_name) == (name, "raw")


def test_names_are_critical_without_a_subject() -> None:
    design = designed('{"dnsNames": "leaf.example"}')
    assert [critical for value, critical in design.extensions if isinstance(value, x509.SubjectAlternativeName)] == [
        True
    ]


@pytest.mark.parametrize("common_name", ["x" * 65, "a\nb", "a\u202eb"])
def test_the_caller_is_told_of_a_common_name_that_does_not_fit(common_name: str) -> None:
    with pytest.raises(MalformedRequest):
        subject_of({"extraNames": [{"type": "2.5.4.3", "value": common_name}]} if len(common_name) < 9 else common_name)


@pytest.mark.parametrize(
    "value",
    [
        7,
        [],
        {"commonName": 7},
        {"commonName": ["a", "b"]},
        {"country": "Switzerland"},
        {"organization": {"a": 1}},
        {"organization": "x" * 257},
        {"organization": "a\x00b"},
        {"extraNames": [{"type": "x", "value": "y"}]},
        {"extraNames": [{"value": "y"}]},
        {"extraNames": [{"type": "1.2.3", "value": 7}]},
        {"extraNames": [{"type": "2.5.4.3", "value": "a"}, {"type": "2.5.4.3", "value": "b"}]},
    ],
)
def test_refuses_what_is_no_subject(value: object) -> None:
    assert reason(json.dumps({"subject": value, "dnsNames": "leaf.example"}))


@pytest.mark.parametrize("raw", ["***", "AQID", base64.b64encode(b"\x30\x03\x02\x01\x01").decode()])
def test_refuses_an_encoded_subject_that_does_not_parse(raw: str) -> None:
    assert "rawSubject" in reason(json.dumps({"rawSubject": raw}))
