import json

import pytest
from cryptography import x509

from stepless.domain.names import MAX_NAMES
from stepless.domain.profile import DesignedCertificate
from stepless.errors import MalformedRequest
from tests.unit.domain.template.samples import designed, oids, reason, value_of


def with_names(**parts: object) -> DesignedCertificate:
    return designed(json.dumps({"subject": "x", **parts}))


def san(kind: str, value: object = "", **more: object) -> dict[str, object]:
    return {"type": kind, "value": value, **more}


def general(design: DesignedCertificate) -> list[x509.GeneralName]:
    return list(value_of(design, x509.SubjectAlternativeName))


def test_all_lists_and_types_come_together_in_the_order_of_go_without_repetitions() -> None:
    sans = [san("uri", "https://a.example/"), san("DNS", "b.example"), san("auto", "a@b.example"), san("", "10.0.0.1")]
    design = with_names(sans=sans, dnsNames=["a.example", "b.example"], ipAddresses="10.0.0.1", uris=None)
    texts = [name.value for name in design.names]
    assert texts == ["a.example", "b.example", "a@b.example", "10.0.0.1", "https://a.example/"]
    assert [str(name.value) for name in general(design)] == texts


def test_other_types_keep_the_order_of_the_template_and_follow_the_other_extensions() -> None:
    sans = [san("userPrincipalName", "jane@corp"), san("dns", "b.example"), san("registeredID", "1.2.3")]
    design = with_names(sans=sans, dnsNames="a.example", crlDistributionPoints="http://c.example/")
    assert [type(name).__name__ for name in general(design)] == ["DNSName", "OtherName", "DNSName", "RegisteredID"]
    assert [name.value for name in design.names] == ["a.example", "b.example"]
    assert oids(design)[-1] == "2.5.29.17"


def other(kind: str, value: object = "", **more: object) -> bytes:
    (name,) = general(with_names(sans=[san(kind, value, **more)]))
    assert isinstance(name, x509.OtherName)
    return name.value


def test_other_names_hold_the_types_that_they_are_given() -> None:
    assert other("1.2.3", "text") == b"\x13\x04text"
    assert other("1.2.3", "utf8:é") == b"\x0c\x02\xc3\xa9"
    assert other("1.2.3", "raw:BQA=") == b"\x05\x00"
    assert other("1.2.3", "raw:oAIFAA==") == b"\x05\x00"
    assert other("userPrincipalName", "j@c") == b"\x0c\x03j@c"
    assert other("permanentIdentifier", "7") == b"\x30\x03\x0c\x017"
    assert other("permanentIdentifier", asn1Value={"assigner": "1.2.3"}) == b"\x30\x04\x06\x02\x2a\x03"
    assert (
        other("hardwareModuleName", '{"type": "1.2.3", "serialNumber": "AQ=="}')
        == b"\x30\x07\x06\x02\x2a\x03\x84\x01\x01"
    )


def test_a_directory_name_is_read_like_a_subject() -> None:
    (name,) = general(with_names(sans=[san("dn", asn1Value={"commonName": "x", "country": "CH"})]))
    assert isinstance(name, x509.DirectoryName)
    assert name.value.rfc4514_string() == "CN=x,C=CH"


@pytest.mark.parametrize(
    "parts",
    [
        {"dnsNames": "10.0.0.1"},
        {"dnsNames": "a@b.example"},
        {"dnsNames": "localhost:80"},
        {"dnsNames": "müller.example"},
        {"dnsNames": "a b"},
        {"emailAddresses": "leaf.example"},
        {"ipAddresses": "leaf.example"},
        {"uris": "leaf.example"},
        {"sans": [san("dns", "https://a.example/")]},
        {"sans": [san("dns", "-bad-.example"), san("registeredID", "1.2.3")]},
        {"sans": [san("email", "a@b@c@"), san("userPrincipalName", "x")]},
    ],
)
def test_names_of_templates_pass_the_checks_of_all_names(parts: dict[str, object]) -> None:
    with pytest.raises(MalformedRequest):
        with_names(**parts)


@pytest.mark.parametrize(
    "item",
    [
        san("x400Address", "x"),
        san("ediPartyName", "x"),
        san("unknown", "x"),
        san("registeredID", "x"),
        san("hardwareModuleName", "x"),
        san("hardwareModuleName", asn1Value={"type": "x"}),
        san("dn", "7"),
        san("dn", asn1Value={}),
        san("1.2.3", "int:x"),
        san("1.2.3", "raw:oAIF"),
        san("1.2.3", "ünprintable"),
        san("permanentIdentifier", asn1Value=[]),
        {"type": 7, "value": "x"},
        {"type": "dns", "value": 7},
        7,
    ],
)
def test_refuses_names_that_it_cannot_write(item: object) -> None:
    assert "sans[0]" in reason(json.dumps({"subject": "x", "sans": [item]}))


def test_empty_names_are_left_out() -> None:
    assert "2.5.29.17" not in oids(with_names(sans=[san("dns"), san("userPrincipalName")], dnsNames=["", None]))


def test_there_are_not_more_names_than_a_certificate_carries() -> None:
    sans = [san("registeredID", f"1.2.{number}") for number in range(MAX_NAMES + 1)]
    assert len(general(with_names(sans=sans[:-1]))) == MAX_NAMES
    assert "at most" in reason(json.dumps({"subject": "x", "sans": sans}))
