"""Certificate requests and one-time tokens, good and bad, made with real keys in memory."""

import base64
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from joserfc import jwe
from joserfc.jwk import OctKey

from tests.support.secret_list import SECRETS

RequestKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
P256 = ec.SECP256R1()
TOKEN_SECONDS = 300


def b64url(data: bytes) -> str:
    """Unpadded base64url (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def now_seconds() -> int:
    """A NumericDate of the wall clock, which is what the functions judge tokens by."""
    return int(time.time())  # noqa: TID251 - a running authority has a clock of its own


def make_csr(
    common_name: str | None,
    sans: Sequence[x509.GeneralName] | None = None,
    key: RequestKey | None = None,
) -> x509.CertificateSigningRequest:
    """A signed request; without `sans` it asks for its common name as a DNS name."""
    chosen = key or ec.generate_private_key(P256)
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    names = [x509.DNSName(common_name)] if sans is None and common_name else sans
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(chosen, None if isinstance(chosen, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def pem(thing: x509.CertificateSigningRequest | x509.Certificate) -> str:
    """PEM text."""
    return thing.public_bytes(Encoding.PEM).decode()


def csr_pem_of(der: bytes) -> str:
    """Any bytes in a `CERTIFICATE REQUEST` block."""
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"


def compact_jws(key: ec.EllipticCurvePrivateKey, header: object, claims: object) -> str:
    """A compact JWS with an ES256 signature, whatever the header says (RFC 7518 §3.4)."""
    parts = [b64url(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims)]
    r, s = decode_dss_signature(key.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256())))
    return ".".join([*parts, b64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))])


def x5c(*chain: x509.Certificate) -> list[str]:
    """Certificates as a JOSE header carries them (RFC 7515 §4.1.6)."""
    return [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode() for certificate in chain]


@dataclass(frozen=True, slots=True)
class Forge:
    """Makes tokens as the owner of the first provisioner's key does; every one of them is noted as a secret."""

    url: str
    kid: str
    key: ec.EllipticCurvePrivateKey

    def claims(self, subject: str, operation: str = "sign", **changes: object) -> dict[str, Any]:
        """The claims of `step ca token`; a change to None removes one."""
        at = now_seconds()
        claims = {
            "iss": "admin",
            "sub": subject,
            "aud": f"{self.url}/1.0/{operation}",
            "iat": at,
            "nbf": at,
            "exp": at + TOKEN_SECONDS,
            "jti": secrets.token_hex(32),
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, claims: object, **header: object) -> str:
        """A token over exactly these claims."""
        head = {"alg": "ES256", "kid": self.kid, "typ": "JWT", **header}
        return SECRETS.note(compact_jws(self.key, {k: v for k, v in head.items() if v is not None}, claims))

    def token(self, subject: str, operation: str = "sign", **changes: object) -> str:
        """A token; `changes` replace claims."""
        return self.sign(self.claims(subject, operation, **changes))

    def sign_body(self, subject: str, **members: object) -> dict[str, Any]:
        """The body of a POST /sign that succeeds, but for `members`; one of None is left out."""
        body = {"csr": pem(make_csr(subject)), "ott": self.token(subject), **members}
        return {name: value for name, value in body.items() if value is not None}

    def revoke_body(self, number: int, **members: object) -> dict[str, Any]:
        """The body of a POST /revoke by token."""
        return {"serial": str(number), "ott": self.token(str(number), "revoke"), "passive": True, **members}


def forge_for(url: str, provisioner: Mapping[str, Any], password: str) -> Forge:
    """Open the escrowed key of a provisioner as the public list shows it (RFC 7516, PBES2)."""
    registry = jwe.JWERegistry(algorithms=["PBES2-HS256+A128KW", "A256GCM"])
    opened = jwe.decrypt_compact(provisioner["encryptedKey"], OctKey.import_key(password.encode()), registry=registry)
    jwk = json.loads(opened.plaintext or b"")
    SECRETS.note(password)
    SECRETS.note(jwk["d"])
    number = int.from_bytes(base64.urlsafe_b64decode(jwk["d"] + "=" * (-len(jwk["d"]) % 4)), "big")
    return Forge(url, provisioner["key"]["kid"], ec.derive_private_key(number, P256))


def renew_token(
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    url: str,
    **changes: object,
) -> str:
    """A token that asks for renewal as `step ca renew --mtls=false` makes it; a change to None removes a claim."""
    at = now_seconds()
    subject = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    claims = {
        "iss": "step-ca-client/1.0",
        "sub": subject,
        "aud": f"{url}/renew",
        "iat": at,
        "nbf": at,
        "exp": at + TOKEN_SECONDS,
        "jti": secrets.token_hex(32),
        **changes,
    }
    header = {"alg": "ES256", "typ": "JWT", "x5cInsecure": x5c(certificate)}
    return SECRETS.note(compact_jws(key, header, {k: v for k, v in claims.items() if v is not None}))
