"""The key vault: keys sealed under the KMS key of their role, with authority, role and id as encryption context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from stepless.domain.issuance import Issuer, IssuingPrivateKey
from stepless.errors import IntegrityFailure, Unavailable
from stepless.keys.envelope import open_sealed, seal
from stepless.keys.kms_key import load_kms_key
from stepless.services.ports import (
    Envelope,
    IssuerKeys,
    KeyName,
    KeyStore,
    KeyVault,
    SealedKey,
    StoredKey,
)

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


@dataclass(frozen=True, slots=True)
class KMSVault:
    """Keys of one authority.

    ``kms_key_ids`` maps a role to the KMS key that seals it; a function that only opens keys needs none.
    """

    store: KeyStore
    kms: KMSClient
    authority_id: str
    kms_key_ids: Mapping[str, str] = field(default_factory=dict)

    def seal(self, name: KeyName, key: IssuingPrivateKey, chain: tuple[x509.Certificate, ...]) -> None:
        """Encrypt and keep a new key; see the port."""
        self.store.put(StoredKey(name, self._sealed(name, key), chain))

    def replace(
        self,
        name: KeyName,
        key: IssuingPrivateKey,
        chain: tuple[x509.Certificate, ...],
        *,
        instead_of: x509.Certificate,
    ) -> None:
        """Put a new key in the place of an older one; see the port."""
        self.store.put(StoredKey(name, self._sealed(name, key), chain), instead_of=instead_of)

    def _sealed(self, name: KeyName, key: IssuingPrivateKey) -> Envelope:
        plaintext = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return seal(self.kms, self.kms_key_ids[name.role], plaintext, self._context(name))

    def chain(self, name: KeyName) -> tuple[x509.Certificate, ...] | None:
        """The certificates of a key; see the port."""
        stored = self.store.get(name)
        return stored.chain if stored is not None else None

    def open(self, name: KeyName) -> SealedKey | None:
        """Read and decrypt a key; see the port."""
        stored = self.store.get(name)
        if stored is None:
            return None
        if isinstance(stored.material, str):
            return SealedKey(load_kms_key(self.kms, stored.material), stored.chain)
        plaintext = open_sealed(self.kms, self.kms_key_ids.get(name.role), stored.material, self._context(name))
        try:
            key = load_der_private_key(plaintext, password=None)
        except ValueError as error:
            raise IntegrityFailure(f"key {name.role}/{name.key_id} opens and is not a key") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
            raise IntegrityFailure(f"key {name.role}/{name.key_id} is of a kind that does not sign here")
        return SealedKey(key, stored.chain)

    def _context(self, name: KeyName) -> dict[str, str]:
        return {"authority": self.authority_id, "role": name.role, "key_id": name.key_id}


_: type[KeyVault] = KMSVault


@dataclass(frozen=True, slots=True)
class VaultIssuerKeys:
    """Issuing keys, opened once per function environment and checked against their certificates."""

    vault: KeyVault
    _opened: dict[str, Issuer] = field(default_factory=dict, init=False)

    def issuer(self, key_id: str, certificate: x509.Certificate) -> Issuer:
        """The issuing key of an intermediate; see the port."""
        issuer = self._opened.get(key_id)
        if issuer is None or issuer.certificate != certificate:
            opened = self.vault.open(KeyName("issuing", key_id))
            if opened is None:
                raise Unavailable(f"the issuing key {key_id} is not in the key store")
            issuer = Issuer(key_id, certificate, opened.private_key)
            issuer.check()
            self._opened[key_id] = issuer
        return issuer


_keys: type[IssuerKeys] = VaultIssuerKeys
