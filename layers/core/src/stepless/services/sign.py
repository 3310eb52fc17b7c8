"""POST /sign: a one-time token and a certificate request become a certificate."""

from __future__ import annotations

from dataclasses import dataclass

from stepless.domain.audience import Operation
from stepless.domain.csr import (
    CertificateRequest,
    check_common_name_allowed,
    check_confirmation,
    check_names_match,
    load_csr,
    verify_csr,
)
from stepless.domain.names import check_common_name
from stepless.domain.profile import leaf_content
from stepless.domain.provisioners import Grant
from stepless.domain.token import LEEWAY, parse_token
from stepless.domain.validity import RequestedValidity, decide_validity
from stepless.errors import MalformedRequest
from stepless.services.issue import IssuanceOrder, IssueCertificate, Issued, reference
from stepless.services.ports import AuthoritySource, Clock, Spend


@dataclass(frozen=True, slots=True)
class SignRequest:
    """What a client sends: PEM request, token, wished validity. ``body_sha256`` makes a repeat recognizable."""

    csr_pem: str
    token: str
    validity: RequestedValidity
    body_sha256: bytes


class SignCertificate:
    """Checks everything before the key is used; the token is spent in the same write that records the certificate."""

    def __init__(self, source: AuthoritySource, issue: IssueCertificate, clock: Clock) -> None:
        """Take the settings, the issuing service and the time."""
        self._source = source
        self._issue = issue
        self._clock = clock

    def __call__(self, request: SignRequest) -> Issued:
        """Issue what the token grants.

        Raises:
            MalformedRequest: there is no token.
            Unauthenticated: the token is not valid here, or was used for another request.
            BadCSR, Forbidden, KeyNotAllowed, InvalidValidity, ValidityNotAllowed: the request does not fit the token.
            Unavailable: a service did not answer; the same request may be sent again.
        """
        now = self._clock.now()
        csr = load_csr(request.csr_pem)
        if not request.token:
            raise MalformedRequest("missing ott")
        authority = self._source.authority()
        token = parse_token(request.token)
        provisioner = authority.provisioner_for(token, Operation.SIGN)
        grant = provisioner.verify(token, now=now)
        # The request's own signature costs as much as the token's: only now is it worth the work.
        proven = verify_csr(csr)
        _check_request(proven, grant)
        issuer = self._issue.issuer(authority)
        content = leaf_content(
            subject=check_common_name(grant.claims.subject),
            names=grant.names,
            public_key=proven.public_key,
            validity=decide_validity(
                request.validity,
                provisioner.claims,
                now=now,
                backdate=authority.backdate,
                credential=grant.credential,
            ),
            stamp=None if provisioner.claims.disable_smallstep_extensions else provisioner.stamp,
            authority_key=issuer.authority_key_identifier,
        )
        order = IssuanceOrder(
            content,
            requester=grant.claims.subject,
            provisioner=reference(provisioner),
            spend=Spend(grant.reuse_key, request.body_sha256, grant.claims.expires_at + 2 * LEEWAY),
        )
        return Issued(self._issue(order, issuer, now=now), authority)


def _check_request(csr: CertificateRequest, grant: Grant) -> None:
    check_confirmation(csr, grant.claims.confirmation)
    check_common_name_allowed(csr, grant.common_names)
    check_names_match(csr, grant.names)
