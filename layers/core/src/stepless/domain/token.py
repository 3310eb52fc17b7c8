"""One-time tokens: from untrusted text to verified claims (RFC 7515, RFC 7519, step's token claims).

``UntrustedToken`` may choose which provisioner verifies it and nothing else; only ``verify`` makes ``SignedClaims``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from stepless.domain.json_text import parse_object
from stepless.domain.public_keys import SubjectPublicKey
from stepless.errors import Unauthenticated

MAX_TOKEN_LENGTH: Final = 32_768
LEEWAY: Final = timedelta(seconds=60)
# step itself makes tokens of at most one hour; a longer one is a mistake or a theft waiting to happen.
MAX_LIFETIME: Final = timedelta(hours=1)
# No ``none``, and nothing symmetric: a public key is no secret (RFC 8725 §2.1).
SIGNATURE_ALGORITHMS: Final = frozenset({
    "EdDSA", "Ed25519", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512",
})  # fmt: skip
_SEGMENTS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_LAST_INSTANT: Final = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
VerificationKey = ECKey | OKPKey | RSAKey


@dataclass(frozen=True, slots=True)
class UntrustedToken:
    """A compact JWS taken apart; nothing in it is proven."""

    compact: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def sha256_hex(self) -> str:
        """The hash of what is signed: the token's name in logs, and its reuse key when it has no ``jti``."""
        # Without the signature, which whoever holds the token can write in other ways that verify too.
        return hashlib.sha256(self.compact.rpartition(".")[0].encode()).hexdigest()

    @property
    def key_id(self) -> str:
        """The ``kid`` header, empty when there is none."""
        key_id = self.header.get("kid", "")
        return key_id if isinstance(key_id, str) else ""

    @property
    def audiences(self) -> tuple[str, ...]:
        """The ``aud`` claim, a string or an array of strings (RFC 7519 §4.1.3)."""
        audience = self.claims.get("aud", ())
        values = (audience,) if isinstance(audience, str) else audience
        return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list | tuple) else ()

    def text_claim(self, name: str) -> str:
        """A claim that must be text, empty when it is missing or of another type."""
        value = self.claims.get(name, "")
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class SignedClaims:
    """The claims of a token whose signature, times, issuer and subject were verified."""

    issuer: str
    subject: str
    sans: tuple[str, ...]
    expires_at: datetime
    confirmation: str | None
    all: Mapping[str, Any]


def parse_token(compact: str) -> UntrustedToken:
    """Take a compact JWS apart, bounded in size; white space around it is ignored.

    Raises:
        Unauthenticated: not a compact JWS with two JSON objects in it, or one that asks for extensions we lack.
    """
    compact = compact.strip()
    match = _SEGMENTS.fullmatch(compact) if len(compact) <= MAX_TOKEN_LENGTH else None
    if match is None:
        raise Unauthenticated("the token is not a compact JWS")
    header, claims = _json_segment(match[1]), _json_segment(match[2])
    if "crit" in header or "b64" in header:
        raise Unauthenticated("the token demands a JWS extension that is not supported")
    return UntrustedToken(compact, header, claims)


def _json_segment(segment: str) -> dict[str, Any]:
    try:
        return parse_object(base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True))
    except ValueError as error:
        raise Unauthenticated("a segment of the token is not base64url of a JSON object") from error


def algorithms_for(key: SubjectPublicKey) -> tuple[str, ...]:
    """The JWS algorithms that a key may verify: never chosen by the token alone (RFC 8725 §3.1)."""
    match key:
        case ec.EllipticCurvePublicKey():
            return {"secp256r1": ("ES256",), "secp384r1": ("ES384",), "secp521r1": ("ES512",)}.get(key.curve.name, ())
        case ed25519.Ed25519PublicKey():
            return ("EdDSA", "Ed25519")
        case rsa.RSAPublicKey():
            return ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")


def verification_key(key: SubjectPublicKey) -> VerificationKey:
    """A public key as the JOSE library takes it."""
    match key:
        case ec.EllipticCurvePublicKey():
            return ECKey.import_key(key)
        case ed25519.Ed25519PublicKey():
            return OKPKey.import_key(key)
        case rsa.RSAPublicKey():
            return RSAKey.import_key(key)


def verify_signature(token: UntrustedToken, key: VerificationKey, algorithms: Iterable[str]) -> None:
    """Check the token's signature with one key and an allow-list of algorithms.

    Raises:
        Unauthenticated: the algorithm is not on the list, or the signature is wrong.
    """
    allowed = list(algorithms)
    if token.header.get("alg") not in allowed:
        raise Unauthenticated(f"the token's algorithm {token.header.get('alg')!r} does not fit the key")
    registry = jws.JWSRegistry(algorithms=allowed, strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = MAX_TOKEN_LENGTH
    try:
        jws.deserialize_compact(token.compact, key, registry=registry)
    except (JoseError, ValueError) as error:
        raise Unauthenticated("the token's signature is wrong") from error


def read_claims(token: UntrustedToken, *, now: datetime) -> SignedClaims:
    """The claims of a token after ``verify_signature``: ``exp`` is required and at most an hour after the start.

    Does not check ``iss`` and ``aud``, which each provisioner compares with its own.

    Raises:
        Unauthenticated: expired, not valid yet, without subject, of unlimited or too long a life, or of odd types.
    """
    return _claims(token, check_times(token, now=now, require_expiry=True))


def read_foreign_claims(token: UntrustedToken, *, now: datetime) -> SignedClaims:
    """As ``read_claims``, for a token that an identity provider made: see ``check_age``."""
    return _claims(token, check_age(token, now=now))


def read_lasting_claims(token: UntrustedToken, *, now: datetime, require_expiry: bool) -> SignedClaims:
    """As ``read_claims``, for a token that may be used again until its maker makes another, and so may be old.

    The expiry is that of what was done with it now: at most an hour away.

    Raises:
        Unauthenticated: as for ``read_claims``, but for the length of its life.
    """
    expires_at = check_times(token, now=now, require_expiry=require_expiry, longest=None)
    return _claims(token, min(expires_at, now + MAX_LIFETIME))


def _claims(token: UntrustedToken, expires_at: datetime) -> SignedClaims:
    subject, issuer = token.text_claim("sub"), token.text_claim("iss")
    if not subject:
        raise Unauthenticated("the token has no subject")
    sans = token.claims.get("sans") or [subject]
    if not isinstance(sans, list) or not all(isinstance(san, str) for san in sans):
        raise Unauthenticated("the token's sans are not a list of strings")
    confirmation = token.claims.get("cnf") or {}
    fingerprint = confirmation.get("x5rt#S256") if isinstance(confirmation, dict) else None
    # A confirmation that is not understood must not be ignored (RFC 7800 §3.1).
    if confirmation and not (isinstance(fingerprint, str) and fingerprint):
        raise Unauthenticated("the token's cnf claim has no x5rt#S256 fingerprint")
    return SignedClaims(issuer, subject, tuple(sans), expires_at, fingerprint, token.claims)


def check_age(token: UntrustedToken, *, now: datetime) -> datetime:
    """Check the times of a token that an identity provider made, and that lives as long as its maker likes.

    Here it counts in the first hour after it was issued, as a token of step would. Returns the end of that, or of the
    token if it comes first: until then it must be remembered as spent.

    Raises:
        Unauthenticated: as ``check_times``; or it does not tell when it was issued, or that was too long ago.
    """
    expires_at = check_times(token, now=now, require_expiry=True, longest=None)
    issued_at = _instant(token, "iat")
    if issued_at is None:
        raise Unauthenticated("the token does not tell when it was issued (iat)")
    if now - LEEWAY > issued_at + MAX_LIFETIME:
        raise Unauthenticated(f"the token was issued more than {MAX_LIFETIME} ago")
    return min(expires_at, issued_at + MAX_LIFETIME)


def check_times(
    token: UntrustedToken, *, now: datetime, require_expiry: bool, longest: timedelta | None = MAX_LIFETIME
) -> datetime:
    """Check ``exp``, ``nbf`` and ``iat`` with step's leeway of one minute; returns the expiry.

    Without ``exp`` (which only renew tokens may lack) the expiry is the longest life that a token may have. A token
    that lives longer than ``longest`` is refused.

    Raises:
        Unauthenticated: ``token is expired (exp)``, ``token not valid yet (nbf)``, ``token issued in the future (iat)``
            as step-ca words them, or a date of the wrong type.
    """
    expires, not_before, issued = (_instant(token, claim) for claim in ("exp", "nbf", "iat"))
    if not_before is not None and now + LEEWAY < not_before:
        raise Unauthenticated("token not valid yet (nbf)")
    if expires is not None and now - LEEWAY > expires:
        raise Unauthenticated("token is expired (exp)")
    if issued is not None and now + LEEWAY < issued:
        raise Unauthenticated("token issued in the future (iat)")
    if expires is None:
        if require_expiry:
            raise Unauthenticated("the token has no expiry (exp)")
        return now + MAX_LIFETIME
    start = max((at for at in (not_before, issued) if at is not None), default=now)
    if longest is not None and expires - start > longest:
        raise Unauthenticated(f"the token lives longer than {longest}")
    return expires


def _instant(token: UntrustedToken, claim: str) -> datetime | None:
    value = token.claims.get(claim)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LAST_INSTANT:
        raise Unauthenticated(f"the token's {claim} is not a date")
    return datetime.fromtimestamp(int(value), UTC)
