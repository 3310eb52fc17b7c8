"""What an operator with full rights does from outside of the functions: read the endpoint's key, manage provisioners.

The local gateway takes its TLS certificate from here; provisioner commands are its users until there is an admin API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stepless.domain.authority import Authority, certificate_pem
from stepless.domain.policy.document import parse_policy
from stepless.domain.provisioners import Provisioner, parse_provisioner
from stepless.domain.template import check_template
from stepless.domain.webhook import check_webhook_address
from stepless.errors import NotFound
from stepless.keys.vault import KMSVault
from stepless.runtime.aws import AWSClients
from stepless.runtime.clock import SystemClock
from stepless.services.bootstrap import new_provisioner_id
from stepless.services.endpoint import ENDPOINT_KEY
from stepless.store.keys import DynamoKeys
from stepless.store.settings import DynamoSettings
from stepless.store.table import Table


@dataclass(frozen=True, slots=True)
class EndpointCertificate:
    """What a TLS front end of the authority needs.

    ``client_ca_pem`` are the roots and intermediates that client certificates are verified with.
    """

    chain_pem: bytes
    key_pem: bytes
    client_ca_pem: bytes
    root_pem: bytes
    fingerprint: str
    not_after: datetime


class Operator:
    """One authority, with the operator's own AWS credentials."""

    def __init__(self, aws: AWSClients, authority_id: str, *, settings_table: str, keys_table: str) -> None:
        """Take clients that may read the tables and use the KMS keys."""
        self._aws = aws
        self._authority_id = authority_id
        self._settings_table = settings_table
        self._keys_table = keys_table

    @cached_property
    def _table(self) -> Table:
        return Table(self._aws.dynamodb())

    @cached_property
    def _settings(self) -> DynamoSettings:
        return DynamoSettings(self._table, self._authority_id, self._settings_table, SystemClock())

    def authority(self) -> Authority:
        """The authority as it stands.

        Raises:
            NotFound: it was not bootstrapped.
            Unavailable: AWS did not answer.
        """
        authority = self._settings.load()
        if authority is None:
            raise NotFound(f"there is no authority {self._authority_id!r}")
        return authority

    def endpoint(self) -> EndpointCertificate:
        """The endpoint's certificate with its private key.

        Raises:
            NotFound: the authority has not made one.
            Unavailable: AWS did not answer.
        """
        authority = self.authority()
        keys = DynamoKeys(self._table, self._authority_id, self._keys_table)
        sealed = KMSVault(keys, self._aws.kms(), self._authority_id).open(ENDPOINT_KEY)
        if sealed is None:
            raise NotFound("the authority has no endpoint certificate yet")
        pool = (*authority.roots, *(item.certificate for item in authority.intermediates))
        return EndpointCertificate(
            chain_pem="".join(map(certificate_pem, sealed.chain)).encode(),
            key_pem=sealed.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            client_ca_pem="".join(map(certificate_pem, pool)).encode(),
            root_pem=certificate_pem(authority.roots[0]).encode(),
            fingerprint=next(iter(authority.roots_by_fingerprint)),
            not_after=sealed.chain[0].not_valid_after_utc,
        )

    def set_policy(self, document: object) -> None:
        """Put a name policy, in step's JSON form, in the place of the authority's own.

        Raises:
            ValueError: it says which rule is wrong.
            NotFound: there is no authority.
        """
        self._settings.set_policy(parse_policy(document))

    def add_provisioner(self, document: Mapping[str, Any]) -> Provisioner:
        """Add a provisioner in step's JSON form (an entry of ``authority.provisioners`` in a ``ca.json``).

        Raises:
            ValueError: it says which field is wrong.
            Conflict: its name or key id is taken.
        """
        authority, provisioner_id = self.authority(), new_provisioner_id()
        provisioner = parse_provisioner(provisioner_id, document, authority.claims)
        if provisioner.template is not None:
            check_template(provisioner.template)
        for webhook in provisioner.webhooks:
            check_webhook_address(webhook)
        return self._settings.add_provisioner(authority, document, provisioner_id)

    def remove_provisioner(self, name: str) -> None:
        """Remove a provisioner; its certificates stay valid and are not renewed any more.

        Raises:
            NotFound: there is none of that name.
        """
        self._settings.remove_provisioner(name)
