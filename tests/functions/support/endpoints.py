"""How each endpoint answers, and what it reads: FastAPI cannot see it in handlers that work on the bare request.

One entry per handler, by its name: of paths and methods nothing is repeated here.
"""

from dataclasses import dataclass, field
from typing import Any

from stepless.errors import CAError, Forbidden, MalformedRequest, NotFound, NotSupported, TooLarge, Unauthenticated
from stepless.http.step_schemas import RekeyBody, RevokeBody, SignBody, StepBody

Schema = dict[str, Any]

JSON = "application/json"
PEM_FILE = "application/x-pem-file"
_PEM = r"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END CERTIFICATE-----\n"
_BASE64URL = "[A-Za-z0-9_-]+"
_INT64: Schema = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$"}


def _list_of(item: Schema, fewest: int) -> Schema:
    return {"type": "array", "items": item, "minItems": fewest}


def record(members: dict[str, Schema], *optional: str) -> Schema:
    """An object with exactly these members; the `optional` ones may be absent."""
    required = [name for name in members if name not in optional]
    return {"type": "object", "properties": members, "required": required, "additionalProperties": False}


_CERTIFICATE = _text(_PEM)
_CERTIFICATES = record({"crts": _list_of(_CERTIFICATE, 1)})
_COMPACT_JWE = _text(rf"{_BASE64URL}(\.{_BASE64URL}){{4}}")  # RFC 7516 §7.1
# Without `d`, which makes a key private (RFC 7518 §6.2.2).
_PUBLIC_KEY = record(
    {name: _text(_BASE64URL) for name in ("x", "y", "kid")}
    | {name: {"const": value} for name, value in {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256"}.items()}
)
_PROVISIONER = record({"type": {"const": "JWK"}, "name": _text(".+"), "key": _PUBLIC_KEY, "encryptedKey": _COMPACT_JWE})
_ISSUED = record(
    {
        "crt": _CERTIFICATE,
        "ca": _CERTIFICATE,
        "certChain": _list_of(_CERTIFICATE, 2),
        "tlsOptions": record(
            {
                "cipherSuites": _list_of(_text("TLS_[A-Z0-9_]+"), 1),
                "minVersion": {"type": "number"},
                "maxVersion": {"type": "number"},
                "renegotiation": {"type": "boolean"},
            }
        ),
    }
)
_DONE = record({"status": {"const": "ok"}})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One handler: its success, its refusals and what it reads, a renew token in place of a certificate perhaps."""

    schema: Schema
    status: int = 200
    media_type: str = JSON
    refusals: tuple[type[CAError], ...] = ()
    body: type[StepBody] | None = None
    query: dict[str, Schema] = field(default_factory=dict)
    renew_token: bool = False


ENDPOINTS = {
    "health": Endpoint(_DONE),
    "version": Endpoint(record({"version": _text(r"\d+\.\d+\.\d+.*")})),
    "root": Endpoint(record({"ca": _CERTIFICATE}), refusals=(NotFound,)),
    "roots": Endpoint(_CERTIFICATES, 201),
    "roots_pem": Endpoint(_text(f"({_PEM})+"), media_type=PEM_FILE),
    "federation": Endpoint(_CERTIFICATES, 201),
    "intermediates": Endpoint(_CERTIFICATES, 201),
    "intermediates_pem": Endpoint(_text(f"({_PEM})+"), media_type=PEM_FILE),
    "provisioners": Endpoint(
        record({"provisioners": _list_of(_PROVISIONER, 0), "nextCursor": _text("[0-9a-f]*")}),
        refusals=(MalformedRequest,),
        query={"cursor": {"type": "string"}, "limit": {"anyOf": [_INT64, {"const": ""}]}},
    ),
    "encrypted_key": Endpoint(record({"key": _COMPACT_JWE}), refusals=(NotFound,)),
    "post_sign": Endpoint(
        _ISSUED, 201, refusals=(MalformedRequest, Unauthenticated, Forbidden, TooLarge), body=SignBody
    ),
    "post_renew": Endpoint(_ISSUED, 201, refusals=(MalformedRequest, Unauthenticated, Forbidden), renew_token=True),
    "post_rekey": Endpoint(
        _ISSUED, 201, refusals=(MalformedRequest, Unauthenticated, Forbidden, TooLarge), body=RekeyBody
    ),
    "post_revoke": Endpoint(
        _DONE, refusals=(MalformedRequest, Unauthenticated, Forbidden, TooLarge, NotSupported), body=RevokeBody
    ),
}
