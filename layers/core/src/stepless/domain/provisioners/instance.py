"""What the machines of a cloud are granted: AWS, GCP and Azure prove who asks in their own ways, and this is the rest.

A cloud says which machine it is, and not which names belong to it. So a machine gets one certificate for the names that
it asks for first (step-ca's trust on first use), and renews it; or, with ``disableCustomSANs``, one for the names that
the cloud gave it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stepless.domain.names import Name
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners.fields import age_limit, check_fields
from stepless.domain.provisioners.model import Grant, RequestNames
from stepless.domain.template import CertificateTemplate
from stepless.domain.token import SignedClaims
from stepless.errors import Unauthenticated

# A machine may live for years, and nobody tells when it is gone.
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_SWITCHES: Final = ("disableCustomSANs", "disableTrustOnFirstUse")


@dataclass(frozen=True, slots=True)
class InstanceRules:
    """The settings that are the same for all clouds; ``max_age`` is that of a machine, not of a certificate."""

    own_names_only: bool
    once: bool
    max_age: timedelta | None

    def check_age(self, started_at: datetime | None, *, now: datetime) -> None:
        """Hold a machine to the age limit, if there is one.

        Raises:
            Unauthenticated: it is older, or does not tell.
        """
        if self.max_age is not None and (started_at is None or now - started_at > self.max_age):
            raise Unauthenticated("the instance is older than the provisioner allows (instanceAge)")


def read_rules(document: Mapping[str, Any], *, texts: tuple[str, ...], lists: tuple[str, ...]) -> InstanceRules:
    """Check the fields of a cloud's provisioner, and read those that all of them have.

    Raises:
        ValueError: it says which field is wrong.
    """
    check_fields(document, texts=(*texts, "instanceAge"), lists=lists, switches=_SWITCHES)
    return InstanceRules(
        own_names_only=document.get("disableCustomSANs") is True,
        once=document.get("disableTrustOnFirstUse") is not True,
        max_age=age_limit(document, "instanceAge"),
    )


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine that proved itself.

    ``subject`` is what templates know it by; ``common_names`` are those that its request may state, any where there are
    none; ``names`` are those that the cloud gave it, ``None`` where the request's are taken.
    """

    id: str
    subject: str
    common_names: tuple[str, ...]
    names: tuple[Name, ...] | None
    stamp: ProvisionerStamp
    principal: str


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What a token of a machine uses up beside its first certificate: ``reuse_key`` unless it is ``reusable``."""

    reuse_key: str
    reusable: bool = False


def instance_grant(
    instance: Instance,
    claims: SignedClaims,
    *,
    provisioner_id: str,
    once: bool,
    otherwise: TokenUse,
    template: CertificateTemplate | None,
) -> Grant:
    """What a machine may have: one certificate, or with ``once`` off one for each token that it comes with."""
    if instance.names is not None:
        request_names = RequestNames.AMONG
    else:
        request_names = RequestNames.GRANTED if template is None else RequestNames.IGNORED
    first = hashlib.sha256(f"instance\0{provisioner_id}\0{instance.id}".encode()).hexdigest()
    return Grant(
        claims=claims,
        reuse_key=first if once else otherwise.reuse_key,
        common_names=instance.common_names,
        names=instance.names or (),
        request_names=request_names,
        may_revoke=False,
        vouched_subject=instance.subject,
        vouches_for_names=instance.names is not None,
        stamp=instance.stamp,
        reusable=otherwise.reusable and not once,
        spent_until=FOREVER if once else None,
        principal=instance.principal,
    )
