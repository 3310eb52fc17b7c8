"""K8sSA provisioner: service accounts of a Kubernetes cluster (step-ca's ``K8sSA``, and tokens bound to an audience).

step-ca knows the tokens that old clusters keep in secrets, which name no audience and last for ever. With ``issuer``
and ``audience``, which are this authority's own members, it is the tokens that kubelets project into pods instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Self

from stepless.domain.audience import is_steps_own
from stepless.domain.claims import Claims
from stepless.domain.key_set import (
    KeySet,
    KeySetSource,
    PublishedKey,
    check_signed_by_any,
    check_signed_by_one_of,
    discovery_url,
)
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners.fields import check_fields, public_keys, text_list
from stepless.domain.provisioners.model import Grant, RequestNames, token_reuse_key
from stepless.domain.template import CertificateTemplate
from stepless.domain.token import (
    SIGNATURE_ALGORITHMS,
    SignedClaims,
    UntrustedToken,
    read_lasting_claims,
)
from stepless.domain.webhook import Webhook
from stepless.errors import Unauthenticated

LEGACY_ISSUER: Final = "kubernetes/serviceaccount"
_MAX_TEXT: Final = 256  # the issuer is part of a sort key
_ACCOUNT: Final = re.compile(r"[^/]+/[^/]+")
_CLAIM: Final = "kubernetes.io/serviceaccount/"


def service_account_lookup_id(issuer: str) -> str:
    """What the tokens of a cluster are found by; those of old clusters do not tell which one (step-ca's id)."""
    return "k8ssa/k8sSA-default" if issuer == LEGACY_ISSUER else f"k8ssa/issuer/{issuer}"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Whom a token speaks of."""

    namespace: str
    name: str


@dataclass(frozen=True)
class K8sSAProvisioner:
    """Trusts a cluster's word on which service account asks; its certificates are for the names of the request.

    Without ``audience`` it takes the tokens of old clusters. Keys are ``publicKeys``, or published by the issuer.
    """

    type: ClassVar[str] = "K8sSA"
    fragment: ClassVar[str] = ""
    names_authority: ClassVar[bool] = False
    escrow: ClassVar[None] = None

    id: str
    name: str
    claims: Claims
    document: Mapping[str, Any]
    issuer: str
    audience: str
    keys: tuple[PublishedKey, ...]
    source: KeySetSource | None
    namespaces: frozenset[str]
    service_accounts: frozenset[str]
    template: CertificateTemplate | None = None
    policy: NamePolicy = field(default_factory=NamePolicy)
    webhooks: tuple[Webhook, ...] = ()

    @classmethod
    def from_document(cls, provisioner_id: str, document: Mapping[str, Any], claims: Claims) -> Self:
        """Read step's JSON form, with ``issuer``, ``audience``, ``namespaces`` and ``serviceAccounts`` beside it.

        Raises:
            ValueError: it says which field is missing or wrong.
        """
        check_fields(document, texts=("publicKeys", "issuer", "audience"), lists=("namespaces", "serviceAccounts"))
        issuer, audience = document.get("issuer") or "", document.get("audience") or ""
        keys = public_keys(document, "publicKeys")
        accounts = text_list(document, "serviceAccounts")
        if not all(_ACCOUNT.fullmatch(account) for account in accounts):
            msg = "serviceAccounts: each must be like namespace/name"
            raise ValueError(msg)
        source = None
        if issuer or audience:
            _check_bound(issuer, audience)
            source = None if keys else _source(document["name"], issuer)
        elif not keys:
            msg = "publicKeys: base64 of PEM keys is required, or issuer and audience"
            raise ValueError(msg)
        return cls(
            provisioner_id,
            document["name"],
            claims,
            document,
            issuer or LEGACY_ISSUER,
            audience,
            keys,
            source,
            text_list(document, "namespaces"),
            accounts,
        )

    @property
    def lookup_id(self) -> str:
        """The cluster's issuer."""
        return service_account_lookup_id(self.issuer)

    @property
    def stamp(self) -> ProvisionerStamp:
        """Type number 8, without credential."""
        return ProvisionerStamp(8, self.name)

    def key_source(self, token: UntrustedToken, *, now: datetime) -> KeySetSource | None:
        """The cluster's key set unless its keys are known, once the token is one that it could have made for us.

        Raises:
            Unauthenticated: another cluster's, for another audience, of an account without rights, or out of its time.
        """
        self._check_unsigned(token, now=now)
        return self.source

    def verify(self, token: UntrustedToken, *, now: datetime, keys: KeySet | None = None) -> Grant:
        """Signature, issuer, audience, times, and the account; the names are the request's.

        The token may be used again, as it lies in a file until the cluster replaces it.

        Raises:
            Unauthenticated: any check failed.
        """
        claims, account = self._check_unsigned(token, now=now)
        self._check_signature(token, keys)
        hour = now.replace(minute=0, second=0, microsecond=0).isoformat()
        return Grant(
            claims=claims,
            # Another hour, another right: what was issued for this very request long ago must not be handed out again.
            reuse_key=token_reuse_key(f"{self.id}\0{hour}", token, None),
            common_names=(),
            names=(),
            request_names=RequestNames.GRANTED if self.template is None else RequestNames.IGNORED,
            vouched_subject=account.name,
            vouches_for_names=False,
            reusable=True,
        )

    def _check_unsigned(self, token: UntrustedToken, *, now: datetime) -> tuple[SignedClaims, ServiceAccount]:
        if token.header.get("alg") not in SIGNATURE_ALGORITHMS:
            raise Unauthenticated(f"the token's algorithm {token.header.get('alg')!r} is not taken")
        if token.text_claim("iss") != self.issuer:
            raise Unauthenticated("the token's issuer is not the provisioner's cluster")
        if self.audience and self.audience not in token.audiences:
            raise Unauthenticated("the token's audience is not the provisioner's")
        claims = read_lasting_claims(token, now=now, require_expiry=bool(self.audience))
        account = _bound_account(claims) if self.audience else _legacy_account(claims)
        if self.namespaces and account.namespace not in self.namespaces:
            raise Unauthenticated("the token's namespace is not one that the provisioner allows")
        if self.service_accounts and f"{account.namespace}/{account.name}" not in self.service_accounts:
            raise Unauthenticated("the token's service account is not one that the provisioner allows")
        return claims, account

    def _check_signature(self, token: UntrustedToken, keys: KeySet | None) -> None:
        if self.source is None:
            fitting = [key for key in self.keys if token.header.get("alg") in key.algorithms]
            if not fitting:
                raise Unauthenticated("none of the provisioner's keys signs as the token was signed")
            return check_signed_by_any(fitting, token)
        if keys is None:
            raise Unauthenticated("there are no keys to verify the token with")
        if keys.issuer != self.issuer:
            raise Unauthenticated("the key set is another issuer's")
        return check_signed_by_one_of(keys, token)


def _legacy_account(claims: SignedClaims) -> ServiceAccount:
    namespace, name = claims.all.get(f"{_CLAIM}namespace"), claims.all.get(f"{_CLAIM}service-account.name")
    # step-ca asks for neither: who has no name is nobody's account, and no pin allows it.
    return ServiceAccount(
        namespace if isinstance(namespace, str) else "",
        name if isinstance(name, str) else "",
    )


def _bound_account(claims: SignedClaims) -> ServiceAccount:
    cluster = claims.all.get("kubernetes.io")
    account = cluster.get("serviceaccount") if isinstance(cluster, dict) else None
    namespace = cluster.get("namespace") if isinstance(cluster, dict) else None
    name = account.get("name") if isinstance(account, dict) else None
    if not (isinstance(namespace, str) and namespace and isinstance(name, str) and name):
        raise Unauthenticated("the token does not tell its service account (kubernetes.io)")
    if claims.subject != f"system:serviceaccount:{namespace}:{name}":
        raise Unauthenticated("the token's subject is not its service account")
    return ServiceAccount(namespace, name)


def _check_bound(issuer: str, audience: str) -> None:
    for name, value in (("issuer", issuer), ("audience", audience)):
        if not 0 < len(value) <= _MAX_TEXT or not value.isascii() or not value.isprintable():
            msg = f"{name}: printable ASCII of 1 to {_MAX_TEXT} characters is required, with issuer and audience both"
            raise ValueError(msg)
    if issuer == LEGACY_ISSUER:
        msg = "issuer: is the one of old clusters, whose tokens name no audience; leave both away"
        raise ValueError(msg)
    if is_steps_own(audience):
        msg = "audience: is one of step's own tokens; choose another, such as the authority's host name"
        raise ValueError(msg)


def _source(name: str, issuer: str) -> KeySetSource:
    try:
        return KeySetSource(name, discovery_url(issuer))
    except ValueError as error:
        msg = f"issuer: {error}; or give publicKeys"
        raise ValueError(msg) from error
