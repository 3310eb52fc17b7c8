"""X5C provisioner: tokens signed with the key of a certificate that chains to configured roots (step-ca's ``X5C``)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

from cryptography import x509
from cryptography.x509.oid import NameOID

from stepless.domain.chain import certificates_from_header, verify_client_chain
from stepless.domain.claims import Claims
from stepless.domain.key_set import KeySet
from stepless.domain.names import classify_all
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners.model import Grant, token_reuse_key
from stepless.domain.template import CertificateTemplate
from stepless.domain.token import (
    UntrustedToken,
    algorithms_for,
    read_claims,
    verification_key,
    verify_signature,
)
from stepless.domain.validity import Validity
from stepless.domain.webhook import Webhook
from stepless.errors import Unauthenticated


@dataclass(frozen=True)
class X5CProvisioner:
    """Trusts whoever holds a client certificate under ``roots``; what it vouches for ends with that certificate."""

    type: ClassVar[str] = "X5C"
    escrow: ClassVar[None] = None
    names_authority: ClassVar[bool] = True

    id: str
    name: str
    claims: Claims
    document: Mapping[str, Any]
    roots: tuple[x509.Certificate, ...]
    template: CertificateTemplate | None = None
    policy: NamePolicy = field(default_factory=NamePolicy)
    webhooks: tuple[Webhook, ...] = ()

    @classmethod
    def from_document(cls, provisioner_id: str, document: Mapping[str, Any], claims: Claims) -> Self:
        """Read step's JSON form: ``roots`` is base64 of concatenated PEM.

        Raises:
            ValueError: there are no roots, or they do not parse.
        """
        try:
            roots = x509.load_pem_x509_certificates(base64.b64decode(document.get("roots") or "", validate=True))
        except (ValueError, TypeError, binascii.Error) as error:
            msg = "roots: base64 of one or more PEM certificates is required"
            raise ValueError(msg) from error
        return cls(provisioner_id, document["name"], claims, document, tuple(roots))

    @property
    def lookup_id(self) -> str:
        """The fragment of the audience finds it; the token's ``kid`` is only a file name."""
        return f"x5c/{self.name}"

    @property
    def fragment(self) -> str:
        """What the audience must carry."""
        return self.lookup_id

    @property
    def stamp(self) -> ProvisionerStamp:
        """Type number 7, without credential."""
        return ProvisionerStamp(7, self.name)

    def key_source(self, token: UntrustedToken, *, now: datetime) -> None:
        """Nowhere: the token brings its key."""

    def verify(self, token: UntrustedToken, *, now: datetime, keys: KeySet | None = None) -> Grant:  # noqa: ARG002 - needs none
        """Chain, then signature with the leaf's key, then the claims; the common name must be the subject.

        Raises:
            Unauthenticated: any check failed.
        """
        chain = certificates_from_header(token.header.get("x5c"))
        public_key = verify_client_chain(chain, self.roots, now=now)
        verify_signature(token, verification_key(public_key), algorithms_for(public_key))
        if token.text_claim("iss") != self.name:
            raise Unauthenticated("the token's issuer is not the provisioner's name")
        claims = read_claims(token, now=now)
        return Grant(
            claims=claims,
            reuse_key=token_reuse_key(self.id, token),
            common_names=(claims.subject,),
            names=classify_all(claims.sans),
            credential=Validity(chain[0].not_valid_before_utc, chain[0].not_valid_after_utc),
            credential_certificate=chain[0],
            principal=_common_name(chain[0]),
        )


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[-1].value) if names else ""
