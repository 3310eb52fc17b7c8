"""Tokens, keys and certificate requests as step makes them, prepared before anything is measured."""

import base64
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bench.processes import run, tool

_TOKEN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class ProvisionerKey:
    """The unlocked key of a JWK provisioner."""

    name: str
    key_id: str
    private: ec.EllipticCurvePrivateKey
    url: str

    def token(self, subject: str, operation: str) -> str:
        """A one-time token, with the claims that step writes."""
        at = int(time.time())  # noqa: TID251  # real servers judge it
        claims = {
            "aud": f"{self.url}/1.0/{operation}", "exp": at + _TOKEN_SECONDS, "iat": at, "nbf": at,
            "iss": self.name, "jti": secrets.token_hex(32), "sans": [subject], "sub": subject,
        }  # fmt: skip
        header = {"alg": "ES256", "kid": self.key_id, "typ": "JWT"}
        signed = f"{_base64url(json.dumps(header).encode())}.{_base64url(json.dumps(claims).encode())}"
        numbers = decode_dss_signature(self.private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64url(b''.join(number.to_bytes(32, 'big') for number in numbers))}"


def escrowed_key(provisioner: dict[str, Any], password: Path, url: str) -> ProvisionerKey:
    """Decrypt the key of a provisioner, given in step's JSON form, with step itself."""
    command: list[str | Path] = [tool("step"), "crypto", "jwe", "decrypt", "--password-file", password]
    jwk = json.loads(run(command, stdin=provisioner["encryptedKey"]))
    number = int.from_bytes(base64.urlsafe_b64decode(jwk["d"] + "=="), "big")
    private = ec.derive_private_key(number, ec.SECP256R1())
    return ProvisionerKey(provisioner["name"], provisioner["key"]["kid"], private, url)


@dataclass(frozen=True, slots=True)
class Wish:
    """One certificate to ask for, with a key and a token of its own."""

    name: str
    key: ec.EllipticCurvePrivateKey
    csr_pem: str
    token: str

    @property
    def body(self) -> bytes:
        """Of POST /sign."""
        return json.dumps({"csr": self.csr_pem, "ott": self.token}).encode()

    @property
    def key_pem(self) -> bytes:
        """The private key, for a client that shows the certificate."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def wish(provisioner: ProvisionerKey) -> Wish:
    """A certificate for a name that nobody has."""
    name = f"{secrets.token_hex(6)}.bench.internal"
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    csr = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    return Wish(name, key, csr, provisioner.token(name, "sign"))


def revocation(provisioner: ProvisionerKey, serial: int) -> bytes:
    """The body of POST /revoke for a serial number."""
    document = {"serial": str(serial), "ott": provisioner.token(str(serial), "revoke"), "passive": True}
    return json.dumps(document).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
