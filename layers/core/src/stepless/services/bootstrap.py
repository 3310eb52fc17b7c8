"""Makes an authority, once: root, intermediate, first provisioner, settings, endpoint certificate.

Every step looks first and writes conditionally, so it can be run again at any time and after any failure, and never
overwrites a key or a setting.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey

from stepless.domain.authority import Authority, Intermediate
from stepless.domain.issuance import Issuer, self_sign, sign_certificate
from stepless.domain.names import check_common_name, classify_all
from stepless.domain.profile import CA_LIFETIME, ca_content
from stepless.domain.serial import new_lineage, new_serial
from stepless.domain.validity import Validity
from stepless.errors import Conflict, IntegrityFailure, MalformedRequest
from stepless.services.endpoint import KeepEndpointCertificate
from stepless.services.ports import Clock, KeyName, KeyVault, SealedKey, SettingsStore

ROOT_KEY: Final = KeyName("root", "root-1")
ISSUING_KEY: Final = KeyName("issuing", "intermediate-1")
# The most that the JOSE library writes; the password is one of 32 random characters, so no dictionary has it.
_PBES2_ROUNDS: Final = 300_000
FIRST_PROVISIONER: Final = "admin"


@dataclass(frozen=True, slots=True)
class BootstrapRequest:
    """What an authority is to be; ``provisioner_password`` opens the escrowed key of its first provisioner."""

    authority_id: str
    name: str
    dns_names: tuple[str, ...]
    provisioner_password: str


class BootstrapAuthority:
    """The only user of the root key; no function that serves requests can open it."""

    def __init__(
        self,
        vault: KeyVault,
        settings: SettingsStore,
        keep_endpoint: KeepEndpointCertificate,
        clock: Clock,
    ) -> None:
        """Take where keys and settings are kept, the endpoint's service and the time."""
        self._vault = vault
        self._settings = settings
        self._keep_endpoint = keep_endpoint
        self._clock = clock

    def __call__(self, request: BootstrapRequest) -> Authority:
        """Make whatever is missing, and return the authority as it stands.

        Raises:
            MalformedRequest: a name that no certificate may carry, or no DNS name at all.
            Unavailable: a service did not answer; run it again.
        """
        _check_names(request)
        authority = self._settings.load() or self._create(request)
        self._keep_endpoint(authority)
        return authority

    def _create(self, request: BootstrapRequest) -> Authority:
        root = self._root(request.name)
        intermediate = self._intermediate(request.name, root)
        authority = Authority(
            id=request.authority_id,
            name=request.name,
            dns_names=request.dns_names,
            roots=(root.chain[0],),
            intermediates=(Intermediate(ISSUING_KEY.key_id, intermediate.chain[0]),),
            provisioners=(),
        )
        # On a conflict another run was faster, and what it wrote is what counts.
        with suppress(Conflict):
            self._settings.create(authority, first_provisioner(request.provisioner_password), new_provisioner_id())
        created = self._settings.load()
        if created is None:
            raise IntegrityFailure("the authority was written and is not there")
        return created

    def _root(self, name: str) -> SealedKey:
        existing = self._vault.open(ROOT_KEY)
        if existing is not None:
            return existing
        key = ec.generate_private_key(ec.SECP256R1())
        content = ca_content(
            organization=name,
            common_name_text=f"{name} Root CA",
            public_key=key.public_key(),
            validity=self._lifetime(),
            path_length=1,
            authority_key=None,
        )
        return self._keep(ROOT_KEY, SealedKey(key, (self_sign(content, key, new_serial(new_lineage())),)))

    def _intermediate(self, name: str, root: SealedKey) -> SealedKey:
        existing = self._vault.open(ISSUING_KEY)
        if existing is not None:
            return existing
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = Issuer(ROOT_KEY.key_id, root.chain[0], root.private_key)
        content = ca_content(
            organization=name,
            common_name_text=f"{name} Intermediate CA",
            public_key=key.public_key(),
            validity=self._lifetime(within=root.chain[0]),
            path_length=0,
            authority_key=issuer.authority_key_identifier,
        )
        certificate = sign_certificate(content, issuer, new_serial(new_lineage()))
        return self._keep(ISSUING_KEY, SealedKey(key, (certificate, root.chain[0])))

    def _keep(self, name: KeyName, made: SealedKey) -> SealedKey:
        try:
            self._vault.seal(name, made.private_key, made.chain)
        except Conflict:
            kept = self._vault.open(name)
            if kept is None:
                raise IntegrityFailure(f"key {name.role}/{name.key_id} is there and is not") from None
            return kept
        return made

    def _lifetime(self, within: x509.Certificate | None = None) -> Validity:
        """The authority's validity; an intermediate's is its root's, also when it is made by a later run."""
        if within is not None:
            return Validity(within.not_valid_before_utc, within.not_valid_after_utc)
        now = self._clock.now().replace(microsecond=0)
        return Validity(now - timedelta(minutes=1), now + CA_LIFETIME)


def _check_names(request: BootstrapRequest) -> None:
    """Before anything is sealed: a root with a name that its intermediate cannot carry would stay for good."""
    if not classify_all(request.dns_names):
        raise MalformedRequest("an authority needs a DNS name, for its address and the audience of its tokens")
    if not request.name.strip():
        raise MalformedRequest("an authority needs a name")
    check_common_name(f"{request.name} Intermediate CA")


def first_provisioner(password: str) -> dict[str, Any]:
    """A new JWK provisioner in step's JSON form, its private key escrowed under the password (RFC 7517, RFC 7516).

    The password itself is not kept.
    """
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    registry = jwe.JWERegistry(algorithms=["PBES2-HS256+A128KW", "A256GCM"])
    encrypted = jwe.encrypt_compact(
        {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "cty": "jwk+json", "p2c": _PBES2_ROUNDS},
        json.dumps(key.as_dict(private=True)),
        OctKey.import_key(password.encode()),
        registry=registry,
    )
    return {
        "type": "JWK",
        "name": FIRST_PROVISIONER,
        "key": key.as_dict(private=False),
        "encryptedKey": encrypted,
    }


def new_provisioner_id() -> str:
    """An id that is never used twice."""
    return secrets.token_hex(16)
