"""JWK provisioner: tokens signed with a key whose public half the authority knows (step-ca's ``JWK``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Self

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from stepless.domain.claims import Claims
from stepless.domain.key_set import KeySet
from stepless.domain.names import classify_all
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners.model import EscrowedKey, Grant, token_reuse_key
from stepless.domain.public_keys import check_public_key
from stepless.domain.template import CertificateTemplate
from stepless.domain.token import (
    UntrustedToken,
    VerificationKey,
    algorithms_for,
    read_claims,
    verify_signature,
)
from stepless.domain.webhook import Webhook
from stepless.errors import CAError, Unauthenticated

_MAX_KEY_ID_LENGTH: Final = 256  # it is part of a sort key


@dataclass(frozen=True)
class JWKProvisioner:
    """One public key, named by its ``kid``; the private half may be escrowed, encrypted, as ``encryptedKey``."""

    type: ClassVar[str] = "JWK"
    fragment: ClassVar[str] = ""
    names_authority: ClassVar[bool] = True

    id: str
    name: str
    claims: Claims
    document: Mapping[str, Any]
    key_id: str
    key: VerificationKey
    algorithms: tuple[str, ...]
    template: CertificateTemplate | None = None
    policy: NamePolicy = field(default_factory=NamePolicy)
    webhooks: tuple[Webhook, ...] = ()

    @classmethod
    def from_document(cls, provisioner_id: str, document: Mapping[str, Any], claims: Claims) -> Self:
        """Read step's JSON form.

        Raises:
            ValueError: the key is missing, private, of a kind that is not supported, or has no ``kid``.
        """
        jwk = document.get("key")
        key_id = jwk.get("kid") if isinstance(jwk, dict) else None
        if not isinstance(jwk, dict) or not isinstance(key_id, str) or not 0 < len(key_id) <= _MAX_KEY_ID_LENGTH:
            msg = f"key: a public JWK with a kid of 1 to {_MAX_KEY_ID_LENGTH} characters is required"
            raise ValueError(msg)
        try:
            key = import_key(jwk)
        # The library looks curves and kinds up in tables without asking whether they are there.
        except (JoseError, ValueError, TypeError, LookupError) as error:
            msg = f"key: {error}"
            raise ValueError(msg) from error
        if not isinstance(key, ECKey | OKPKey | RSAKey) or key.is_private:
            msg = "key: must be a public EC, OKP or RSA key"
            raise ValueError(msg)
        try:
            public_key = check_public_key(key.public_key)
        except CAError as error:
            msg = f"key: {error.detail}"
            raise ValueError(msg) from error
        return cls(
            provisioner_id,
            document["name"],
            claims,
            document,
            jwk["kid"],
            key,
            algorithms_for(public_key),
        )

    @property
    def lookup_id(self) -> str:
        """Name and key id: a token states both."""
        return f"{self.name}:{self.key_id}"

    @property
    def stamp(self) -> ProvisionerStamp:
        """Type number 1, with the key id as credential."""
        return ProvisionerStamp(1, self.name, self.key_id)

    @property
    def escrow(self) -> EscrowedKey | None:
        """The private key, encrypted with the provisioner's password, when it is kept here."""
        value = self.document.get("encryptedKey")
        return EscrowedKey(self.key_id, value) if value and isinstance(value, str) else None

    def key_source(self, token: UntrustedToken, *, now: datetime) -> None:
        """Nowhere: the key is its own."""

    def verify(self, token: UntrustedToken, *, now: datetime, keys: KeySet | None = None) -> Grant:  # noqa: ARG002 - needs none
        """Signature, then issuer, times and subject; the common name may be the subject or any name of the token.

        Raises:
            Unauthenticated: any check failed.
        """
        verify_signature(token, self.key, self.algorithms)
        if token.text_claim("iss") != self.name:
            raise Unauthenticated("the token's issuer is not the provisioner's name")
        claims = read_claims(token, now=now)
        return Grant(
            claims=claims,
            reuse_key=token_reuse_key(self.id, token),
            common_names=(claims.subject, *claims.sans),
            names=classify_all(claims.sans),
        )
