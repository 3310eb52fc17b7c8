"""AWS as far as its instance identity documents go: it signs, and its certificate is configured.

The tokens are those that `step` makes on an instance, where it asks the metadata service for document and signature.
"""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.interop.support.provisioners import b64url
from tests.interop.support.tokens import TOKEN_SECONDS, now_seconds

ACCOUNT = "123456789012"


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2048)


@cache
def certificate() -> bytes:
    """Return the certificate that verifies the documents, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ec2.amazonaws.com")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, _key().public_key(), 1, start, start + timedelta(days=36_500))
    return builder.sign(_key(), hashes.SHA256()).public_bytes(Encoding.PEM)


def provisioners(file: Path) -> list[dict[str, Any]]:
    """Return a provisioner for names of the request, and one for the instance's own.

    step-ca reads the certificate from `file`, which is written here.
    """
    file.write_bytes(certificate())
    both = {
        "type": "AWS",
        "accounts": [ACCOUNT],
        "disableTrustOnFirstUse": False,
        "iidRoots": str(file),
        "iidCertificates": base64.b64encode(certificate()).decode(),
    }
    return [
        {**both, "name": "amazon", "disableCustomSANs": False},
        {**both, "name": "amazon-own", "disableCustomSANs": True},
    ]


def token(url: str, subject: str, instance: str, provisioner: str = "amazon", account: str = ACCOUNT) -> str:
    """Return the token that `step` makes on an instance whose address is 10.1.2.3."""
    identity = {
        "accountId": account,
        "instanceId": instance,
        "pendingTime": "2026-01-01T00:00:00Z",
        "privateIp": "10.1.2.3",
        "region": "eu-west-1",
    }
    document = json.dumps(identity, indent=2).encode()
    signature = _key().sign(document, padding.PKCS1v15(), hashes.SHA256())
    at = now_seconds()
    claims = {
        "iss": "ec2.amazonaws.com",
        "sub": subject,
        "aud": [f"{url}/1.0/sign#aws/{provisioner}"],
        "iat": at,
        "nbf": at,
        "exp": at + TOKEN_SECONDS,
        "jti": hashlib.sha256(f"aws/{provisioner}.{instance}".encode()).hexdigest(),
        "amazon": {
            "document": base64.b64encode(document).decode(),
            "signature": base64.b64encode(signature).decode(),
        },
        "sans": None,
    }
    signed = ".".join(b64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed}.{b64url(hmac.digest(signature, signed.encode(), hashlib.sha256))}"
