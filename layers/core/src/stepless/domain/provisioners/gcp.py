"""GCP provisioner: Compute Engine instances by the identity tokens of their metadata server (step-ca's ``GCP``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Self

from stepless.domain.claims import Claims
from stepless.domain.key_set import KeySet, KeySetSource, check_signed_by_one_of, discovery_url
from stepless.domain.names import classify_all
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners.fields import text_list
from stepless.domain.provisioners.instance import Instance, InstanceRules, TokenUse, instance_grant, read_rules
from stepless.domain.provisioners.model import Grant, token_reuse_key
from stepless.domain.template import CertificateTemplate
from stepless.domain.token import SIGNATURE_ALGORITHMS, SignedClaims, UntrustedToken, read_foreign_claims
from stepless.domain.webhook import Webhook
from stepless.errors import Unauthenticated

GOOGLE: Final = "https://accounts.google.com"
_REQUIRED: Final = ("instance_id", "instance_name", "project_id", "zone")
_LAST_SECOND: Final = 253_370_764_800


@dataclass(frozen=True)
class GCPProvisioner:
    """Trusts Google's word on which instance asks, if it is of one of the projects, or runs as one of the accounts."""

    type: ClassVar[str] = "GCP"
    names_authority: ClassVar[bool] = True
    escrow: ClassVar[None] = None

    id: str
    name: str
    claims: Claims
    document: Mapping[str, Any]
    projects: frozenset[str]
    service_accounts: frozenset[str]
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
        rules = read_rules(document, texts=("organizationID",), lists=("projectIDs", "serviceAccounts"))
        projects, accounts = text_list(document, "projectIDs"), text_list(document, "serviceAccounts")
        if document.get("organizationID"):
            # Who is in an organization only Google can tell, to whom it gave a key: there is none here.
            msg = "organizationID: is not supported; list the projects in projectIDs"
            raise ValueError(msg)
        if not projects and not accounts:
            msg = (
                "projectIDs: one, or one of serviceAccounts, is required, or the instances of everybody would be let in"
            )
            raise ValueError(msg)
        return cls(provisioner_id, document["name"], claims, document, projects, accounts, rules)

    @property
    def lookup_id(self) -> str:
        """The fragment of the audience finds it."""
        return f"gcp/{self.name}"

    @property
    def fragment(self) -> str:
        """What the audience must carry."""
        return self.lookup_id

    @property
    def stamp(self) -> ProvisionerStamp:
        """Type number 3; certificates add the service account and the instance."""
        return ProvisionerStamp(3, self.name)

    def key_source(self, token: UntrustedToken, *, now: datetime) -> KeySetSource:
        """Google's key set, once the token is one that it could have made for an instance that may have a certificate.

        Raises:
            Unauthenticated: a check failed.
        """
        self._check_unsigned(token, now=now)
        return KeySetSource(self.name, discovery_url(GOOGLE))

    def verify(self, token: UntrustedToken, *, now: datetime, keys: KeySet | None = None) -> Grant:
        """Signature, issuer and times; then project, service account, age and names of the instance.

        Raises:
            Unauthenticated: any check failed.
        """
        claims, engine = self._check_unsigned(token, now=now)
        if keys is None:
            raise Unauthenticated("there are no keys to verify the token with")
        if keys.issuer != GOOGLE:
            raise Unauthenticated("the key set is not Google's")
        check_signed_by_one_of(keys, token)
        return instance_grant(
            self._instance(claims.subject, engine),
            claims,
            provisioner_id=self.id,
            once=self.rules.once,
            otherwise=TokenUse(token_reuse_key(self.id, token, None)),
            template=self.template,
        )

    def _check_unsigned(self, token: UntrustedToken, *, now: datetime) -> tuple[SignedClaims, Mapping[str, Any]]:
        if token.header.get("alg") not in SIGNATURE_ALGORITHMS:
            raise Unauthenticated(f"the token's algorithm {token.header.get('alg')!r} is not taken")
        if token.text_claim("iss") != GOOGLE:
            raise Unauthenticated(f"the token's issuer is not {GOOGLE}")
        claims = read_foreign_claims(token, now=now)
        engine = _engine(token)
        if self.service_accounts and not self.service_accounts & _accounts(claims):
            raise Unauthenticated("the instance's service account is not one that the provisioner allows")
        if self.projects and engine["project_id"] not in self.projects:
            raise Unauthenticated("the instance's project is not one that the provisioner allows")
        self.rules.check_age(_created_at(engine), now=now)
        return claims, engine

    def _instance(self, account: str, engine: Mapping[str, Any]) -> Instance:
        instance_id, name, project, zone = (engine[key] for key in _REQUIRED)
        hosts = (f"{name}.c.{project}.internal", f"{name}.{zone}.c.{project}.internal")
        own = self.rules.own_names_only
        return Instance(
            instance_id,
            name,
            common_names=(name, instance_id, *hosts) if own else (),
            names=classify_all(hosts) if own else None,
            stamp=ProvisionerStamp(3, self.name, account, ("InstanceID", instance_id, "InstanceName", name)),
            principal=instance_id,
        )


def _engine(token: UntrustedToken) -> Mapping[str, Any]:
    """What the token says of the instance; a token of another place of Google's says nothing."""
    google = token.claims.get("google")
    engine = google.get("compute_engine") if isinstance(google, dict) else None
    if not isinstance(engine, dict):
        raise Unauthenticated("the token is not an instance's (google.compute_engine)")
    for name in _REQUIRED:
        if not isinstance(engine.get(name), str) or not engine[name]:
            raise Unauthenticated(f"the token has no google.compute_engine.{name}")
    return engine


def _accounts(claims: SignedClaims) -> frozenset[str]:
    email = claims.all.get("email")
    is_known = isinstance(email, str) and bool(email) and claims.all.get("email_verified", True) is True
    return frozenset({claims.subject, *([str(email)] if is_known else [])})


def _created_at(engine: Mapping[str, Any]) -> datetime | None:
    value = engine.get("instance_creation_timestamp")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LAST_SECOND:
        return None
    return datetime.fromtimestamp(int(value), UTC)
