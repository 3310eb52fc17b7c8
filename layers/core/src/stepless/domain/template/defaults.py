"""step's default templates as text (X ``x509util/templates.go``), for whoever writes one and for comparing engines.

Nothing renders them: without a template of its own a provisioner's certificates are built by ``domain.profile``.
"""

from __future__ import annotations

from typing import Final

_KEY_USAGE: Final = """\
{{- if typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey }}
	"keyUsage": ["keyEncipherment", "digitalSignature"],
{{- else }}
	"keyUsage": ["digitalSignature"],
{{- end }}
"""
_SERVER_AND_CLIENT: Final = """	"extKeyUsage": ["serverAuth", "clientAuth"]\n}"""
_REQUESTED_NAMES: Final = """\
	"dnsNames": {{ toJson .Insecure.CR.DNSNames }},
	"emailAddresses": {{ toJson .Insecure.CR.EmailAddresses }},
	"ipAddresses": {{ toJson .Insecure.CR.IPAddresses }},
	"uris": {{ toJson .Insecure.CR.URIs }},
"""

DEFAULT_LEAF: Final = (
    '{\n\t"subject": {{ toJson .Subject }},\n\t"sans": {{ toJson .SANs }},\n' + _KEY_USAGE + _SERVER_AND_CLIENT
)
DEFAULT_IID_LEAF: Final = (
    '{\n\t"subject": {"commonName": {{ toJson .Insecure.CR.Subject.CommonName }}},\n'
    '{{- if .SANs }}\n\t"sans": {{ toJson .SANs }},\n{{- else }}\n'
    + _REQUESTED_NAMES
    + "{{- end }}\n"
    + _KEY_USAGE
    + _SERVER_AND_CLIENT
)
DEFAULT_ADMIN_LEAF: Final = (
    '{\n\t"subject": {{ toJson .Insecure.CR.Subject }},\n' + _REQUESTED_NAMES + _KEY_USAGE + _SERVER_AND_CLIENT
)
DEFAULT_ATTESTED_LEAF: Final = DEFAULT_LEAF.replace('["serverAuth", "clientAuth"]', '["clientAuth"]')
CERTIFICATE_REQUEST: Final = "{{ toJson .Insecure.CR }}"
