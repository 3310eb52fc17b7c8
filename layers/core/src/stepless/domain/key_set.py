"""Key sets that identity providers publish: where they are, and which of their keys verify (RFC 7517 §5).

Discovery itself is OpenID Connect Discovery 1.0 §4; what it answers is read here, how it is fetched is not known here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from stepless.domain.public_keys import check_public_key
from stepless.domain.token import UntrustedToken, VerificationKey, algorithms_for, verify_signature
from stepless.errors import CAError, Unauthenticated

# Providers publish a handful; a set that has more of them is none of ours to search through.
MAX_KEYS: Final = 100
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_MAX_URL: Final = 2_048


@dataclass(frozen=True, slots=True)
class KeySetSource:
    """Where the keys of a provisioner's tokens are published; its name is for messages only."""

    provisioner: str
    discovery_url: str


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key that may verify tokens, with the algorithms that it may be used with."""

    key_id: str
    key: VerificationKey
    algorithms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeySet:
    """An identity provider's own name, and its keys."""

    issuer: str
    keys: tuple[PublishedKey, ...]

    def named(self, key_id: str) -> tuple[PublishedKey, ...]:
        """The keys of an id; no id finds those that have none."""
        return tuple(key for key in self.keys if key.key_id == key_id)


def check_signed_by_one_of(keys: KeySet, token: UntrustedToken) -> None:
    """Check the token's signature with the keys of its key id.

    Raises:
        Unauthenticated: there are none, or none of them made it.
    """
    named = keys.named(token.key_id)
    if not named:
        raise Unauthenticated("the identity provider has no key of the token's key id")
    check_signed_by_any(named, token)  # one id for several keys is rare, and permitted


def check_signed_by_any(keys: Sequence[PublishedKey], token: UntrustedToken) -> None:
    """Check the token's signature with some keys, of which there is at least one.

    Raises:
        Unauthenticated: none of them made it.
    """
    for key in keys[:-1]:
        try:
            return verify_signature(token, key.key, key.algorithms)
        except Unauthenticated:
            continue
    return verify_signature(token, keys[-1].key, keys[-1].algorithms)


def discovery_url(endpoint: str) -> str:
    """The address of a provider's configuration: the well-known path is added where it is missing, as step does.

    Raises:
        ValueError: the endpoint is not an address that may be called.
    """
    parts = check_address(endpoint)
    if _WELL_KNOWN in parts.path:
        return endpoint
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + _WELL_KNOWN))


def check_address(url: str) -> SplitResult:
    """An address that the authority may call: HTTPS, or HTTP on this very machine.

    Raises:
        ValueError: it is another one, or names a user.
    """
    parts = urlsplit(url) if len(url) <= _MAX_URL and url.isascii() and url.isprintable() and " " not in url else None
    if parts is None or not parts.hostname or parts.username is not None or "#" in url or "\\" in url:
        msg = f"{url[:256]!r} is not an address such as https://idp.example"
        raise ValueError(msg)
    _ = parts.port  # raises ValueError when it is none
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        msg = f"{url[:256]!r} must begin with https:// (http:// is for loopback addresses only)"
        raise ValueError(msg)
    return parts


def check_key_set_address(url: object, found_at: str) -> str:
    """The address of a key set that a configuration states; only one on this machine may lead to this machine.

    Raises:
        ValueError: it may not be called.
    """
    if not isinstance(url, str):
        msg = "the configuration has no jwks_uri"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong document
    if check_address(url).scheme == "http" and urlsplit(found_at).scheme != "http":
        msg = f"{url[:256]!r} must begin with https:// as the configuration's own address does"
        raise ValueError(msg)
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_keys(document: Mapping[str, Any]) -> tuple[PublishedKey, ...]:
    """The keys of a JWK set that may verify signatures; others, which a set may hold as well, are left out.

    Raises:
        ValueError: it is not a JWK set.
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        msg = f"not a JWK set of at most {MAX_KEYS} keys"
        raise ValueError(msg)
    return tuple(key for key in map(_read_key, listed) if key is not None)


def _read_key(jwk: object) -> PublishedKey | None:
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    key_id, stated, operations = jwk.get("kid", ""), jwk.get("alg"), jwk.get("key_ops", ["verify"])
    if not isinstance(key_id, str) or not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        key = import_key(jwk)
        if not isinstance(key, ECKey | OKPKey | RSAKey) or key.is_private:
            return None
        algorithms = algorithms_for(check_public_key(key.public_key))
    # The library looks curves and kinds up in tables without asking whether they are there.
    except (JoseError, ValueError, TypeError, LookupError, CAError):
        return None
    allowed = tuple(name for name in algorithms if stated is None or name == stated)
    return PublishedKey(key_id, key, allowed) if allowed else None
