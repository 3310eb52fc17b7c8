"""The authority's own TLS certificate: made through the same door as any other, renewed well before it expires."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from stepless.domain.authority import Authority
from stepless.domain.certificate import certificate_names
from stepless.domain.claims import Claims
from stepless.domain.names import classify_all
from stepless.domain.profile import leaf_design
from stepless.domain.validity import RequestedValidity, Validity, decide_validity
from stepless.errors import Conflict
from stepless.services.issue import IssuanceOrder, IssueCertificate
from stepless.services.ports import Clock, KeyName, KeyVault

ENDPOINT_KEY: Final = KeyName("endpoint", "current")
ENDPOINT_LIFETIME: Final = timedelta(hours=24)
# step-ca names its own certificate so.
_COMMON_NAME: Final = "Step Online CA"


class KeepEndpointCertificate:
    """Issues the endpoint's certificate when there is none, when two thirds of it have passed, or its names changed."""

    def __init__(self, vault: KeyVault, issue: IssueCertificate, clock: Clock) -> None:
        """Take where keys are kept, the issuing service and the time."""
        self._vault = vault
        self._issue = issue
        self._clock = clock

    def __call__(self, authority: Authority) -> bool:
        """Whether a new certificate was made. Of two runs at once only one's certificate stays.

        Raises:
            Unavailable: a service did not answer; the certificate that is there goes on.
        """
        now = self._clock.now()
        current = self._vault.chain(ENDPOINT_KEY)
        names = classify_all(authority.dns_names)
        if current is not None:
            leaf = current[0]
            remaining = leaf.not_valid_after_utc - now
            issuer_stands = leaf.issuer == authority.issuing.certificate.subject
            if (
                remaining > ENDPOINT_LIFETIME / 3
                and issuer_stands
                and set(certificate_names(leaf)) == {name.value for name in names}
            ):
                return False
        issuer = self._issue.issuer(authority)
        key = ec.generate_private_key(ec.SECP256R1())
        content = leaf_design(
            subject=_COMMON_NAME,
            names=names,
            public_key=key.public_key(),
            stamp=None,
            authority_key=issuer.authority_key_identifier,
        ).content(self._validity(authority))
        record = self._issue(IssuanceOrder(content, requester="endpoint", provisioner=None), issuer, now=now)
        chain = (record.certificate, authority.issuing.certificate)
        try:
            if current is None:
                self._vault.seal(ENDPOINT_KEY, key, chain)
            else:
                self._vault.replace(ENDPOINT_KEY, key, chain, instead_of=current[0])
        except Conflict:
            return False
        return True

    def _validity(self, authority: Authority) -> Validity:
        claims = Claims(default_tls_duration=ENDPOINT_LIFETIME)
        return decide_validity(RequestedValidity(), claims, now=self._clock.now(), backdate=authority.backdate)
