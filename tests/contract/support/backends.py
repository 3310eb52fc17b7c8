"""What the ports stand on: the fakes, or the real adapters over an AWS. Every contract test takes one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from stepless.domain.authority import Authority
from stepless.domain.issuance import Issuer
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioners import Provisioner
from stepless.keys.vault import KMSVault, VaultIssuerKeys
from stepless.runtime.aws import AWSClients
from stepless.services.ports import CertificateStore, Clock, IssuerKeys, KeyName, KeyStore, KeyVault, SettingsStore
from stepless.store.certificates import DynamoCertificates
from stepless.store.dynamodb import DynamoDB
from stepless.store.keys import DynamoKeys
from stepless.store.settings import DynamoSettings
from stepless.store.table import Table
from tests.contract.support.tables import Tables, create_tables
from tests.fakes.certificates import MemoryCertificates
from tests.fakes.keys import MemoryIssuerKeys, MemoryKeys, MemoryVault
from tests.fakes.settings import MemorySettings


class Settings(SettingsStore, Protocol):
    """The port, and what provisioner commands need beside it."""

    def add_provisioner(self, authority: Authority, document: Mapping[str, Any], provisioner_id: str) -> Provisioner:
        """See `DynamoSettings`."""
        ...

    def set_policy(self, policy: NamePolicy) -> None:
        """See `DynamoSettings`."""
        ...

    def remove_provisioner(self, name: str) -> None:
        """See `DynamoSettings`."""
        ...


class Backend(Protocol):
    """Makes the adapters of one authority; two of the same authority see the same data."""

    name: str

    def certificates(self, authority_id: str) -> CertificateStore: ...

    def settings(self, authority_id: str, clock: Clock) -> Settings: ...

    def keys(self, authority_id: str) -> KeyStore: ...

    def vault(self, authority_id: str) -> KeyVault: ...

    def issuer_keys(self, authority_id: str, *issuers: Issuer) -> IssuerKeys:
        """The issuing keys of a function, with some in it."""
        ...


@dataclass(slots=True)
class Memory:
    """The fakes."""

    name: str = "fakes"
    _made: dict[tuple[type, str], Any] = field(default_factory=dict)

    def _of(self, kind: type, authority_id: str) -> Any:
        return self._made.setdefault((kind, authority_id), kind())

    def certificates(self, authority_id: str) -> MemoryCertificates:
        made: MemoryCertificates = self._of(MemoryCertificates, authority_id)
        return made

    def settings(self, authority_id: str, clock: Clock) -> MemorySettings:
        del clock  # the fake keeps the order of making without one
        made: MemorySettings = self._of(MemorySettings, authority_id)
        return made

    def keys(self, authority_id: str) -> MemoryKeys:
        made: MemoryKeys = self._of(MemoryKeys, authority_id)
        return made

    def vault(self, authority_id: str) -> MemoryVault:
        made: MemoryVault = self._of(MemoryVault, authority_id)
        return made

    def issuer_keys(self, authority_id: str, *issuers: Issuer) -> MemoryIssuerKeys:
        del authority_id
        return MemoryIssuerKeys(*issuers)


@dataclass(frozen=True, slots=True)
class AWS:
    """The real adapters, with the clients that the functions use, and the SDK's client for the test itself."""

    name: str
    dynamodb: DynamoDB
    kms: Any
    sdk: Any
    tables: Tables
    _kms_keys: dict[str, str] = field(default_factory=dict)

    @classmethod
    def prepared(cls, name: str, clients: AWSClients, sdk: Any) -> "AWS":
        """Over new tables, which the SDK's client makes."""
        return cls(name, clients.dynamodb(), clients.kms(), sdk, create_tables(sdk))

    def kms_key(self, purpose: str) -> str:
        """The ARN of a KMS key for one purpose, made when it is first asked for: moto takes 0.2 s for it."""
        if purpose not in self._kms_keys:
            self._kms_keys[purpose] = self.kms.create_key()["KeyMetadata"]["Arn"]
        return self._kms_keys[purpose]

    @property
    def table(self) -> Table:
        return Table(self.dynamodb)

    def certificates(self, authority_id: str) -> DynamoCertificates:
        return DynamoCertificates(self.table, authority_id, self.tables.certificates, self.tables.tickets)

    def settings(self, authority_id: str, clock: Clock) -> DynamoSettings:
        return DynamoSettings(self.table, authority_id, self.tables.settings, clock)

    def keys(self, authority_id: str) -> DynamoKeys:
        return DynamoKeys(self.table, authority_id, self.tables.keys)

    def vault(self, authority_id: str) -> KMSVault:
        seals = {"root": "root", "issuing": "issuing", "endpoint": "issuing"}
        kms_keys = {role: self.kms_key(purpose) for role, purpose in seals.items()}
        return KMSVault(self.keys(authority_id), self.kms, authority_id, kms_keys)

    def issuer_keys(self, authority_id: str, *issuers: Issuer) -> VaultIssuerKeys:
        sealing = self.vault(authority_id)
        for issuer in issuers:
            sealing.seal(KeyName("issuing", issuer.key_id), issuer.private_key, (issuer.certificate,))
        # As in a function that signs: it knows no KMS key by name.
        return VaultIssuerKeys(KMSVault(self.keys(authority_id), self.kms, authority_id))
