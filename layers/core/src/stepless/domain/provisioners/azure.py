"""Azure provisioner: virtual machines and managed identities by their access tokens (step-ca's ``Azure``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Self

from stepless.domain.audience import is_steps_own
from stepless.domain.claims import Claims
from stepless.domain.key_set import KeySet, KeySetSource, check_signed_by_one_of, discovery_url
from stepless.domain.names import classify_all
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners.fields import text_list
from stepless.domain.provisioners.instance import Instance, InstanceRules, TokenUse, instance_grant, read_rules
from stepless.domain.provisioners.model import Grant, token_reuse_key
from stepless.domain.template import CertificateTemplate
from stepless.domain.token import SIGNATURE_ALGORITHMS, SignedClaims, UntrustedToken, read_lasting_claims
from stepless.domain.webhook import Webhook
from stepless.errors import Unauthenticated

_LOGIN: Final = "https://login.microsoftonline.com"
_AUDIENCE: Final = "https://management.azure.com/"
# A GUID or a domain; it is part of an address.
_TENANT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,126}[A-Za-z0-9])?")
_MIRID: Final = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/"
    r"Microsoft\.(?:Compute/virtualMachines|ManagedIdentity/userAssignedIdentities)/([^/]+)",
    re.IGNORECASE,
)
_MAX_AUDIENCE: Final = 512


@dataclass(frozen=True, slots=True)
class _Resource:
    """A machine or a managed identity, and the id of its principal in the directory."""

    path: str
    subscription: str
    group: str
    name: str
    object_id: str


@dataclass(frozen=True)
class AzureProvisioner:
    """Trusts a tenant's word on which of its machines or managed identities asks."""

    type: ClassVar[str] = "Azure"
    fragment: ClassVar[str] = ""
    names_authority: ClassVar[bool] = False
    escrow: ClassVar[None] = None

    id: str
    name: str
    claims: Claims
    document: Mapping[str, Any]
    tenant_id: str
    audience: str
    groups: frozenset[str]
    subscriptions: frozenset[str]
    objects: frozenset[str]
    rules: InstanceRules
    template: CertificateTemplate | None = None
    policy: NamePolicy = field(default_factory=NamePolicy)
    webhooks: tuple[Webhook, ...] = ()

    @classmethod
    def from_document(cls, provisioner_id: str, document: Mapping[str, Any], claims: Claims) -> Self:
        """Read step's JSON form.

        Raises:
            ValueError: it says which field is missing or wrong.
        """
        lists = ("resourceGroups", "subscriptionIDs", "objectIDs")
        rules = read_rules(document, texts=("tenantID", "audience"), lists=lists)
        if rules.max_age is not None:
            msg = "instanceAge: is not for Azure, whose tokens do not tell how old a machine is"
            raise ValueError(msg)
        tenant_id, audience = document.get("tenantID") or "", document.get("audience") or _AUDIENCE
        if not _TENANT.fullmatch(tenant_id):
            msg = "tenantID: the id of a tenant is required"
            raise ValueError(msg)
        if len(audience) > _MAX_AUDIENCE or not audience.isprintable() or is_steps_own(audience):
            msg = (
                f"audience: must be printable text of {_MAX_AUDIENCE} characters at most, and not for step's own tokens"
            )
            raise ValueError(msg)
        return cls(
            provisioner_id,
            document["name"],
            claims,
            document,
            tenant_id,
            audience,
            groups=text_list(document, "resourceGroups"),
            subscriptions=text_list(document, "subscriptionIDs"),
            objects=text_list(document, "objectIDs"),
            rules=rules,
        )

    @property
    def lookup_id(self) -> str:
        """The tenant."""
        return self.tenant_id

    @property
    def stamp(self) -> ProvisionerStamp:
        """Type number 5, with the tenant as credential."""
        return ProvisionerStamp(5, self.name, self.tenant_id)

    def key_source(self, token: UntrustedToken, *, now: datetime) -> KeySetSource:
        """The tenant's key set, once the token is one that it could have made for what may have a certificate.

        Raises:
            Unauthenticated: a check failed.
        """
        self._check_unsigned(token, now=now)
        return KeySetSource(self.name, discovery_url(f"{_LOGIN}/{self.tenant_id}"))

    def verify(self, token: UntrustedToken, *, now: datetime, keys: KeySet | None = None) -> Grant:
        """Signature, issuer, audience, tenant and times; then what the machine or identity is.

        Azure hands out the same token for a day, so where a second certificate may be had it may be used again.

        Raises:
            Unauthenticated: any check failed.
            MalformedRequest: its name is one that no certificate may carry, and it may have no other.
        """
        claims, resource = self._check_unsigned(token, now=now)
        if keys is None:
            raise Unauthenticated("there are no keys to verify the token with")
        check_signed_by_one_of(keys, token)
        if claims.issuer != keys.issuer:
            raise Unauthenticated("the token's issuer is not the provisioner's tenant")
        hour = now.replace(minute=0, second=0, microsecond=0).isoformat()
        return instance_grant(
            self._instance(resource),
            claims,
            provisioner_id=self.id,
            once=self.rules.once,
            otherwise=TokenUse(token_reuse_key(f"{self.id}\0{hour}", token, None), reusable=True),
            template=self.template,
        )

    def _check_unsigned(self, token: UntrustedToken, *, now: datetime) -> tuple[SignedClaims, _Resource]:
        if token.header.get("alg") not in SIGNATURE_ALGORITHMS:
            raise Unauthenticated(f"the token's algorithm {token.header.get('alg')!r} is not taken")
        if self.audience not in token.audiences:
            raise Unauthenticated("the token's audience is not the provisioner's")
        if token.text_claim("tid") != self.tenant_id:
            raise Unauthenticated("the token's tenant is not the provisioner's")
        claims = read_lasting_claims(token, now=now, require_expiry=True)
        resource = _resource(token)
        for allowed, value, what in (
            (self.groups, resource.group, "resource group"),
            (self.subscriptions, resource.subscription, "subscription"),
            (self.objects, resource.object_id, "object id"),
        ):
            if allowed and value not in allowed:
                raise Unauthenticated(f"the token's {what} is not one that the provisioner allows")
        return claims, resource

    def _instance(self, resource: _Resource) -> Instance:
        own = self.rules.own_names_only
        return Instance(
            resource.path.lower(),  # as Azure compares it: its services write it in different ways
            resource.name,
            common_names=(resource.name,) if own else (),
            names=classify_all([resource.name]) if own else None,
            stamp=self.stamp,
            principal=resource.object_id,
        )


def _resource(token: UntrustedToken) -> _Resource:
    path = token.text_claim("xms_mirid")
    match = _MIRID.fullmatch(path)
    if match is None:
        raise Unauthenticated("the token is not a machine's or a managed identity's (xms_mirid)")
    return _Resource(path, match[1], match[2], match[3], token.text_claim("oid"))
