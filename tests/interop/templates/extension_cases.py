"""Templates that write names of all types, extensions, and output that is no certificate."""

from typing import Final

from tests.interop.templates.cases import Case

EXTENSIONS: Final = (
    Case(
        "upn-and-permanent-identifier",
        """{
    "subject": {{ toJson .Subject }},
    "dnsNames": "leaf.example",
    "sans": [
        {"type": "userPrincipalName", "value": {{ toJson .Token.email }}},
        {"type": "permanentIdentifier", "value": "123456"},
        {"type": "permanentIdentifier", "asn1Value": {"identifier": "abc", "assigner": "1.2.3.4"}},
        {"type": "dns", "value": "later.example"},
        {"type": "registeredID", "value": "1.2.3.4.5"},
        {"type": "hardwareModuleName", "asn1Value": {"type": "1.2.3.4", "serialNumber": "MTIzNA=="}},
        {"type": "", "value": "10.0.0.9"}
    ]
}""",
    ),
    Case(
        "other-names",
        """{
    "subject": {{ toJson .Subject }},
    "sans": [
        {"type": "1.2.3.4", "value": "plain"},
        {"type": "1.2.3.4", "value": "utf8:Zürich"},
        {"type": "1.2.3.4", "value": "int:-129"},
        {"type": "1.2.3.4", "value": "oid:2.999.3"},
        {"type": "1.2.3.4", "value": "bool:true"},
        {"type": "1.2.3.4", "value": "ia5:a@b"},
        {"type": "1.2.3.4", "value": "numeric:12 34"},
        {"type": "1.2.3.4", "value": "utc:2030-01-02T03:04:05Z"},
        {"type": "1.2.3.4", "value": "generalized:2030-01-02T03:04:05Z"},
        {"type": "1.2.3.4", "value": "raw:oAgMBmhlbGxvIQ=="},
        {"type": "1.2.3.4", "value": "unknown:text"}
    ]
}""",
    ),
    Case(
        "asn1-extension",
        """{
    "subject": {{ toJson .Subject }},
    "sans": {{ toJson .SANs }},
    "extensions": [
        {"id": "1.2.3.4.5", "value": {{ asn1Enc "utf8:Zürich" | toJson }}},
        {"id": "1.2.3.4.6", "critical": true, "value":
            {{ asn1Seq (asn1Enc "oid:1.2.3.4") (asn1Enc "int:2") (asn1Set (asn1Enc "bool:false")) | toJson }}},
        {"id": "1.2.3.4.7", "value": {{ asn1Marshal .Token.user.ou "utf8" | toJson }}},
        {"id": "1.2.3.4.8", "value": {{ asn1Marshal "a" "explicit" "tag:3" | toJson }}},
        {"id": "1.2.3.4.9", "value": {{ asn1Marshal (list 1 "b" true) | toJson }}},
        {"id": "1.2.3.4.10", "value": {{ asn1Enc "utf8,tag:5:x" | toJson }}},
        {"id": "1.2.3.4.11", "value": {{ asn1Enc "int,explicit,tag:40:300" | toJson }}}
    ]
}""",
    ),
    Case(
        "directory-name",
        """{"subject": "cn", "sans": [{"type": "dn", "asn1Value":
        {"country": "CH", "organization": "Org", "commonName": "Jane"}}, {"type": "dn", "value": "\\"Joe\\""}]}""",
        differs="UTF8String here, as everywhere in the product, and PrintableString where Go finds that enough",
    ),
    Case(
        "all-extensions",
        """{
    "subject": {{ toJson .Subject }},
    "sans": {{ toJson .SANs }},
    "keyUsage": ["digital_signature", "NonRepudiation", "keyAgreement", "encipherOnly", "crlSign"],
    "extKeyUsage": ["ipsecUser", "OCSPSigning", "any", "microsoftKernelCodeSigning"],
    "unknownExtKeyUsage": ["1.3.6.1.4.1.311.20.2.2", "1.2.3"],
    "basicConstraints": {"isCA": false, "maxPathLen": 3},
    "ocspServer": ["http://ocsp.example", "http://ocsp2.example"],
    "issuingCertificateURL": "http://ca.example/ca.crt",
    "crlDistributionPoints": ["http://crl.example/1.crl", "http://crl.example/2.crl"],
    "policyIdentifiers": ["1.2.3.4", "2.23.140.1.2.1"],
    "subjectKeyId": "AQIDBA==",
    "authorityKeyId": "BQYHCA==",
    "nameConstraints": {"critical": true, "permittedDNSDomains": ["example", ".sub.example"],
        "excludedIPRanges": ["10.1.2.3/8", "2001:db8::/32"], "permittedEmailAddresses": "leaf.example",
        "permittedURIDomains": ".uri.example", "excludedDNSDomains": "bad.example"},
    "serialNumber": "0x1234",
    "EXTENSIONS": [{"ID": "1.2.3.4", "Value": "BAA="}]
}""",
    ),
    Case(
        "ca-when-allowed",
        '{"subject": "sub", "keyUsage": ["certSign", "crlSign"], "basicConstraints": {"isCA": true, "maxPathLen": 0}}',
        allow_ca=True,
    ),
    Case(
        "ca-without-limit-when-allowed",
        '{"subject": "sub", "keyUsage": "certSign", "basicConstraints": {"isCA": true, "maxPathLen": -1}}',
        allow_ca=True,
    ),
    Case(
        "ca",
        '{"subject": "sub", "keyUsage": ["certSign", "crlSign"], "basicConstraints": {"isCA": true, "maxPathLen": 0}}',
        differs="a template makes no CA unless its configuration says so",
    ),
    Case(
        "own-usage-extension",
        '{"subject": "x", "dnsNames": "x.example", "keyUsage": "digitalSignature", '
        '"extensions": [{"id": "2.5.29.15", "critical": false, "value": "AwIFoA=="}, '
        '{"id": "1.2.3", "value": "BQA="}]}',
    ),
    Case(
        "own-names-extension",
        '{"subject": "x", "dnsNames": "x.example", '
        '"extensions": [{"id": "2.5.29.17", "value": "MAuCCXkuZXhhbXBsZQ=="}]}',
    ),
    Case("signature-algorithm", '{"subject": "x", "dnsNames": "x.example", "signatureAlgorithm": "ecdsa-sha384"}'),
    Case(
        "webhooks",
        '{"subject": {"commonName": {{ toJson .Webhooks.people.name }}, "organizationalUnit": '
        '{{ toJson .Webhooks.people.groups }}}, "sans": {{ toJson .SANs }}, "x": {{ toJson .Webhooks.none }}}',
        webhooks={"people": {"name": "Jane", "groups": ["a", "b"], "age": 30}},
    ),
    Case(
        "data-over-token",
        '{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}, "x": {{ toJson .Token }}}',
        template_data={"Subject": {"commonName": "configured"}, "Token": {"a": 1}, "Insecure": {"CR": 1}},
    ),
    Case("empty-names", '{"subject": "x", "dnsNames": null, "sans": [{"type": "dns", "value": ""}], "uris": []}'),
    Case("no-json", "nothing of use"),
    Case("json-of-wrong-types", '{"subject": 7}'),
    Case("unknown-usage", '{"subject": "x", "keyUsage": "everything"}'),
    Case("bad-extension", '{"subject": "x", "extensions": [{"id": "1.2.3", "value": "***"}]}'),
    Case("bad-address", '{"subject": "x", "ipAddresses": "ten"}'),
    Case("text-after-the-certificate", '{"subject": "x", "dnsNames": "x.example"} and more'),
)
