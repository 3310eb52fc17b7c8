"""What every provisioner offers, and what a verified token of it grants."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from stepless.domain.claims import Claims
from stepless.domain.names import Name
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.token import SignedClaims, UntrustedToken
from stepless.domain.validity import Validity


@dataclass(frozen=True, slots=True)
class Grant:
    """What a verified token lets its bearer have.

    ``names`` go into the certificate whatever the request asks; ``common_names`` are those that the request may state.
    """

    claims: SignedClaims
    reuse_key: str
    common_names: tuple[str, ...]
    names: tuple[Name, ...]
    credential: Validity | None = None


@dataclass(frozen=True, slots=True)
class EscrowedKey:
    """A provisioner's private key as a compact JWE that only its password opens (RFC 7516, PBES2)."""

    key_id: str
    encrypted_key: str


class Provisioner(Protocol):
    """A way to prove who asks.

    ``id`` never changes and is never used again, so a provisioner made anew under an old name does not inherit the old
    one's certificates. ``lookup_id`` is how tokens find it (step-ca's token-lookup id), ``fragment`` what the audience
    of its tokens must carry.
    """

    @property
    def id(self) -> str:
        """Never changes and is never used again."""
        ...

    @property
    def name(self) -> str:
        """Unique in the authority; a certificate carries it."""
        ...

    @property
    def type(self) -> str:
        """Step's word for the type."""
        ...

    @property
    def lookup_id(self) -> str:
        """What a token is found by."""
        ...

    @property
    def fragment(self) -> str:
        """What the audience of its tokens carries after ``#``, empty for none."""
        ...

    @property
    def claims(self) -> Claims:
        """Its effective claims."""
        ...

    @property
    def stamp(self) -> ProvisionerStamp:
        """What its certificates say of it."""
        ...

    @property
    def document(self) -> Mapping[str, Any]:
        """Step's JSON form, public."""
        ...

    @property
    def escrow(self) -> EscrowedKey | None:
        """Its private key, encrypted, when it is kept here."""
        ...

    def verify(self, token: UntrustedToken, *, now: datetime) -> Grant:
        """Verify everything about a token but its audience.

        Raises:
            Unauthenticated: any check failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class UnusableProvisioner:
    """A provisioner whose settings this version cannot use: it is listed, with the reason, and vouches for nobody."""

    id: str
    name: str
    document: Mapping[str, Any]
    reason: str


def token_reuse_key(provisioner_id: str, token: UntrustedToken) -> str:
    """What makes a token the same token: its ``jti``, or its hash when it has none, within one provisioner."""
    unique = token.text_claim("jti") or token.sha256_hex
    return hashlib.sha256(f"{provisioner_id}\0{unique}".encode()).hexdigest()
