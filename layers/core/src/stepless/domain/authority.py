"""An authority: its names, certificates, claims and provisioners, as one immutable value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from stepless.domain.audience import Operation, audience_for
from stepless.domain.claims import Claims
from stepless.domain.issuance import authority_key_identifier
from stepless.domain.policy.engine import AUTHORITY_SCOPE, NamePolicy, ScopedPolicy, provisioner_scope
from stepless.domain.provisioners import Provisioner, UnusableProvisioner
from stepless.domain.provisioners.k8ssa import LEGACY_ISSUER, service_account_lookup_id
from stepless.domain.public_keys import sha256_hex
from stepless.domain.token import UntrustedToken
from stepless.domain.webhook import without_secrets
from stepless.errors import NotFound, Unauthenticated

DEFAULT_BACKDATE: Final = timedelta(minutes=1)
DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 100
_UID_LENGTH: Final = 40


@dataclass(frozen=True, slots=True)
class Intermediate:
    """An issuing CA certificate and the id of its key in the key store."""

    key_id: str
    certificate: x509.Certificate


@dataclass(frozen=True)
class Authority:
    """One private certificate authority.

    ``dns_names`` are the hosts that tokens may name (IP addresses included); the first of ``intermediates`` issues.
    """

    id: str
    name: str
    dns_names: tuple[str, ...]
    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[Intermediate, ...]
    provisioners: tuple[Provisioner | UnusableProvisioner, ...]
    claims: Claims = field(default_factory=Claims)
    federated_roots: tuple[x509.Certificate, ...] = ()
    backdate: timedelta = DEFAULT_BACKDATE
    policy: NamePolicy = field(default_factory=NamePolicy)

    @property
    def issuing(self) -> Intermediate:
        """The intermediate that signs now."""
        return self.intermediates[0]

    @cached_property
    def issuing_key_identifier(self) -> x509.AuthorityKeyIdentifier:
        """What certificates of this authority say of the key that signs them."""
        return authority_key_identifier(self.issuing.certificate)

    @cached_property
    def chain_pem(self) -> tuple[str, ...]:
        """The intermediates as PEM, issuer first: what follows the leaf in a chain."""
        return tuple(certificate_pem(intermediate.certificate) for intermediate in self.intermediates[:1])

    @cached_property
    def roots_by_fingerprint(self) -> Mapping[str, x509.Certificate]:
        """Own and federated roots by the hexadecimal SHA-256 of their DER."""
        roots = (*self.roots, *self.federated_roots)
        return {sha256_hex(root.public_bytes(Encoding.DER)): root for root in roots}

    @cached_property
    def _usable(self) -> tuple[Provisioner, ...]:
        return tuple(item for item in self.provisioners if not isinstance(item, UnusableProvisioner))

    @cached_property
    def _by_lookup_id(self) -> Mapping[tuple[bool, str], Provisioner]:
        return {(provisioner.names_authority, provisioner.lookup_id): provisioner for provisioner in self._usable}

    @cached_property
    def _by_name(self) -> Mapping[str, Provisioner]:
        return {provisioner.name: provisioner for provisioner in self._usable}

    @cached_property
    def _by_id(self) -> Mapping[str, Provisioner]:
        return {provisioner.id: provisioner for provisioner in self._usable}

    def provisioner_for(self, token: UntrustedToken, operation: Operation) -> Provisioner:
        """The provisioner that must verify a token, found by what the token claims of itself.

        A token that names this authority is looked up by its issuer and key id, or fragment, and by nothing else. Any
        other one was made by an identity provider for a client of it, which must be a provisioner's.

        Raises:
            Unauthenticated: the audience is not this authority and operation, or there is no such provisioner.
        """
        audience = audience_for(token.audiences, operation, self.dns_names)
        if audience is None:
            return self._provisioner_of_client(token, operation)
        lookup_id = audience.fragment or f"{token.text_claim('iss')}:{token.key_id}"
        provisioner = self._by_lookup_id.get((True, lookup_id))
        if provisioner is None or provisioner.fragment != audience.fragment:
            raise Unauthenticated("no provisioner of this authority has the token's issuer and key id, or fragment")
        return provisioner

    def _provisioner_of_client(self, token: UntrustedToken, operation: Operation) -> Provisioner:
        """The first that step-ca would find; it must be the one that verifies, there is no second try."""
        named_here = any(audience_for(token.audiences, other, self.dns_names) for other in Operation)
        for lookup_id in () if named_here else _foreign_lookup_ids(token):
            provisioner = self._by_lookup_id.get((False, lookup_id))
            if provisioner is not None:
                return provisioner
        hosts = ", ".join(self.dns_names)
        raise Unauthenticated(f"the token's audience is not {operation} at one of {hosts}, nor a provisioner's client")

    def provisioner_named(self, name: str) -> Provisioner | None:
        """The usable provisioner of that name."""
        return self._by_name.get(name)

    def provisioner_with_id(self, provisioner_id: str) -> Provisioner | None:
        """The usable provisioner of that id."""
        return self._by_id.get(provisioner_id)

    def policies_over(self, provisioner: Provisioner) -> tuple[ScopedPolicy, ...]:
        """The policies that must all allow the names of a provisioner's certificates, the nearest first."""
        return (
            ScopedPolicy(provisioner_scope(provisioner.name), provisioner.policy),
            ScopedPolicy(AUTHORITY_SCOPE, self.policy),
        )

    def encrypted_key(self, key_id: str) -> str:
        """The escrowed provisioner key for a JWK key id, as compact JWE.

        Raises:
            NotFound: no provisioner has that key, or it keeps no escrow.
        """
        for provisioner in self._usable:
            if provisioner.escrow is not None and provisioner.escrow.key_id == key_id:
                return provisioner.escrow.encrypted_key
        raise NotFound(f"provisioner with kid '{key_id[:128]}' was not found or has no encrypted key")

    def page_of_provisioners(self, cursor: str, limit: int) -> tuple[list[Mapping[str, Any]], str]:
        """A page of the public list and the cursor of the next one, empty at the end (step-ca's paging).

        ``limit`` is 20 when it is not positive, and 100 at most.
        """
        limit = DEFAULT_PAGE if limit <= 0 else min(limit, MAX_PAGE)
        start = cursor.rjust(_UID_LENGTH, "0")
        left = [(uid, item) for uid, item in self._listing if uid >= start]
        next_cursor = left[limit][0].lstrip("0") if len(left) > limit else ""
        return [item for _, item in left[:limit]], next_cursor

    @cached_property
    def _listing(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        return tuple(
            (
                f"{index:08x}{hashlib.sha1(item.id.encode(), usedforsecurity=False).hexdigest()[-32:]}",
                _public(item),
            )
            for index, item in enumerate(self.provisioners, start=1)
        )


def _foreign_lookup_ids(token: UntrustedToken) -> Iterator[str]:
    """What a token is found by that somebody else made: a cluster by itself, an identity provider by its clients.

    Clients are those that step-ca looks for, in its order.
    """
    yield service_account_lookup_id(token.text_claim("iss"))
    if token.text_claim("iss") == LEGACY_ISSUER:
        return
    first = token.audiences[:1]
    if not first:
        return
    yield token.text_claim("azp")
    if token.text_claim("tid"):  # Azure's: with e-mail it is a person's, otherwise a machine's of that tenant
        if token.text_claim("email"):
            yield from first
        yield token.text_claim("tid")
    yield from first


def _public(item: Provisioner | UnusableProvisioner) -> Mapping[str, Any]:
    """What everybody may read: no policy, which nobody needs to ask for a certificate, and no secret of a webhook."""
    shown = {key: value for key, value in item.document.items() if key != "policy"}
    document = {key: without_secrets(value) if str(key).lower() == "options" else value for key, value in shown.items()}
    if isinstance(item, UnusableProvisioner):
        return {**document, "state": "Uninitialized", "stateReason": item.reason}
    return document


def certificate_pem(certificate: x509.Certificate) -> str:
    """A certificate in PEM with its final line break."""
    return certificate.public_bytes(Encoding.PEM).decode()
