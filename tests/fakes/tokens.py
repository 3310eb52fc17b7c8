"""One-time tokens as step's command line makes them, and with any change that a test wants."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.fakes.clock import NOW
from tests.fakes.jose import jws, public_jwk
from tests.fakes.private_keys import PrivateKey, p256

HOST: Final = "ca.example"
TOKEN_SECONDS: Final = 300
_AT: Final = int(NOW.timestamp())


def x5c_header(chain: Sequence[x509.Certificate]) -> list[str]:
    """Certificates as a JOSE header carries them (RFC 7515 §4.1.6)."""
    return [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode() for certificate in chain]


def without_missing(claims: dict[str, Any]) -> dict[str, Any]:
    """The claims that are not ``None``: a change to ``None`` takes a claim away."""
    return {name: value for name, value in claims.items() if value is not None}


def step_claims(issuer: str, subject: str, audience: str, **changes: object) -> dict[str, Any]:
    """The claims that ``step ca token`` writes; times are seconds since the epoch."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "iat": _AT,
        "nbf": _AT,
        "exp": _AT + TOKEN_SECONDS,
        "jti": secrets.token_hex(32),
        "sha": "00" * 32,
        "user": {},
        **changes,
    }
    return without_missing(claims)


@dataclass(frozen=True)
class JWKTokens:
    """Makes the tokens of a JWK provisioner."""

    name: str = "admin"
    key: PrivateKey = field(default_factory=p256)
    algorithm: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The provisioner in step's JSON form."""
        return {"type": "JWK", "name": self.name, "key": public_jwk(self.key)}

    @property
    def key_id(self) -> str:
        """The key's thumbprint."""
        key_id: str = public_jwk(self.key)["kid"]
        return key_id

    def sign(self, claims: object, **header: object) -> str:
        """A token over exactly these claims; header fields of ``None`` are left out."""
        stated = without_missing({"kid": self.key_id, "typ": "JWT", **header})
        return jws(stated, claims, self.key, self.algorithm)

    def token(self, subject: str = "leaf.example", operation: str = "sign", **changes: object) -> str:
        """A token as step makes it; ``changes`` replace claims, ``None`` removes them."""
        return self.sign(step_claims(self.name, subject, f"https://{HOST}/1.0/{operation}", **changes))


@dataclass(frozen=True)
class X5CTokens:
    """Makes the tokens of an X5C provisioner with one client certificate."""

    name: str
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey
    roots: tuple[x509.Certificate, ...]
    algorithm: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The provisioner in step's JSON form: ``roots`` is base64 of concatenated PEM."""
        pem = b"".join(root.public_bytes(Encoding.PEM) for root in self.roots)
        return {"type": "X5C", "name": self.name, "roots": base64.b64encode(pem).decode()}

    def sign(self, claims: object, **header: object) -> str:
        """A token over exactly these claims; the key id is a file name, as step writes it."""
        stated = without_missing({"kid": "x5c.key", "typ": "JWT", "x5c": x5c_header(self.chain), **header})
        return jws(stated, claims, self.key, self.algorithm)

    def token(self, subject: str = "leaf.example", operation: str = "sign", **changes: object) -> str:
        """A token as step makes it."""
        audience = f"https://{HOST}/1.0/{operation}#x5c/{self.name}"
        return self.sign(step_claims(self.name, subject, audience, **changes))


def renew_token(certificate: x509.Certificate, key: PrivateKey, **changes: object) -> str:
    """The token of ``step ca renew --mtls=false``: no ``jti``, no ``/1.0``, the certificate in ``x5cInsecure``."""
    common_names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    claims: dict[str, Any] = {
        "iss": "step-ca-client/1.0",
        "sub": str(common_names[0].value) if common_names else "",
        "aud": f"https://{HOST}/renew",
        "iat": _AT,
        "nbf": _AT,
        "exp": _AT + TOKEN_SECONDS,
        **changes,
    }
    header = {"typ": "JWT", "kid": public_jwk(key)["kid"], "x5cInsecure": x5c_header([certificate])}
    return jws(header, without_missing(claims), key)
