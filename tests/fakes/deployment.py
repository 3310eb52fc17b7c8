"""An authority as a whole on fakes: real keys, real certificates, real services, no AWS."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cryptography import x509

from stepless.domain.authority import Authority, Intermediate
from stepless.domain.claims import Claims, merge_claims
from stepless.domain.durations import parse_time_duration
from stepless.domain.provisioners import read_provisioner
from stepless.domain.validity import RequestedValidity
from stepless.services.endpoint import KeepEndpointCertificate
from stepless.services.issue import IssueCertificate, Issued, request_sha256
from stepless.services.renew import RenewalProof, RenewCertificate
from stepless.services.revoke import RevokeCertificate, RevokeRequest
from stepless.services.sign import SignCertificate, SignRequest
from tests.fakes.certificate_requests import csr_pem, make_csr
from tests.fakes.certificates import MemoryCertificates
from tests.fakes.clock import FrozenClock
from tests.fakes.ephemeral_ca import EphemeralCA, make_ca, sign_leaf
from tests.fakes.faults import Faults
from tests.fakes.identity_provider import IdentityProvider, MemoryKeySets
from tests.fakes.keys import MemoryIssuerKeys, MemoryVault
from tests.fakes.private_keys import PrivateKey, p256
from tests.fakes.settings import FixedAuthority
from tests.fakes.tokens import HOST, JWKTokens, X5CTokens
from tests.fakes.webhooks import MemoryWebhooks


def wish(not_before: str = "", not_after: str = "") -> RequestedValidity:
    """Wished dates in step's notation."""
    return RequestedValidity(parse_time_duration(not_before), parse_time_duration(not_after))


class Deployment:
    """One authority with two provisioners: ``admin`` (JWK) and ``clients`` (X5C, under a CA of its own)."""

    def __init__(
        self,
        *,
        claims: Mapping[str, Any] | None = None,
        authority_claims: Mapping[str, Any] | None = None,
        ca: EphemeralCA | None = None,
        faults: Faults | None = None,
    ) -> None:
        """``claims`` are those of both provisioners, in step's JSON form."""
        self.clock = FrozenClock()
        self.ca = ca or make_ca()
        self.client_ca = make_ca("Clients")
        self.admin = JWKTokens()
        client_key = p256()
        chain = (sign_leaf(self.client_ca.issuing, client_key), self.client_ca.intermediate_certificate)
        self.clients = X5CTokens("clients", chain, client_key, (self.client_ca.root_certificate,))
        effective = merge_claims(Claims(), authority_claims)
        documents = {"p-admin": self.admin.document, "p-clients": self.clients.document}
        self.source = FixedAuthority(
            Authority(
                id="test",
                name="Ephemeral",
                dns_names=(HOST, "127.0.0.1", "::1"),
                roots=(self.ca.root_certificate,),
                intermediates=(Intermediate("intermediate-1", self.ca.intermediate_certificate),),
                provisioners=tuple(
                    read_provisioner(key, {**document, "claims": claims}, effective)
                    for key, document in documents.items()
                ),
                claims=effective,
            )
        )
        self.certificates = MemoryCertificates(faults)
        self.vault = MemoryVault(faults)
        self.issue = IssueCertificate(MemoryIssuerKeys(self.ca.issuing), self.certificates)
        self.idp = IdentityProvider()
        self.key_sets = MemoryKeySets(self.idp)
        self.webhooks = MemoryWebhooks()
        self.signs = SignCertificate(self.source, self.issue, self.key_sets, self.webhooks, self.clock)
        self.renews = RenewCertificate(self.source, self.issue, self.certificates, self.clock)
        self.revokes = RevokeCertificate(self.source, self.certificates, self.key_sets, self.clock)
        self.keeps_endpoint = KeepEndpointCertificate(self.vault, self.issue, self.clock)

    @property
    def authority(self) -> Authority:
        """The authority as it stands."""
        return self.source.authority()

    def change(self, **changes: Any) -> None:
        """Change the settings."""
        self.source.current = replace(self.authority, **changes)

    def set_provisioners(self, **documents: Mapping[str, Any]) -> None:
        """Put provisioners, given as documents by id, in the place of those that are there."""
        claims = self.authority.claims
        self.change(provisioners=tuple(read_provisioner(key, value, claims) for key, value in documents.items()))

    def sign(
        self,
        csr: x509.CertificateSigningRequest | str | None = None,
        token: str | None = None,
        *,
        validity: RequestedValidity | None = None,
        body: bytes | None = None,
        template_data: object = None,
    ) -> Issued:
        """POST /sign; ``body`` stands for the bytes of the request, by default a function of all its parts."""
        pem = csr if isinstance(csr, str) else csr_pem(csr or make_csr())
        ott = self.admin.token() if token is None else token
        sha256 = request_sha256(body if body is not None else f"{pem}{ott}{validity}{template_data}".encode())
        return self.signs(SignRequest(pem, ott, validity or RequestedValidity(), sha256, template_data))

    def leaf(
        self, key: PrivateKey | None = None, subject: str = "leaf.example", sans: Iterable[str] | None = None
    ) -> x509.Certificate:
        """A certificate out of POST /sign, by default for a key that nobody keeps."""
        names = list(sans) if sans is not None else None
        return self.sign(make_csr(key=key), self.admin.token(subject, sans=names)).record.certificate

    def renew(self, certificate: x509.Certificate | None = None, token: str = "") -> Issued:
        """POST /renew with a client certificate or a token."""
        return self.renews.renew(RenewalProof(certificate, token))

    def revoke(
        self,
        serial: int | str,
        token: str = "",
        certificate: x509.Certificate | None = None,
        **changes: Any,
    ) -> int:
        """POST /revoke."""
        fields = {"reason_code": 0, "reason": "", "passive": True, **changes}
        return self.revokes(RevokeRequest(str(serial), token, **fields), certificate)

    def later(self, **delta: float) -> None:
        """Move the clock."""
        self.clock.advance(timedelta(**delta))
