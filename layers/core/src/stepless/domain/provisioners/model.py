"""What every provisioner offers, and what a verified token of it grants."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from cryptography import x509

from stepless.domain.claims import Claims
from stepless.domain.csr import (
    CertificateRequest,
    check_common_name_allowed,
    check_names_among,
    check_names_match,
)
from stepless.domain.key_set import KeySet, KeySetSource
from stepless.domain.names import Name, classify_all
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.template import CertificateTemplate
from stepless.domain.token import SignedClaims, UntrustedToken
from stepless.domain.validity import Validity
from stepless.domain.webhook import Webhook
from stepless.errors import BadCSR


class RequestNames(StrEnum):
    """What the names in a certificate request count for, beside those of the token."""

    COMPARED = "compared"  # they must be the token's
    AMONG = "among"  # they must be among the token's, all of which go into the certificate, with its common name
    IGNORED = "ignored"
    GRANTED = "granted"  # the certificate is for them


@dataclass(frozen=True, slots=True)
class Grant:
    """What a verified token lets its bearer have.

    ``names`` go into the certificate; ``common_names`` are those that a request may state, where there are any or its
    names are compared. The certificate follows what ``for_request`` returns.

    ``template_subject`` and ``template_names`` are what a template is told; names if the token vouches for them.
    ``principal`` is what webhooks are told of the bearer where it is not in the request: a machine's id, say.
    ``stamp`` is for certificates that tell more of the bearer than of the provisioner. ``reusable`` is a token that is
    good for any number of certificates; ``spent_until`` is for a right that outlives its token.
    """

    claims: SignedClaims
    reuse_key: str
    common_names: tuple[str, ...]
    names: tuple[Name, ...]
    credential: Validity | None = None
    request_names: RequestNames = RequestNames.COMPARED
    may_revoke: bool = True
    requested_subject: str | None = None
    credential_certificate: x509.Certificate | None = None
    vouched_subject: str | None = None
    vouches_for_names: bool = True
    stamp: ProvisionerStamp | None = None
    reusable: bool = False
    spent_until: datetime | None = None
    principal: str = ""

    @property
    def template_subject(self) -> str:
        """The subject that the token vouches for."""
        return self.subject if self.vouched_subject is None else self.vouched_subject

    @property
    def template_names(self) -> tuple[Name, ...] | None:
        """The names that the token vouches for; ``None`` where they are the request's."""
        return self.names if self.vouches_for_names else None

    def spend_key(self, request_sha256: bytes) -> str:
        """What a request uses up; of a reusable token that is nothing but the very same request, which is no other."""
        if not self.reusable:
            return self.reuse_key
        return hashlib.sha256(self.reuse_key.encode() + b"\0" + request_sha256).hexdigest()

    @property
    def spend_until(self) -> datetime:
        """When what was used up does not count any more, as the clock of whoever made the token has it."""
        return self.spent_until or self.claims.expires_at

    @property
    def subject(self) -> str:
        """The common name of the certificate: the token's subject, unless the request's own was granted."""
        return self.claims.subject if self.requested_subject is None else self.requested_subject

    def for_request(self, request: CertificateRequest) -> Grant:
        """The grant for one request: held to it, or with its names where they are the ones that were granted.

        Raises:
            Forbidden: it asks for names that the token does not have.
            BadCSR, MalformedRequest: its names are granted, and no certificate can carry them.
        """
        if self.common_names or self.request_names is RequestNames.COMPARED:
            check_common_name_allowed(request, self.common_names)
        match self.request_names:
            case RequestNames.IGNORED:
                return self
            case RequestNames.COMPARED:
                check_names_match(request, self.names)
                return self
            case RequestNames.AMONG:
                check_names_among(request, self.names)
                return replace(self, requested_subject=request.common_name)
            case RequestNames.GRANTED:
                return replace(self, names=_certifiable(request), requested_subject=request.common_name)


def _certifiable(request: CertificateRequest) -> tuple[Name, ...]:
    """The names of a request by the rules for those of a token.

    A name must be what it says: a DNS name that reads as an address would mean different things to different readers.
    """
    if not request.common_name and not request.names:
        raise BadCSR("invalid csr: it names nobody")
    names = classify_all(name.value for name in request.names)
    strange = [name.value for name in request.names if name not in names]
    if strange:
        raise BadCSR(f"invalid csr: {strange[0][:64]!r} is not a name of the type that it is given as")
    return names


@dataclass(frozen=True, slots=True)
class EscrowedKey:
    """A provisioner's private key as a compact JWE that only its password opens (RFC 7516, PBES2)."""

    key_id: str
    encrypted_key: str


class Provisioner(Protocol):
    """A way to prove who asks.

    ``id`` never changes and is never used again, so a provisioner made anew under an old name does not inherit the old
    one's certificates. ``lookup_id`` is how tokens find it (step-ca's token-lookup id), ``fragment`` what the audience
    of its tokens must carry. A token is verified in two steps, so that the domain calls nobody: ``key_source`` says
    which keys that takes, and ``verify`` is given them.
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
    def names_authority(self) -> bool:
        """Whether its tokens name this authority in ``aud``; those of an identity provider name a client of it."""
        ...

    @property
    def claims(self) -> Claims:
        """Its effective claims."""
        ...

    @property
    def template(self) -> CertificateTemplate | None:
        """Its own certificate template, ``None`` for the type's default."""
        ...

    @property
    def policy(self) -> NamePolicy:
        """The names that it may certify, beside the authority's own policy."""
        ...

    @property
    def webhooks(self) -> tuple[Webhook, ...]:
        """The servers that are asked before one of its certificates is signed, in that order."""
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

    def key_source(self, token: UntrustedToken, *, now: datetime) -> KeySetSource | None:
        """Where the keys are that verify a token, ``None`` when nobody needs to be asked for them.

        What can be seen without them is checked first, so that garbage does not make the authority call out.

        Raises:
            Unauthenticated: a check failed.
        """
        ...

    def verify(self, token: UntrustedToken, *, now: datetime, keys: KeySet | None = None) -> Grant:
        """Verify everything about a token, but for an audience that names this authority.

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


def token_reuse_key(provisioner_id: str, token: UntrustedToken, claim: str | None = "jti") -> str:
    """What makes a token the same token: its ``jti``, or its hash when it has none, within one provisioner."""
    unique = (token.text_claim(claim) if claim else "") or token.sha256_hex
    return hashlib.sha256(f"{provisioner_id}\0{unique}".encode()).hexdigest()
