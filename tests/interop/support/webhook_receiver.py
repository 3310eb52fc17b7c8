"""A webhook server on loopback, with TLS, that both authorities ask; and the provisioners that make them ask it."""

import base64
import contextlib
import hashlib
import hmac
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.interop.support.authority import Authority
from tests.interop.support.identity_provider import IdentityProvider
from tests.support.provider_server import ProviderServer, document
from tests.support.provider_server import running as serving

SECRET: Final = b"of a webhook that lives for one test run"
# step-ca reads no secret from its file, only from its database: what it sends is signed with an empty key.
KEYS: Final = {"step-ca": b"", "stepless": SECRET}
ALLOWED: Final = document({"allow": True, "data": {"ou": "Eng"}})
TEMPLATE: Final = """{
  "subject": {"commonName": {{ toJson .Subject.CommonName }}, "organizationalUnit": {{ toJson .Webhooks.people.ou }},
    "extraNames": [{"type": "0.9.2342.19200300.100.1.1", "value": "u1"}]},
  "sans": {{ toJson .SANs }},
  "keyUsage": ["digitalSignature", "keyAgreement"],
  "extKeyUsage": ["clientAuth", "ocspSigning"],
  "unknownExtKeyUsage": "1.2.3.4",
  "basicConstraints": {"isCA": false, "maxPathLen": 0},
  "policyIdentifiers": ["1.2.3.4"],
  "ocspServer": "http://ocsp.test",
  "issuingCertificateURL": ["http://ca.test/ca.crt"],
  "crlDistributionPoints": ["http://crl.test/1.crl"],
  "nameConstraints": {"critical": true, "permittedDNSDomains": ["test"], "excludedIPRanges": "10.0.0.0/8"},
  "extensions": [{"id": "1.2.3.4.5", "value": {{ asn1Enc "utf8:hello" | toJson }}}]
}"""
UNUSUAL: Final = """{
  "subject": "unusual.test",
  "dnsNames": "unusual.test",
  "sans": [{"type": "registeredID", "value": "1.2.3"}, {"type": "userPrincipalName", "value": "u@x"}],
  "serialNumber": "0x5ca1ab1e0ddba11"
}"""


@dataclass(frozen=True, slots=True)
class Receiver:
    """What it is asked, by whom, and what it says by path; by default it allows everything."""

    server: ProviderServer

    def reset(self) -> None:
        """Allow everything, and forget what was asked."""
        self.server.behaviours = dict.fromkeys(("/people", "/gate"), ALLOWED)
        for seen in (self.server.asked, self.server.heads, self.server.bodies):
            seen.clear()

    def asked_for(self) -> list[dict[str, Any]]:
        """What was asked, in order."""
        return [json.loads(body) for body in self.server.bodies]

    def check_signatures(self, authority: Authority) -> None:
        """Every body was signed, as step's documentation says, with the key that the authority has."""
        for head, body in zip(self.server.heads, self.server.bodies, strict=True):
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.splitlines())}
            signature = hmac.new(KEYS[authority.kind], body, hashlib.sha256).hexdigest()
            assert headers["x-smallstep-signature"] == signature
            assert headers["x-smallstep-webhook-id"] == "3f2c"
            assert headers["x-request-id"]

    def _hook(self, name: str, kind: str, path: str = "", **more: str) -> dict[str, Any]:
        fixed = {"id": "3f2c", "certType": "ALL", "secret": base64.b64encode(SECRET).decode()}
        return {**fixed, "name": name, "kind": kind, "url": f"{self.server.url}/{path or name}", **more}

    def provisioners(self, admin: dict[str, Any], root: Path) -> list[dict[str, Any]]:
        """Provisioners that ask it, in the JSON shape of step's ca.json; all but one have the key of `admin`."""
        both = [self._hook("people", "ENRICHING"), self._hook("gate", "AUTHORIZING")]
        who = self._hook("people", "ENRICHING", "who/{{ .Token.sub }}?kind={{ .Subject.CommonName | upper }}")
        ssh = self._hook("people", "ENRICHING", certType="SSH")
        x5c = {"type": "X5C", "name": "hooked-x5c", "roots": base64.b64encode(root.read_bytes()).decode()}

        def variant(name: str, hooks: list[dict[str, Any]], template: str = "") -> dict[str, Any]:
            options = {"webhooks": hooks, **({"x509": {"template": template}} if template else {})}
            own = {"type": "JWK", "name": name, "key": admin["key"], "encryptedKey": admin["encryptedKey"]}
            return {**own, "options": options}

        return [
            variant("hooked", both),
            variant("hooked-template", both, TEMPLATE),
            variant("hooked-unusual", both, UNUSUAL),
            variant("hooked-url", [who]),
            variant("hooked-ssh", [ssh]),
            {**x5c, "options": {"webhooks": both}},
        ]


@contextlib.contextmanager
def running(provider: IdentityProvider) -> Iterator[Receiver]:
    """Yield a receiver that has the certificate of the identity provider, which the authorities trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(provider.root.with_name("idp.crt"), provider.root.with_name("idp.key"))
    with serving(context) as server:
        receiver = Receiver(server)
        receiver.reset()
        yield receiver
