"""The registry of provisioner types: the only place that knows which there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from stepless.domain.claims import Claims, canonical_claims, merge_claims
from stepless.domain.policy.document import parse_policy
from stepless.domain.provisioners.aws import AWSProvisioner
from stepless.domain.provisioners.azure import AzureProvisioner
from stepless.domain.provisioners.gcp import GCPProvisioner
from stepless.domain.provisioners.jwk import JWKProvisioner
from stepless.domain.provisioners.k8ssa import K8sSAProvisioner
from stepless.domain.provisioners.model import Grant, Provisioner, UnusableProvisioner
from stepless.domain.provisioners.oidc import OIDCProvisioner
from stepless.domain.provisioners.x5c import X5CProvisioner
from stepless.domain.template import CertificateTemplate, read_x509_options
from stepless.domain.webhook import Webhook, read_webhooks

__all__ = ["Grant", "Provisioner", "UnusableProvisioner", "parse_provisioner", "read_provisioner"]

_TYPES: Final = {
    kind.type.lower(): kind
    for kind in (
        AWSProvisioner,
        AzureProvisioner,
        GCPProvisioner,
        JWKProvisioner,
        K8sSAProvisioner,
        OIDCProvisioner,
        X5CProvisioner,
    )
}
_MAX_NAME_LENGTH: Final = 128


def parse_provisioner(provisioner_id: str, document: Mapping[str, Any], authority_claims: Claims) -> Provisioner:
    """Make a provisioner from step's JSON form (``ca.json``'s ``authority.provisioners[]``).

    Raises:
        ValueError: it says which field is missing, wrong or not supported.
    """
    name = document.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME_LENGTH or not name.isprintable():
        msg = f"name: printable text of 1 to {_MAX_NAME_LENGTH} characters is required"
        raise ValueError(msg)
    kind = _TYPES.get(str(document.get("type", "")).lower())
    if kind is None:
        supported = ", ".join(sorted(_TYPES)).upper()
        msg = f"type: {document.get('type')!r} is not supported; supported are {supported}"
        raise ValueError(msg)
    template, webhooks = _read_options(document)
    policy = parse_policy(document.get("policy"))
    claims = merge_claims(authority_claims, document.get("claims"))
    if document.get("claims"):
        document = {**document, "claims": canonical_claims(document["claims"])}
    provisioner = kind.from_document(provisioner_id, document, claims)
    return replace(provisioner, template=template, policy=policy, webhooks=webhooks)


def _read_options(document: Mapping[str, Any]) -> tuple[CertificateTemplate | None, tuple[Webhook, ...]]:
    if misspelt := [key for key in document if str(key).lower() == "options" and key != "options"]:
        # step-ca reads it, and here nobody would obey it.
        msg = f"{misspelt[0]}: write options"
        raise ValueError(msg)
    options = document.get("options")
    if not options:
        return None, ()
    if not isinstance(options, Mapping):
        msg = "options: must be an object"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong document
    given = {str(key).lower(): value for key, value in options.items() if value}
    unsupported = sorted(given.keys() - {"x509", "webhooks"})
    if unsupported:
        # Ignoring an SSH template would issue what its author meant to prevent.
        msg = f"options: {', '.join(unsupported)} is not supported yet; only x509 and webhooks are"
        raise ValueError(msg)
    return read_x509_options(given.get("x509")), read_webhooks(given.get("webhooks"))


def read_provisioner(
    provisioner_id: str, document: Mapping[str, Any], authority_claims: Claims
) -> Provisioner | UnusableProvisioner:
    """As ``parse_provisioner``, for stored settings: one bad entry must not take the authority down."""
    try:
        return parse_provisioner(provisioner_id, document, authority_claims)
    except ValueError as error:
        return UnusableProvisioner(provisioner_id, str(document.get("name", "")), document, str(error))
