"""Forges one-time tokens of every kind, good and bad, with a provisioner's own key."""

import base64
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from tests.interop.support.authority import Authority
from tests.interop.support.http_client import Caller
from tests.interop.support.provisioners import b64url
from tests.interop.support.step_client import StepClient, read_key

# NumericDate in whole seconds, as step writes it.
TOKEN_SECONDS = 300


def now_seconds() -> int:
    """Return the wall clock: real servers judge these tokens."""
    return int(time.time())  # noqa: TID251 - no clock port reaches a real server


def sign_es256(key: ec.EllipticCurvePrivateKey, header: object, claims: object) -> str:
    """Return a compact JWS over `claims`, ES256 (RFC 7518 §3.4)."""
    parts = [b64url(json.dumps(part).encode()) for part in (header, claims)]
    der = key.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256()))
    raw = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(der))
    return ".".join([*parts, b64url(raw)])


def x5c_header(chain: Sequence[x509.Certificate]) -> list[str]:
    """Return certificates as a JOSE header carries them (RFC 7515 §4.1.6)."""
    return [base64.b64encode(cert.public_bytes(Encoding.DER)).decode() for cert in chain]


@dataclass(frozen=True, slots=True)
class ProvisionerKey:
    """The unlocked key of the first provisioner."""

    authority: Authority
    kid: str
    private: ec.EllipticCurvePrivateKey

    def claims(self, subject: str, operation: str, **changes: object) -> dict[str, Any]:
        """Return the claims `step ca token` writes, with changes; a change to None removes."""
        at = now_seconds()
        claims = {
            "iss": "admin",
            "sub": subject,
            "aud": f"{self.authority.url}/1.0/{operation}",
            "iat": at,
            "nbf": at,
            "exp": at + TOKEN_SECONDS,
            "jti": secrets.token_hex(32),
            "sha": self.authority.fingerprint,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, claims: Mapping[str, object], **header: object) -> str:
        """Return a token over exactly these claims."""
        return sign_es256(self.private, {"alg": "ES256", "kid": self.kid, "typ": "JWT", **header}, claims)

    def token(self, subject: str, operation: str = "sign", **changes: object) -> str:
        """Return a token; `changes` replace claims."""
        return self.sign(self.claims(subject, operation, **changes))


def unlock(client: StepClient) -> ProvisionerKey:
    """Fetch and decrypt the key of `admin` with step's own commands."""
    first = Caller(client.authority).get("/provisioners").json()["provisioners"][0]
    kid: str = first["key"]["kid"]
    jwe = client.step("ca", "provisioner", "jwe-key", kid).succeed().stdout
    password = client.authority.password_file
    command = ("crypto", "jwe", "decrypt", "--password-file", password)
    jwk = json.loads(client.step(*command, stdin=jwe).succeed().stdout)
    padded = jwk["d"] + "=" * (-len(jwk["d"]) % 4)
    number = int.from_bytes(base64.urlsafe_b64decode(padded), "big")
    return ProvisionerKey(client.authority, kid, ec.derive_private_key(number, ec.SECP256R1()))


def load_ec_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return the EC key of a PEM file."""
    key = read_key(path)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
