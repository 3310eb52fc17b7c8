"""The composition root: which adapters a function's services stand on. Each part is made once, when first asked for."""

from __future__ import annotations

from functools import cached_property

from stepless.domain.authority import Authority
from stepless.keys.vault import KMSVault, VaultIssuerKeys
from stepless.outbound.key_sets import FetchedKeySets
from stepless.outbound.webhooks import PostedWebhooks
from stepless.runtime.aws import AWSClients
from stepless.runtime.clock import SystemClock
from stepless.runtime.settings import FunctionSettings
from stepless.services.bootstrap import BootstrapAuthority
from stepless.services.endpoint import KeepEndpointCertificate
from stepless.services.issue import IssueCertificate
from stepless.services.ports import AuthoritySource, Clock, KeySets
from stepless.services.renew import RenewCertificate
from stepless.services.revoke import RevokeCertificate
from stepless.services.sign import SignCertificate
from stepless.store.certificates import DynamoCertificates
from stepless.store.keys import DynamoKeys
from stepless.store.settings import CachedAuthority, DynamoSettings
from stepless.store.table import Table


class Wiring:
    """The services of one function environment."""

    def __init__(self, settings: FunctionSettings, aws: AWSClients | None = None, clock: Clock | None = None) -> None:
        """Take the function's settings; nothing is connected before it is used."""
        self.settings = settings
        self.aws = aws or AWSClients()
        self.clock = clock or SystemClock()

    @cached_property
    def _table(self) -> Table:
        return Table(self.aws.dynamodb())

    @cached_property
    def settings_store(self) -> DynamoSettings:
        """The authority's settings, uncached."""
        return DynamoSettings(self._table, self.settings.authority_id, self.settings.settings_table, self.clock)

    @cached_property
    def source(self) -> AuthoritySource:
        """The authority's settings for request handlers."""
        return CachedAuthority(self.settings_store, self.clock)

    def source_authority(self) -> Authority:
        """The authority for request handlers."""
        return self.source.authority()

    @cached_property
    def certificates(self) -> DynamoCertificates:
        """The inventory."""
        settings = self.settings
        return DynamoCertificates(
            self._table, settings.authority_id, settings.certificates_table, settings.tickets_table
        )

    @cached_property
    def _keys(self) -> DynamoKeys:
        return DynamoKeys(self._table, self.settings.authority_id, self.settings.keys_table)

    @cached_property
    def _reading_vault(self) -> KMSVault:
        """Opens keys; which ones, the function's role decides."""
        return KMSVault(self._keys, self.aws.kms(), self.settings.authority_id)

    @cached_property
    def issue(self) -> IssueCertificate:
        """The issuing service."""
        return IssueCertificate(VaultIssuerKeys(self._reading_vault), self.certificates)

    @cached_property
    def key_sets(self) -> KeySets:
        """The keys of identity providers."""
        return FetchedKeySets(self.clock)

    @cached_property
    def sign(self) -> SignCertificate:
        """POST /sign."""
        return SignCertificate(self.source, self.issue, self.key_sets, PostedWebhooks(), self.clock)

    @cached_property
    def renew(self) -> RenewCertificate:
        """POST /renew and /rekey."""
        return RenewCertificate(self.source, self.issue, self.certificates, self.clock)

    @cached_property
    def revoke(self) -> RevokeCertificate:
        """POST /revoke."""
        return RevokeCertificate(self.source, self.certificates, self.key_sets, self.clock)

    @cached_property
    def keep_endpoint(self) -> KeepEndpointCertificate:
        """The endpoint's TLS certificate."""
        seals = {"endpoint": self.settings.issuing_kms_key}
        vault = KMSVault(self._keys, self.aws.kms(), self.settings.authority_id, seals)
        return KeepEndpointCertificate(vault, self.issue, self.clock)

    @cached_property
    def bootstrap(self) -> BootstrapAuthority:
        """The making of an authority."""
        seals = {"root": self.settings.root_kms_key, "issuing": self.settings.issuing_kms_key}
        vault = KMSVault(self._keys, self.aws.kms(), self.settings.authority_id, seals)
        return BootstrapAuthority(vault, self.settings_store, self.keep_endpoint, self.clock)

    def provisioner_password(self) -> str:
        """The first provisioner's password, out of its secret."""
        answer = self.aws.secrets_manager().get_secret_value(SecretId=self.settings.provisioner_secret)
        return answer["SecretString"]
