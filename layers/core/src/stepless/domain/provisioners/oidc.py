"""OIDC provisioner: people who log in to an identity provider (step-ca's ``OIDC``; OpenID Connect Core §3.1.3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Final, Self
from urllib.parse import quote

from stepless.domain.claims import Claims
from stepless.domain.key_set import KeySet, KeySetSource, check_signed_by_one_of, discovery_url
from stepless.domain.names import Name, NameType, classify_all
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners.model import Grant, RequestNames, token_reuse_key
from stepless.domain.template import CertificateTemplate
from stepless.domain.token import (
    SIGNATURE_ALGORITHMS,
    SignedClaims,
    UntrustedToken,
    read_foreign_claims,
)
from stepless.domain.webhook import Webhook
from stepless.errors import Unauthenticated

_MAX_CLIENT_ID_LENGTH: Final = 256  # it is part of a sort key
_MAX_PORT: Final = 65_535
_TEXTS: Final = ("clientID", "clientSecret", "configurationEndpoint", "tenantID", "listenAddress")
_LISTS: Final = ("admins", "domains", "groups", "scopes", "authParams")
# What Go leaves as it is in the fragment of a URL, as step-ca writes it, beside letters, digits and ``-._~``.
_FRAGMENT_SAFE: Final = "$&+,/:;=?@!()*"


@dataclass(frozen=True)
class OIDCProvisioner:
    """Trusts an identity provider's word on who has logged in to one of its clients.

    People get a certificate for what the provider says of them; ``admins`` get one for the names that they ask for.
    """

    type: ClassVar[str] = "OIDC"
    fragment: ClassVar[str] = ""
    names_authority: ClassVar[bool] = False
    escrow: ClassVar[None] = None

    id: str
    name: str
    claims: Claims
    document: Mapping[str, Any]
    client_id: str
    source: KeySetSource
    tenant_id: str
    admins: frozenset[str]
    domains: tuple[str, ...]
    groups: frozenset[str]
    template: CertificateTemplate | None = None
    policy: NamePolicy = field(default_factory=NamePolicy)
    webhooks: tuple[Webhook, ...] = ()

    @classmethod
    def from_document(cls, provisioner_id: str, document: Mapping[str, Any], claims: Claims) -> Self:
        """Read step's JSON form. Unless its claims say otherwise its certificates are not renewed: people log in again.

        Raises:
            ValueError: it says which field is missing or wrong.
        """
        _check_fields(document)
        client_id = document.get("clientID") or ""
        if not 0 < len(client_id) <= _MAX_CLIENT_ID_LENGTH or not client_id.isprintable():
            msg = f"clientID: printable text of 1 to {_MAX_CLIENT_ID_LENGTH} characters is required"
            raise ValueError(msg)
        _check_listen_address(document.get("listenAddress") or "")
        try:
            source = KeySetSource(document["name"], discovery_url(document.get("configurationEndpoint") or ""))
        except ValueError as error:
            msg = f"configurationEndpoint: {error}"
            raise ValueError(msg) from error
        if (document.get("claims") or {}).get("disableRenewal") is None:
            claims = replace(claims, disable_renewal=True)
        return cls(
            provisioner_id,
            document["name"],
            claims,
            # step's client wants a text there; it is no secret, as everybody's client holds it.
            {**document, "clientSecret": document.get("clientSecret") or ""},
            client_id,
            source,
            tenant_id=document.get("tenantID") or "",
            admins=frozenset(map(_lower_domain, document.get("admins") or ())),
            domains=tuple(domain.lower() for domain in document.get("domains") or ()),
            groups=frozenset(document.get("groups") or ()),
        )

    @property
    def lookup_id(self) -> str:
        """The client that a token was made for."""
        return self.client_id

    @property
    def stamp(self) -> ProvisionerStamp:
        """Type number 2, with the client as credential."""
        return ProvisionerStamp(2, self.name, self.client_id)

    def key_source(self, token: UntrustedToken, *, now: datetime) -> KeySetSource:
        """The provider's key set, once the token is one that it could have made for this client, and made lately.

        Raises:
            Unauthenticated: another client's, expired, too old, or with an algorithm that is never taken.
        """
        self._check_unsigned(token, now=now)
        return self.source

    def _check_unsigned(self, token: UntrustedToken, *, now: datetime) -> SignedClaims:
        if token.header.get("alg") not in SIGNATURE_ALGORITHMS:
            raise Unauthenticated(f"the token's algorithm {token.header.get('alg')!r} is not taken")
        if self.client_id not in token.audiences:
            raise Unauthenticated("the token's audience is not the provisioner's client")
        if token.claims.get("azp") not in (None, self.client_id):
            raise Unauthenticated("the token's authorized party (azp) is not the provisioner's client")
        return read_foreign_claims(token, now=now)

    def verify(self, token: UntrustedToken, *, now: datetime, keys: KeySet | None = None) -> Grant:
        """Signature, issuer, client and times; then whether this person may have a certificate, and for which names.

        Raises:
            Unauthenticated: any check failed.
            MalformedRequest: the person's e-mail address is one that no certificate may carry.
        """
        claims = self._check_unsigned(token, now=now)
        if keys is None:
            raise Unauthenticated("there are no keys to verify the token with")
        check_signed_by_one_of(keys, token)
        if claims.issuer != self._issuer(keys):
            raise Unauthenticated("the token's issuer is not the provisioner's identity provider")
        email, groups = _email(claims.all), _groups(claims.all)
        is_admin = bool(self.admins & ({_lower_domain(email.value)} if email else set()) | self.admins & groups)
        self._check_person(email, groups, is_admin=is_admin)
        return Grant(
            claims=claims,
            # A nonce is unique for the one who chose it; a provider hands out whatever its client's clients choose.
            reuse_key=token_reuse_key(f"{self.id}\0{claims.subject}", token, "nonce"),
            common_names=(),
            names=_names(claims, email),
            request_names=RequestNames.GRANTED if is_admin and self.template is None else RequestNames.IGNORED,
            may_revoke=is_admin,
        )

    def _issuer(self, keys: KeySet) -> str:
        """The provider's name; one of many tenants has the tenant's place in it."""
        return keys.issuer.replace("{tenantid}", self.tenant_id) if self.tenant_id else keys.issuer

    def _check_person(self, email: Name | None, groups: frozenset[str], *, is_admin: bool) -> None:
        domain = email.value.rpartition("@")[2].lower() if email else None
        if self.domains and not is_admin and domain not in self.domains:
            raise Unauthenticated("the token has no verified e-mail address of a domain that the provisioner allows")
        if self.groups and not self.groups & groups:
            raise Unauthenticated("the token has no group that the provisioner allows")


def _email(claims: Mapping[str, Any]) -> Name | None:
    """The person's e-mail address, unless the provider says that it does not know whether it is theirs."""
    value = claims.get("email")
    # Some providers write the boolean as text; those that leave it out have no addresses but their own.
    if not isinstance(value, str) or not value or claims.get("email_verified", True) not in (True, "true"):
        return None
    (name,) = classify_all([value])
    return name if name.type is NameType.EMAIL else None


def _groups(claims: Mapping[str, Any]) -> frozenset[str]:
    value = claims.get("groups")
    return frozenset(group for group in value if isinstance(group, str)) if isinstance(value, list) else frozenset()


def _names(claims: SignedClaims, email: Name | None) -> tuple[Name, ...]:
    """The address, and the person's name at the provider as a URI."""
    uri = f"{claims.issuer}#{quote(claims.subject, safe=_FRAGMENT_SAFE)}"
    return classify_all([*([email.value] if email else []), uri])


def _lower_domain(email: str) -> str:
    """An e-mail address with its domain in lower case: before the ``@`` case may matter; a group stays as it is."""
    local, at, domain = email.rpartition("@")
    return f"{local}@{domain.lower()}" if at else email


def _check_fields(document: Mapping[str, Any]) -> None:
    """Hold the fields to the types that step's client decodes: one that differs would make its whole list unreadable.

    Raises:
        ValueError: a field of another type, or one that is spelled in another case and so would not count here.
    """
    for key, value in document.items():
        known = next((name for name in (*_TEXTS, *_LISTS) if name.lower() == key.lower()), key)
        if known != key:
            msg = f"{key}: is spelled {known}"
            raise ValueError(msg)
        if value is None:
            continue
        if key in _TEXTS and not isinstance(value, str):
            msg = f"{key}: must be text"
            raise ValueError(msg)
        if key in _LISTS and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            msg = f"{key}: must be a list of texts"
            raise ValueError(msg)
        if key in ("admins", "domains", "groups") and "" in value:
            msg = f"{key}: has an empty text"
            raise ValueError(msg)


def _check_listen_address(address: str) -> None:
    port = address.rpartition(":")[2]
    if address and not (":" in address and port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
        msg = "listenAddress: must be like 127.0.0.1:10000 or :10000"
        raise ValueError(msg)
