"""POST /sign: a one-time token and a certificate request become a certificate."""

from __future__ import annotations

from dataclasses import dataclass

from stepless.domain.audience import Operation
from stepless.domain.authority import Authority
from stepless.domain.csr import CertificateRequest, check_confirmation, load_csr, verify_csr
from stepless.domain.issuance import signature_algorithm
from stepless.domain.names import check_common_name
from stepless.domain.policy.engine import check_names
from stepless.domain.profile import DesignedCertificate, leaf_design
from stepless.domain.provisioners import Grant, Provisioner
from stepless.domain.template import TemplateRequest, apply_template
from stepless.domain.token import LEEWAY, parse_token
from stepless.domain.validity import RequestedValidity, decide_validity
from stepless.errors import BadTemplateOutput, MalformedRequest
from stepless.services.issue import IssuanceOrder, IssueCertificate, Issued, reference
from stepless.services.ports import AuthoritySource, Clock, KeySets, Spend
from stepless.services.tokens import verify_token


@dataclass(frozen=True, slots=True)
class SignRequest:
    """What a client sends: PEM request, token, wished validity, and data for a custom template.

    ``body_sha256`` makes a repeat recognizable.
    """

    csr_pem: str
    token: str
    validity: RequestedValidity
    body_sha256: bytes
    template_data: object = None


class SignCertificate:
    """Checks everything before the key is used; the token is spent in the same write that records the certificate."""

    def __init__(self, source: AuthoritySource, issue: IssueCertificate, key_sets: KeySets, clock: Clock) -> None:
        """Take the settings, the issuing service, the keys of identity providers and the time."""
        self._source = source
        self._issue = issue
        self._key_sets = key_sets
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
        grant = verify_token(provisioner, token, self._key_sets, now=now)
        # The request's own signature costs as much as the token's: only now is it worth the work.
        proven = verify_csr(csr)
        check_confirmation(proven, grant.claims.confirmation)
        grant = grant.for_request(proven)
        design = self._design(request, proven, grant, provisioner, authority)
        validity = decide_validity(
            design.requested_validity(request.validity),
            provisioner.claims,
            now=now,
            backdate=authority.backdate,
            credential=grant.credential,
        )
        check_names(
            authority.policies_over(provisioner), design.common_name, design.names, has_others=design.has_other_names
        )
        order = IssuanceOrder(
            design.content(validity),
            requester=grant.claims.subject,
            provisioner=reference(provisioner),
            spend=Spend(grant.reuse_key, request.body_sha256, grant.claims.expires_at + 2 * LEEWAY),
            serial=design.serial_number,
        )
        return Issued(self._issue(order, self._issue.issuer(authority), now=now), authority)

    def _design(
        self,
        request: SignRequest,
        csr: CertificateRequest,
        grant: Grant,
        provisioner: Provisioner,
        authority: Authority,
    ) -> DesignedCertificate:
        """The certificate but for its dates, by the provisioner's template, or as step's default leaf."""
        stamp = None if provisioner.claims.disable_smallstep_extensions else provisioner.stamp
        if provisioner.template is None:
            return leaf_design(
                subject=check_common_name(grant.subject),
                names=grant.names,
                public_key=csr.public_key,
                stamp=stamp,
                authority_key=authority.issuing_key_identifier,
            )
        design = apply_template(
            provisioner.template,
            TemplateRequest(
                csr=csr.csr,
                subject=grant.subject,
                names=grant.names,
                token=grant.claims.all,
                user=request.template_data,
                authorization=grant.credential_certificate,
            ),
            public_key=csr.public_key,
            authority_key=authority.issuing_key_identifier,
            stamp=stamp,
            now=self._clock.now(),
        )
        own_algorithm = signature_algorithm(authority.issuing.certificate)
        if design.signature_algorithm not in (None, own_algorithm):
            raise BadTemplateOutput(f"signatureAlgorithm: the issuing key signs with {own_algorithm}")
        return design
