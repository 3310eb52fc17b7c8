"""The templates of Smallstep's documentation and of its users, each in a small form of its own."""

from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stepless.domain.template import defaults
from tests.fakes.ephemeral_ca import KEY_ENCIPHERMENT
from tests.interop.templates.cases import Case

_LEAF_USAGE: Final = """
{{- if typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey }}
    "keyUsage": ["keyEncipherment", "digitalSignature"],
{{- else }}
    "keyUsage": ["digitalSignature"],
{{- end }}
    "extKeyUsage": ["serverAuth", "clientAuth"]
}"""
_HEAD: Final = '{\n    "subject": {{ toJson .Subject }},\n    "sans": {{ toJson .SANs }},'
_LEAF: Final = _HEAD + _LEAF_USAGE
_SUBJECT: Final = (
    x509.NameAttribute(NameOID.COUNTRY_NAME, "CH"),
    x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ünïcode & Söhne"),
    x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "One"),
    x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Two"),
    x509.NameAttribute(NameOID.COMMON_NAME, "asked.example"),
    x509.NameAttribute(NameOID.SERIAL_NUMBER, "17"),
    x509.NameAttribute(NameOID.EMAIL_ADDRESS, "asked@leaf.example"),
    x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "example"),
)
_WISHES: Final = (
    (KEY_ENCIPHERMENT, True),
    (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING, x509.ObjectIdentifier("1.2.3.4")]), False),
    (x509.BasicConstraints(ca=False, path_length=None), True),
)

DEFAULTS: Final = tuple(
    Case(f"{name}-{key}", text, key=key, csr_subject=subject)
    for name, text in {
        "default-leaf": defaults.DEFAULT_LEAF,
        "default-iid": defaults.DEFAULT_IID_LEAF,
        "default-admin": defaults.DEFAULT_ADMIN_LEAF,
        "default-attested": defaults.DEFAULT_ATTESTED_LEAF,
    }.items()
    for key, subject in {"P-256": (), "RSA-2048": _SUBJECT, "Ed25519": ()}.items()
)
DOCUMENTED: Final = (
    Case("leaf", _LEAF),
    Case("leaf-without-names", _LEAF, sans=()),
    Case("leaf-with-markup", _LEAF, common_name="<a> & b"),
    Case("iid-without-names", defaults.DEFAULT_IID_LEAF, sans=(), csr_subject=_SUBJECT),
    Case("admin-without-names", defaults.DEFAULT_ADMIN_LEAF, csr_names=(), csr_subject=_SUBJECT),
    Case("csr", defaults.CERTIFICATE_REQUEST, csr_subject=_SUBJECT),
    Case("csr-without-names", defaults.CERTIFICATE_REQUEST, csr_subject=_SUBJECT[:1], csr_names=()),
    Case("csr-without-subject", defaults.CERTIFICATE_REQUEST),
    Case("csr-with-wishes", defaults.CERTIFICATE_REQUEST, csr_subject=_SUBJECT, csr_extensions=_WISHES),
    Case(
        "subject-of-many-fields",
        """{
    "subject": {
        "country": {{ toJson .Insecure.User.country }},
        "organization": {{ toJson .Insecure.User.organization }},
        "organizationalUnit": {{ toJson .organizationalUnit }},
        "locality": "Bern", "province": "BE", "streetAddress": "Gasse 1", "postalCode": "3000",
        "serialNumber": "4711",
        "commonName": {{ toJson .Subject.CommonName }}
    },
    "sans": {{ toJson .SANs }},"""
        + _LEAF_USAGE,
        user={"country": "CH", "organization": ["Org One", "Org Two"]},
        template_data={"organizationalUnit": ["IT", "OT"]},
    ),
    Case(
        "ou-of-user-or-default",
        """{
    "subject": {
        {{- if .Insecure.User.ou }}
        "organizationalUnit": {{ toJson .Insecure.User.ou }},
        {{- else }}
        "organizationalUnit": {{ .defaultOU | default "Everyone" | toJson }},
        {{- end }}
        "commonName": {{ toJson .Subject.CommonName }}
    },
    "sans": {{ toJson .SANs }},"""
        + _LEAF_USAGE,
    ),
    Case(
        "ou-must-be-given",
        """{{- if not .Insecure.User.ou }}{{ fail "OU is missing: use --set ou=…" }}{{ end -}}
{"subject": {"organizationalUnit": {{ toJson .Insecure.User.ou }}, "commonName": {{ toJson .Subject.CommonName }}}}""",
    ),
    Case(
        "user-of-token",
        '{"subject": {"commonName": {{ toJson .Subject.CommonName }}, "organizationalUnit": '
        '{{ toJson .Token.user.ou }}}, "sans": {{ toJson .SANs }}}',
    ),
    Case(
        "extra-names",
        """{
    "subject": {
        "commonName": {{ toJson .Subject.CommonName }},
        "extraNames": [
            {"type": "1.2.840.113549.1.9.1", "value": {{ toJson .Token.email }}},
            {"type": "0.9.2342.19200300.100.1.25", "value": "example"}
        ]
    },
    "sans": {{ toJson .SANs }}
}""",
    ),
    Case(
        "rsa-size",
        '{{- if and (typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey) (lt .Insecure.CR.PublicKey.Size 384) }}'
        '{{ fail "Key size must be at least 3072 bits" }}{{ end }}' + _LEAF,
        key="RSA-2048",
    ),
    Case(
        "rsa-or-not",
        '{{- if not (typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey) }}{{ fail "RSA only" }}{{ end }}' + _LEAF,
    ),
    Case(
        "types-of-keys",
        '{{ typeOf .Insecure.CR.PublicKey }} {{ .Insecure.CR.PublicKeyAlgorithm }} {{ typeIsLike "rsa.PublicKey" '
        ".Insecure.CR.PublicKey }}",
        key="RSA-2048",
    ),
    Case(
        "types-of-ed25519", "{{ typeOf .Insecure.CR.PublicKey }} {{ .Insecure.CR.PublicKeyAlgorithm }}", key="Ed25519"
    ),
    Case(
        "curves",
        "{{ .Insecure.CR.PublicKey.Curve.Params.Name }} {{ .Insecure.CR.PublicKey.Params.BitSize }}",
        key="P-384",
    ),
    Case(
        "spiffe",
        """{
    "subject": {{ toJson .Subject }},
    "uris": [
        "spiffe://trust.example/{{ .Token.user.level }}",
        {{ printf "spiffe://trust.example/ns/%s" (index .Token.realm_access.roles 1) | toJson }}
    ],"""
        + _LEAF_USAGE,
    ),
    Case(
        "email-domain",
        """{{- if not (hasSuffix "@leaf.example" .Token.email) }}{{ fail "wrong domain" }}{{ end -}}
{"subject": {{ toJson .Token.email }}, "emailAddresses": {{ toJson .Token.email }},
 "extKeyUsage": "emailProtection"}""",
    ),
    Case(
        "regex-check",
        """{{- if not (regexMatch "^[a-z0-9-]{1,63}(\\\\.[a-z0-9-]{1,63})*$" .Subject.CommonName) }}
    {{- fail (printf "%q is not a host name" .Subject.CommonName) }}
{{- end }}"""
        + _LEAF,
        common_name="Not_A_Host",
    ),
    Case(
        "range-over-names",
        """{
    "subject": {{ toJson .Subject }},
    "dnsNames": [
        {{- range $i, $san := .SANs }}{{ if eq $san.Type "dns" }}{{ if $i }},{{ end }}
        {{ toJson $san.Value }}{{ end }}{{ end }}
    ],
    "sans": [
        {{- range $index, $role := .Token.realm_access.roles }}
        {{- if $index }},{{ end }}
        {"type": "uri", "value": "https://leaf.example/{{ $role }}"}
        {{- end }}
    ]
}""",
    ),
    Case(
        "roles-as-ou",
        '{"subject": {"commonName": {{ toJson .Subject.CommonName }}, "organizationalUnit": '
        '{{ without .Token.realm_access.roles "dev" | toJson }}}, "sans": {{ toJson .SANs }}}',
    ),
    Case(
        "names-of-the-request",
        """{
    "subject": {"commonName": {{ toJson .Insecure.CR.Subject.CommonName }}},
    "dnsNames": {{ toJson .Insecure.CR.DNSNames }},
    "ipAddresses": {{ toJson .Insecure.CR.IPAddresses }},
    "uris": {{ toJson .Insecure.CR.URIs }},
    "emailAddresses": {{ toJson .Insecure.CR.EmailAddresses }}
}""",
        csr_subject=_SUBJECT,
    ),
    Case(
        "validity",
        """{
    "subject": {{ toJson .Subject }},
    "sans": {{ toJson .SANs }},
    "notBefore": {{ .Token.nbf | formatTime | toJson }},
    "notAfter": {{ .Token.exp | toTime | toJson }}
}""",
    ),
    Case(
        "dates",
        '{{ (.Token.nbf | toTime).Format "2006-01-02 15:04" }} {{ .Token.exp | toTime | date "02 Jan 06" }} '
        '{{ (toTime .Token.nbf).AddDate 0 1 2 }} {{ (parseTime "2024-07-02T23:16:02Z").Unix }} '
        '{{ parseTime "time.UnixDate" "Tue Jul  2 16:20:48 PDT 2024" "America/Los_Angeles" }} '
        '{{ mustParseTime "RFC1123" "Tue, 02 Jul 2024 16:20:48 GMT" | formatTime }} {{ toTimeLayout "time.DateOnly" }} '
        '{{ dateModify "-1.5h" (toTime .Token.nbf) }} {{ unixEpoch (toTime .Token.nbf) }} {{ htmlDate (toTime 0) }} '
        '{{ (toTime 0).Year }} {{ (toTime 0).Month }} {{ (toTime 0).IsZero }} {{ parseTime "nonsense" }}',
    ),
    Case("x5c", _LEAF, x5c=True),
    Case(
        "x5c-name-of-the-credential",
        """{{- if ne .Subject.CommonName .AuthorizationCrt.Subject.CommonName }}
    {{- printf "subject %s is not %s" .Subject.CommonName .AuthorizationCrt.Subject.CommonName | fail }}
{{- end }}"""
        + _LEAF,
        x5c=True,
    ),
    Case(
        "x5c-contents",
        """{
    "subject": {{ toJson .AuthorizationCrt.Subject }},
    "dnsNames": {{ toJson .AuthorizationCrt.DNSNames }},
    "emailAddresses": {{ toJson .AuthorizationCrt.EmailAddresses }},
    "notAfter": {{ toJson .AuthorizationCrt.NotAfter }},
    "issuingCertificateURL":
        {{ toJson .AuthorizationCrt.Issuer.CommonName | replace "\\"" "" | printf "https://%s" | toJson }}
}""",
        x5c=True,
        differs="the issuer's name has a space, and an address has none here",
    ),
    Case(
        "x5c-fields",
        "{{ .AuthorizationCrt.Subject }} {{ .AuthorizationCrt.NotBefore }} "
        "{{ .AuthorizationCrt.IsCA }} {{ .AuthorizationCrt.PublicKeyAlgorithm }} "
        "{{ .AuthorizationCrt.Version }} {{ index .AuthorizationCrt.IPAddresses 0 }} {{ len .AuthorizationCrt.URIs }}",
        x5c=True,
    ),
)
