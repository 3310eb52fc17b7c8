"""What the services need of the world outside; the adapters in ``store``, ``keys`` and ``outbound`` provide it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cryptography import x509

from stepless.domain.authority import Authority
from stepless.domain.certificate import CertificateRecord, Revocation
from stepless.domain.issuance import Issuer, IssuingPrivateKey
from stepless.domain.key_set import KeySet, KeySetSource
from stepless.domain.webhook import WebhookAnswer, WebhookCall


class Clock(Protocol):
    """The time, so that tests can set it."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...


class AuthoritySource(Protocol):
    """The authority's settings as they are now, or were a few seconds ago."""

    def authority(self) -> Authority:
        """The authority that this deployment serves.

        Raises:
            Unavailable: settings cannot be read, or the authority was not bootstrapped.
        """
        ...


class KeySets(Protocol):
    """The published keys of identity providers, as they are now or were some hours ago."""

    def key_set(self, source: KeySetSource, key_id: str) -> KeySet:
        """The key set of a provider; it is read again when it has no key of that id.

        Raises:
            IdentityProviderUnavailable: it cannot be read, or may have changed and cannot be read again.
        """
        ...


class Webhooks(Protocol):
    """The servers that administrators want to be asked before a certificate is signed."""

    def ask(self, call: WebhookCall, seconds: float) -> WebhookAnswer:
        """What a server says; it is asked a second time when it is away or failed, within the same time.

        Raises:
            WebhookUnavailable: it gives no answer, or none that can be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Spend:
    """A one-time right that a request uses up.

    ``request_sha256`` tells a repeated request from another one with the same token; ``expires_at`` is when the right
    itself ends, after which the mark is not needed any more.
    """

    key: str
    request_sha256: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Succession:
    """The certificate that a new one takes over from: it must be on record, be those very bytes, and not be revoked."""

    serial: int
    certificate_sha256: bytes
    provisioner_id: str


class CertificateStore(Protocol):
    """The inventory; every method is one atomic write or one consistent read."""

    def record(
        self,
        record: CertificateRecord,
        *,
        spend: Spend | None = None,
        succeeds: Succession | None = None,
    ) -> CertificateRecord:
        """Record a certificate, spend what it was issued for, and mark its predecessor, all or nothing.

        Returns the record that stands: the given one, or the earlier one when the very same request was already served.

        Raises:
            Unauthenticated: the right was spent by another request, or the predecessor is unknown, altered or revoked.
            Unavailable: the store did not answer; whether the write happened is unknown, and a repeat is safe.
        """
        ...

    def get(self, serial: int) -> CertificateRecord | None:
        """The record of a serial, read consistently; ``None`` also for a serial that is only known as revoked."""
        ...

    def revoke(self, serial: int, revocation: Revocation, *, spend: Spend | None = None) -> None:
        """Record a revocation, of a known or unknown serial, and spend the token it was asked with.

        A repeat of the very same request succeeds again.

        Raises:
            AlreadyRevoked: it was revoked before.
            Unauthenticated: the token was spent by another request.
            Unavailable: as for ``record``.
        """
        ...


class IssuerKeys(Protocol):
    """Private keys of the authority that this function may use."""

    def issuer(self, key_id: str, certificate: x509.Certificate) -> Issuer:
        """The issuing key of an intermediate, checked against its certificate.

        Raises:
            Unavailable: the key cannot be read or decrypted now.
            IntegrityFailure: what was read is not that key.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeyName:
    """Where a key is kept: its role (``root``, ``issuing``, ``endpoint``) and its id within the authority."""

    role: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """An encrypted blob: the wrapped data key, the nonce, and the ciphertext with its tag."""

    wrapped_key: bytes
    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is kept: an envelope, or the id of a KMS key that signs; and its chain, own certificate first."""

    name: KeyName
    material: Envelope | str
    chain: tuple[x509.Certificate, ...]


class KeyStore(Protocol):
    """Where encrypted keys are kept."""

    def put(self, stored: StoredKey, *, instead_of: x509.Certificate | None = None) -> None:
        """Keep a new key, or put it in the place of the one with the certificate ``instead_of``.

        Raises:
            Conflict: there is a key of that name, or not the one to replace.
        """
        ...

    def get(self, name: KeyName) -> StoredKey | None:
        """The key of a name, read consistently."""
        ...


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A key out of the vault, with its certificate first in the chain."""

    private_key: IssuingPrivateKey
    chain: tuple[x509.Certificate, ...]


class KeyVault(Protocol):
    """Keys as they are kept: encrypted, beside the certificates that belong to them."""

    def seal(self, name: KeyName, key: IssuingPrivateKey, chain: tuple[x509.Certificate, ...]) -> None:
        """Encrypt and keep a new key; one that is there under the name is never overwritten.

        Raises:
            Conflict: there is a key of that name.
        """
        ...

    def replace(
        self,
        name: KeyName,
        key: IssuingPrivateKey,
        chain: tuple[x509.Certificate, ...],
        *,
        instead_of: x509.Certificate,
    ) -> None:
        """Put a new key and chain in the place of the ones whose first certificate is ``instead_of``.

        Raises:
            Conflict: another one is there by now.
        """
        ...

    def chain(self, name: KeyName) -> tuple[x509.Certificate, ...] | None:
        """The certificates of a key, own one first, without opening it; ``None`` when there is none of that name."""
        ...

    def open(self, name: KeyName) -> SealedKey | None:
        """Read and decrypt a key, ``None`` when there is none of that name."""
        ...


class SettingsStore(Protocol):
    """What bootstrap and administration write; every method is conditional."""

    def load(self) -> Authority | None:
        """The authority as stored, read consistently, ``None`` before bootstrap."""
        ...

    def create(self, authority: Authority, first_provisioner: Mapping[str, Any], provisioner_id: str) -> None:
        """Write an authority with its first provisioner, given in step's JSON form.

        Raises:
            Conflict: it exists.
        """
        ...
