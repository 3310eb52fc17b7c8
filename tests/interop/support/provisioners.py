"""The provisioners every target gets beside `admin`, in the JSON shape of step's ca.json."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

# With these a list of provisioners takes more than one page of 100.
CROWD = 101
# Base64 of it is what `step ca provisioner` writes; a file may have the text as well.
TEMPLATE = """{
  "subject": {
    "commonName": {{ toJson .Subject.CommonName }},
    "organization": {{ toJson .Org }}
    {{- with .Insecure.User.ou }}, "organizationalUnit": {{ toJson . }}{{ end }}
    {{- with .Token.user.unit }}, "locality": {{ toJson . }}{{ end }}
  },
  "sans": {{ toJson .SANs }},
{{- if typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey }}
  "keyUsage": ["keyEncipherment", "digitalSignature"],
{{- else }}
  "keyUsage": ["digitalSignature"],
{{- end }}
  "extKeyUsage": ["clientAuth"],
  "policyIdentifiers": ["1.2.3.4"],
  "crlDistributionPoints": ["http://crl.test/1.crl"],
  "extensions": [{"id": "1.2.3.4.5", "value": {{ asn1Enc "utf8:hello" | toJson }}}]
}"""
WALLED: dict[str, Any] = {"x509": {"allow": {"dns": ["*.test"], "uri": ["*.test"]}, "deny": {"dns": ["bad.test"]}}}
WILD: dict[str, Any] = {"x509": {"allow": {"dns": ["*.test"]}, "allowWildcardNames": True}}


def b64url(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_jwk() -> dict[str, str]:
    """Return a fresh P-256 public JWK; its `kid` is the RFC 7638 thumbprint."""
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    required = {
        "crv": "P-256",
        "kty": "EC",
        "x": b64url(numbers.x.to_bytes(32, "big")),
        "y": b64url(numbers.y.to_bytes(32, "big")),
    }
    text = json.dumps(required, separators=(",", ":"), sort_keys=True)
    kid = b64url(hashlib.sha256(text.encode()).digest())
    return {**required, "use": "sig", "alg": "ES256", "kid": kid}


def extras(admin: dict[str, Any], root: Path) -> list[dict[str, Any]]:
    """Return the extra provisioners: variants of `admin` with its key, an X5C, and a crowd.

    Args:
        admin: the first provisioner, JWK, with `key` and `encryptedKey`.
        root: PEM file of the authority's root, which is also what `x5c` accepts.
    """

    def variant(name: str, **claims: object) -> dict[str, Any]:
        return {
            "type": "JWK",
            "name": name,
            "key": admin["key"],
            "encryptedKey": admin["encryptedKey"],
            "claims": claims,
        }

    crowd_key = public_jwk()
    return [
        {"type": "X5C", "name": "x5c", "roots": base64.b64encode(root.read_bytes()).decode()},
        variant("short", minTLSCertDuration="1s"),
        variant("minute", minTLSCertDuration="1s", defaultTLSCertDuration="1m10s"),
        variant("long", maxTLSCertDuration="720h", defaultTLSCertDuration="48h"),
        variant("once", disableRenewal=True),
        variant("late", minTLSCertDuration="1s", allowRenewalAfterExpiry=True),
        variant("plain", disableSmallstepExtensions=True),
        {**variant("templated"), "options": {"x509": {"template": TEMPLATE, "templateData": {"Org": "Acme"}}}},
        {**variant("failing"), "options": {"x509": {"template": '{{ fail "nope" }}'}}},
        {**variant("broken"), "options": {"x509": {"template": "{{ .Subject.Nothing }}"}}},
        {**variant("invalid"), "options": {"x509": {"template": '{"subject": 7}'}}},
        # step-ca has no policies of provisioners in its file, and does not read these.
        {**variant("walled"), "policy": WALLED},
        {**variant("wild"), "policy": WILD},
        *({"type": "JWK", "name": f"crowd-{number:03}", "key": crowd_key} for number in range(CROWD)),
    ]
