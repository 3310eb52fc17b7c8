"""What webhooks are told of requests and certificates."""

import base64
import hashlib
import hmac
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stepless.domain.webhook import WebhookAnswer
from stepless.services.issue import Issued
from tests.fakes.certificate_requests import make_csr
from tests.fakes.deployment import Deployment
from tests.fakes.webhooks import ALLOW, GATE, PEOPLE, SECRET, TEMPLATE, authorizing, enriching, use_webhooks


@pytest.fixture
def ca() -> Deployment:
    ca = Deployment()
    ca.webhooks.answers = {PEOPLE: ALLOW, GATE: ALLOW}
    return ca


def sign(ca: Deployment, **claims: Any) -> Issued:
    return ca.sign(make_csr(), ca.admin.token("a.test", **claims))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def spki(holder: x509.Certificate | x509.CertificateSigningRequest) -> str:
    return b64(holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def test_every_call_is_signed(ca: Deployment) -> None:
    use_webhooks(ca, enriching(bearerToken="t0ken"), authorizing())
    sign(ca)
    for call in ca.webhooks.calls:
        assert call.headers["X-Smallstep-Signature"] == hmac.new(SECRET, call.body, hashlib.sha256).hexdigest()
        assert call.headers["X-Smallstep-Webhook-ID"] == enriching()["id"]
        assert call.roots_pem == ca.ca.root_certificate.public_bytes(Encoding.PEM).decode()
    assert [call.headers.get("Authorization") for call in ca.webhooks.calls] == ["Bearer t0ken", None]


def test_an_enriching_webhook_is_told_of_the_request(ca: Deployment) -> None:
    use_webhooks(ca, enriching())
    csr, token = make_csr("a.test", ["a.test"]), ca.admin.token("a.test")
    ca.sign(csr, token)
    (call,), (body,) = ca.webhooks.calls, ca.webhooks.bodies
    assert token.encode() not in call.body
    (san,) = csr.extensions
    assert body == {
        "timestamp": f"{ca.clock.now():%Y-%m-%dT%H:%M:%S.%fZ}",
        "provisionerName": "admin",
        "x509CertificateRequest": {
            "version": 0,
            "subject": {"commonName": "a.test"},
            "rawSubject": b64(csr.subject.public_bytes()),
            "dnsNames": ["a.test"],
            "emailAddresses": None,
            "ipAddresses": None,
            "uris": None,
            "sans": None,
            "extensions": [{"id": "2.5.29.17", "critical": False, "value": b64(san.value.public_bytes())}],
            "keyUsage": None,
            "extKeyUsage": [],
            "unknownExtKeyUsage": None,
            "basicConstraints": None,
            "signatureAlgorithm": "",
            "publicKey": spki(csr),
            "publicKeyAlgorithm": "ECDSA",
            "raw": b64(csr.public_bytes(Encoding.DER)),
        },
    }


NOTHING = dict.fromkeys([
    "rawSubject", "serialNumber", "dnsNames", "emailAddresses", "ipAddresses", "uris", "extensions",
    "unknownExtKeyUsage", "subjectKeyId", "authorityKeyId", "ocspServer", "issuingCertificateURL",
    "crlDistributionPoints", "policyIdentifiers", "basicConstraints", "nameConstraints", "raw",
])  # fmt: skip


def told(ca: Deployment, issued: Issued) -> dict[str, Any]:
    """What was said of the certificate, without what is asserted here for all."""
    said: dict[str, Any] = ca.webhooks.bodies[-1]["x509Certificate"]
    certificate = issued.record.certificate
    dates = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert [said.pop("notBefore"), said.pop("notAfter")] == [f"{date:%Y-%m-%dT%H:%M:%SZ}" for date in dates]
    assert said.pop("publicKey") == spki(certificate)
    assert said.pop("publicKeyAlgorithm") in ("ECDSA", "RSA")
    assert (said.pop("version"), said.pop("issuer"), said.pop("signatureAlgorithm")) == (0, {}, "")
    return said


def test_an_authorizing_webhook_is_told_of_the_certificate(ca: Deployment) -> None:
    use_webhooks(ca, authorizing())
    names = ["a.test", "u@a.test", "10.0.0.1", "urn:x:1"]
    key = rsa.generate_private_key(65_537, 2_048)
    issued = ca.sign(make_csr("a.test", key=key), ca.admin.token("a.test", sans=names))
    assert told(ca, issued) == {
        **NOTHING,
        "subject": {"commonName": "a.test"},
        "sans": [
            {"type": "dns", "value": "a.test"},
            {"type": "ip", "value": "10.0.0.1"},
            {"type": "email", "value": "u@a.test"},
            {"type": "uri", "value": "urn:x:1"},
        ],
        "keyUsage": ["digitalSignature", "keyEncipherment"],
        "extKeyUsage": ["serverAuth", "clientAuth"],
    }
    assert "x509CertificateRequest" not in ca.webhooks.bodies[-1]


def test_an_authorizing_webhook_is_told_what_the_template_rendered(ca: Deployment) -> None:
    ca.webhooks.answers[PEOPLE] = WebhookAnswer(allow=True, data={"ou": "Eng"})
    use_webhooks(ca, enriching(), authorizing(), template=TEMPLATE)
    assert told(ca, sign(ca)) == {
        **NOTHING,
        "subject": {"organizationalUnit": ["Eng"], "commonName": "a.test"},
        "sans": [{"type": "dns", "value": "a.test"}],
        "keyUsage": ["digitalSignature"],
        "extKeyUsage": ["clientAuth"],
        "policyIdentifiers": ["1.2.3.4"],
        "basicConstraints": {"isCA": False, "maxPathLen": 0},
        "extensions": [{"id": "1.2.3.4.5", "critical": False, "value": "BQA="}],
    }


def test_names_of_unusual_types_are_told_as_the_extension_that_they_make(ca: Deployment) -> None:
    sans = '[{"type": "registeredID", "value": "1.2.3"}]'
    constraints = '{"critical": true, "permittedDNSDomains": "a.test"}'
    use_webhooks(
        ca, authorizing(), template=f'{{"subject": "a.test", "sans": {sans}, "nameConstraints": {constraints}}}'
    )
    issued = sign(ca)
    said = told(ca, issued)
    san = issued.record.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert said["extensions"] == [{"id": "2.5.29.17", "critical": False, "value": b64(san.value.public_bytes())}]
    assert said["sans"] == [{"type": "registeredID", "value": "1.2.3"}]
    assert said["nameConstraints"]["critical"] is True
    assert said["nameConstraints"]["permittedDNSDomains"] == ["a.test"]
    assert said["nameConstraints"]["excludedDNSDomains"] is None


def test_the_certificate_behind_an_x5c_token_is_told(ca: Deployment) -> None:
    use_webhooks(ca, enriching(), authorizing())
    ca.sign(make_csr(), ca.clients.token("a.test"))
    leaf = ca.clients.chain[0]
    for body in ca.webhooks.bodies:
        assert body["provisionerName"] == "clients"
        assert body["authorizationPrincipal"] == "leaf.example"
        assert body["x5cCertificate"] == {
            "raw": b64(leaf.public_bytes(Encoding.DER)),
            "publicKey": spki(leaf),
            "publicKeyAlgorithm": "ECDSA",
            "notBefore": f"{leaf.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}",
            "notAfter": f"{leaf.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
        }


def test_names_that_are_the_requests_are_told_as_steps_template_for_them_does(ca: Deployment) -> None:
    options = {"options": {"webhooks": [authorizing()]}, "admins": ["mike@x.example"]}
    ca.set_provisioners(**{"p-people": {**ca.idp.document, **options}})
    issued = ca.sign(make_csr("host", ["h.example", "i.example"]), ca.idp.token())
    said = told(ca, issued)
    assert said["subject"] == {"commonName": "host"}
    assert (said["sans"], said["dnsNames"]) == (None, ["h.example", "i.example"])
