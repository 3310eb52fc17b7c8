import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.durations import TimeDuration
from stepless.domain.names import Name, NameType
from stepless.domain.provisioner_extension import PROVISIONER_OID
from stepless.domain.template.certificate import design_certificate
from stepless.domain.template.extensions import MAX_EXTENSIONS
from stepless.domain.validity import RequestedValidity
from stepless.errors import BadTemplateOutput, CAError, MalformedRequest
from tests.fakes.ephemeral_ca import DIGITAL_SIGNATURE
from tests.unit.domain.template.samples import AUTHORITY_KEY, KEY, STAMP, designed, oids, reason, value_of


def output(**parts: object) -> str:
    return json.dumps({"subject": "leaf.example", **parts})


def own(oid: str, der: bytes, *, critical: bool = False) -> dict[str, object]:
    return {"id": oid, "critical": critical, "value": base64.b64encode(der).decode()}


EVERYTHING = output(
    keyUsage="digitalSignature",
    extKeyUsage=["clientAuth", "any"],
    unknownExtKeyUsage="1.2.3",
    basicConstraints={"isCA": False},
    ocspServer="http://ocsp.example",
    dnsNames="leaf.example",
    policyIdentifiers="1.2.3.4",
    nameConstraints={"permittedDNSDomains": "example"},
    crlDistributionPoints="http://crl.example/1",
    extensions=[own("1.2.3.4.5", b"\x05\x00", critical=True)],
)


def test_extensions_are_in_the_order_of_go_and_ours_come_last() -> None:
    design = designed(EVERYTHING, stamp=STAMP)
    expected = ["15", "37", "19", "14", "35", "pkix", "17", "32", "30", "31"]
    assert oids(design) == [
        *("1.3.6.1.5.5.7.1.1" if end == "pkix" else f"2.5.29.{end}" for end in expected),
        "1.2.3.4.5",
        PROVISIONER_OID.dotted_string,
    ]
    critical = [value.oid.dotted_string for value, critical in design.extensions if critical]
    assert critical == ["2.5.29.15", "2.5.29.19", "1.2.3.4.5"]


def test_keys_are_read_without_regard_to_case_and_unknown_ones_ignored() -> None:
    design = designed(
        '{"SUBJECT": "x", "KeyUsage": ["Digital_Signature"], "whatever": 1, "issuer": "me", "version": 9}'
    )
    assert design.common_name == "x"
    assert value_of(design, x509.KeyUsage) == DIGITAL_SIGNATURE


def test_the_authority_writes_who_issued() -> None:
    forged = [own(PROVISIONER_OID.dotted_string, b"\x30\x00"), own("2.5.29.35", b"\x30\x06\x80\x04abcd")]
    design = designed(output(extensions=forged, authorityKeyId="AQID"), stamp=STAMP)
    assert value_of(design, x509.AuthorityKeyIdentifier) == AUTHORITY_KEY
    assert oids(design).count(PROVISIONER_OID.dotted_string) == 1
    assert PROVISIONER_OID.dotted_string not in oids(designed(output(extensions=forged)))


def test_the_key_identifier_is_of_the_key_unless_the_template_has_one() -> None:
    ours = x509.SubjectKeyIdentifier.from_public_key(KEY.public_key())
    assert value_of(designed(output()), x509.SubjectKeyIdentifier) == ours
    assert value_of(designed(output(subjectKeyId="AQID")), x509.SubjectKeyIdentifier).digest == b"\x01\x02\x03"


def test_an_extension_of_the_templates_own_replaces_the_one_that_would_be_made() -> None:
    usage = own(ExtensionOID.KEY_USAGE.dotted_string, b"\x03\x02\x05\xa0")
    design = designed(output(keyUsage="digitalSignature", extensions=[usage]))
    assert oids(design) == ["2.5.29.14", "2.5.29.35", "2.5.29.15"]
    assert design.extensions[-1] == (x509.UnrecognizedExtension(ExtensionOID.KEY_USAGE, b"\x03\x02\x05\xa0"), False)


def test_policies_see_the_names_of_an_extension_that_the_template_encoded_itself() -> None:
    names = x509.SubjectAlternativeName(
        [x509.DNSName("other.example"), x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]
    )
    design = designed(output(dnsNames="leaf.example", extensions=[own("2.5.29.17", names.public_bytes())]))
    assert design.names == (Name(NameType.DNS, "other.example"),)
    assert oids(design).count("2.5.29.17") == 1


def test_such_an_extension_may_not_have_names_that_no_certificate_may_carry() -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("not a name")])
    with pytest.raises(MalformedRequest):
        designed(output(extensions=[own("2.5.29.17", names.public_bytes())]))


CA_CONSTRAINTS = x509.BasicConstraints(ca=True, path_length=None).public_bytes()


@pytest.mark.parametrize(
    "parts",
    [
        {"basicConstraints": {"isCA": True}},
        {"basicConstraints": {"ISCA": True, "maxPathLen": -1}},
        {"keyUsage": ["certSign"]},
        {"keyUsage": ["cert_sign", "digitalSignature"]},
        {"extensions": [own("2.5.29.19", CA_CONSTRAINTS)]},
        {"basicConstraints": {"isCA": False}, "extensions": [own("2.5.29.19", CA_CONSTRAINTS)]},
        {"extensions": [own("2.5.29.15", b"\x03\x02\x02\x04")]},
    ],
)
def test_no_way_leads_to_a_ca_without_permission(parts: dict[str, object]) -> None:
    assert "allowCA" in reason(output(**parts))
    assert not designed(output()).is_ca


def test_a_ca_with_permission() -> None:
    parts = {"basicConstraints": {"isCA": True, "maxPathLen": 1}, "keyUsage": ["certSign", "crlSign"]}
    design = designed(output(**parts), allow_ca=True)
    assert design.is_ca
    assert value_of(design, x509.BasicConstraints) == x509.BasicConstraints(ca=True, path_length=1)


def test_signing_certificates_is_for_a_ca_alone_even_with_permission() -> None:
    with pytest.raises(BadTemplateOutput):
        designed(output(keyUsage="certSign"), allow_ca=True)


def test_dates_are_wishes_and_gos_zero_is_none() -> None:
    design = designed(output(notBefore="2026-01-02T03:04:05.678+01:00", notAfter="0001-01-01T00:00:00Z"))
    assert design.validity == RequestedValidity(TimeDuration(instant=datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)), None)


@pytest.mark.parametrize(("given_serial", "serial"), [(7, 7), ("0x1F", 31), ("0b11", 3), ("12", 12), (None, None)])
def test_serials_are_numbers_or_text_with_gos_prefixes(given_serial: object, serial: int | None) -> None:
    assert designed(output(serialNumber=given_serial)).serial_number == serial


@pytest.mark.parametrize(
    ("word", "name"), [("", None), ("ecdsa-sha256", "ECDSA-SHA256"), ("SHA384-RSAPSS", "SHA384-RSAPSS")]
)
def test_signature_algorithms_are_those_that_are_sound(word: str, name: str | None) -> None:
    assert designed(output(signatureAlgorithm=word)).signature_algorithm == name


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"serialNumber": 0}, "serialNumber"),
        ({"serialNumber": -1}, "serialNumber"),
        ({"serialNumber": 2**159}, "serialNumber"),
        ({"serialNumber": "x"}, "serialNumber"),
        ({"serialNumber": 1.5}, "serialNumber"),
        ({"serialNumber": True}, "serialNumber"),
        ({"signatureAlgorithm": "SHA1-RSA"}, "signatureAlgorithm"),
        ({"notAfter": "tomorrow"}, "notAfter"),
        ({"notAfter": 7}, "notAfter"),
        ({"keyUsage": "everything"}, "keyUsage"),
        ({"keyUsage": ["encipherOnly"]}, "keyUsage"),
        ({"keyUsage": {"digitalSignature": True}}, "keyUsage"),
        ({"extKeyUsage": "everything"}, "extKeyUsage"),
        ({"unknownExtKeyUsage": "serverAuth"}, "unknownExtKeyUsage"),
        ({"basicConstraints": []}, "basicConstraints"),
        ({"basicConstraints": {"isCA": "false"}}, "basicConstraints.isCA"),
        ({"nameConstraints": {"permittedIPRanges": "10.0.0.0/99"}}, "nameConstraints.permittedIPRanges"),
        ({"nameConstraints": {"excludedDNSDomains": "*.x"}}, "nameConstraints"),
        ({"ocspServer": "no address"}, "ocspServer"),
        ({"crlDistributionPoints": ["ünicode"]}, "crlDistributionPoints"),
        ({"subjectKeyId": "***"}, "subjectKeyId"),
        ({"subjectKeyId": "A" * 100}, "subjectKeyId"),
        ({"policyIdentifiers": "x.y"}, "policyIdentifiers"),
        ({"extensions": {}}, "extensions"),
        ({"extensions": [7]}, "extensions[0]"),
        ({"extensions": [own("1.2.3", b""), own("1.2.3", b"")]}, "twice"),
        ({"extensions": [own("2.5.29.15", b"\x05\x00")]}, "extensions[0]"),
        ({"extensions": [{"id": "1.2.3", "value": "***"}]}, "extensions[0].value"),
        ({"extensions": [{"id": "1.2.3", "critical": 1, "value": ""}]}, "extensions[0].critical"),
        ({"extensions": [own(f"1.2.3.{n}", b"") for n in range(MAX_EXTENSIONS + 1)]}, "is the most"),
        ({"extensions": [own("1.2.3", b"")] * 200}, "is the most"),
        ({"subject": None}, "neither a subject nor names"),
    ],
)
def test_says_what_is_wrong_with_an_output(parts: dict[str, object], what: str) -> None:
    assert what in reason(output(**parts))


@pytest.mark.parametrize("text", ["", "null", "[]", "7", "{", "\ud800", '{"a":' * 40 + "1" + "}" * 40])
def test_an_output_is_a_json_object(text: str) -> None:
    assert "JSON object" in reason(text)


def test_an_extension_without_identifier_is_left_out_and_purposes_are_not_repeated() -> None:
    design = designed(output(extensions=[{"id": "", "value": ""}], extKeyUsage=["serverAuth", "serverAuth"]))
    assert len(design.extensions) == 3
    assert value_of(design, x509.ExtendedKeyUsage) == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["dns", "1.2.3", "AQID", "2.5.29.19"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "value", "id", "isCA"]), inner)
    ),
    max_leaves=6,
)
KEYS = [
    *(
        "subject",
        "rawSubject",
        "serialNumber",
        "dnsNames",
        "ipAddresses",
        "sans",
        "notBefore",
        "extensions",
        "keyUsage",
    ),
    *("extKeyUsage", "unknownExtKeyUsage", "subjectKeyId", "ocspServer", "policyIdentifiers", "basicConstraints"),
    *("nameConstraints", "signatureAlgorithm", "crlDistributionPoints"),
]


@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5))
def test_any_json_is_a_certificate_or_refused(parts: dict[str, object]) -> None:
    try:
        design = design_certificate(
            json.dumps(parts), public_key=KEY.public_key(), authority_key=AUTHORITY_KEY, stamp=None, allow_ca=False
        )
    except CAError:
        return
    assert not design.is_ca
