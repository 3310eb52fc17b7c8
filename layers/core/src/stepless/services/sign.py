"""POST /sign: a one-time token and a certificate request become a certificate."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stepless.domain.audience import Operation
from stepless.domain.authority import Authority, certificate_pem
from stepless.domain.csr import CertificateRequest, check_confirmation, load_csr, verify_csr
from stepless.domain.issuance import signature_algorithm
from stepless.domain.names import check_common_name
from stepless.domain.policy.engine import check_names
from stepless.domain.profile import DesignedCertificate, leaf_design
from stepless.domain.provisioners import Grant, Provisioner
from stepless.domain.provisioners.model import RequestNames
from stepless.domain.template import TemplateRequest, apply_template
from stepless.domain.token import LEEWAY, parse_token
from stepless.domain.validity import RequestedValidity, decide_validity
from stepless.domain.webhook import Draft, Inquiry
from stepless.errors import BadTemplateOutput, MalformedRequest
from stepless.services.issue import IssuanceOrder, IssueCertificate, Issued, reference
from stepless.services.ports import AuthoritySource, Clock, KeySets, Spend, Webhooks
from stepless.services.tokens import verify_token
from stepless.services.webhooks import WebhookRound


@dataclass(frozen=True, slots=True)
class SignRequest:
    """What a client sends: PEM request, token, wished validity, and data for a custom template.

    ``body_sha256`` makes a repeat recognizable, ``request_id`` is what webhooks are told it is called.
    """

    csr_pem: str
    token: str
    validity: RequestedValidity
    body_sha256: bytes
    template_data: object = None
    request_id: str = ""


class SignCertificate:
    """Checks everything before the key is used; the token is spent in the same write that records the certificate."""

    def __init__(
        self, source: AuthoritySource, issue: IssueCertificate, key_sets: KeySets, webhooks: Webhooks, clock: Clock
    ) -> None:
        """Take the settings, the issuing service, the keys of identity providers, webhooks and the time."""
        self._source = source
        self._issue = issue
        self._key_sets = key_sets
        self._webhooks = webhooks
        self._clock = clock

    def __call__(self, request: SignRequest) -> Issued:
        """Issue what the token grants.

        Raises:
            MalformedRequest: there is no token.
            Unauthenticated: the token is not valid here, or was used for another request.
            BadCSR, Forbidden, KeyNotAllowed, InvalidValidity, ValidityNotAllowed: the request does not fit the token.
            WebhookDenied, CertificateNotAuthorized: a webhook of the provisioner does not allow it.
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
        template_request = _template_request(request, proven, grant)
        asked = self._round(request, template_request, grant, provisioner, authority) if provisioner.webhooks else None
        if asked is not None:
            asked.enrich()
            template_request = replace(template_request, webhooks=asked.data)
        design = self._design(template_request, proven, grant, provisioner, authority)
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
        if asked is not None:
            asked.authorize(Draft(design, validity, grant.names, from_request=_names_are_requested(grant)))
        order = IssuanceOrder(
            design.content(validity),
            requester=grant.claims.subject,
            provisioner=reference(provisioner),
            spend=Spend(grant.spend_key(request.body_sha256), request.body_sha256, grant.spend_until + 2 * LEEWAY),
            serial=design.serial_number,
        )
        return Issued(self._issue(order, self._issue.issuer(authority), now=now), authority)

    def _design(
        self,
        request: TemplateRequest,
        csr: CertificateRequest,
        grant: Grant,
        provisioner: Provisioner,
        authority: Authority,
    ) -> DesignedCertificate:
        """The certificate but for its dates, by the provisioner's template, or as step's default leaf."""
        stamp = None if provisioner.claims.disable_smallstep_extensions else grant.stamp or provisioner.stamp
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
            request,
            public_key=csr.public_key,
            authority_key=authority.issuing_key_identifier,
            stamp=stamp,
            now=self._clock.now(),
        )
        own_algorithm = signature_algorithm(authority.issuing.certificate)
        if design.signature_algorithm not in (None, own_algorithm):
            raise BadTemplateOutput(f"signatureAlgorithm: the issuing key signs with {own_algorithm}")
        return design

    def _round(
        self,
        request: SignRequest,
        template_request: TemplateRequest,
        grant: Grant,
        provisioner: Provisioner,
        authority: Authority,
    ) -> WebhookRound:
        """Whom to ask about a request, which nobody was yet."""
        template = provisioner.template
        inquiry = Inquiry(
            provisioner=provisioner.name,
            csr=template_request.csr,
            # The default template takes nothing from the request, nor do addresses beside it.
            template_request=replace(template_request, user=None) if template is None else template_request,
            configured={} if template is None else template.data,
            credential=grant.credential_certificate,
            principal=grant.principal,
        )
        roots = "".join(map(certificate_pem, authority.roots))
        return WebhookRound(provisioner.webhooks, inquiry, roots, request.request_id, self._webhooks, self._clock)


def _template_request(request: SignRequest, csr: CertificateRequest, grant: Grant) -> TemplateRequest:
    return TemplateRequest(
        csr=csr.csr,
        subject=grant.template_subject,
        names=grant.template_names,
        token=grant.claims.all,
        user=request.template_data,
        authorization=grant.credential_certificate,
    )


def _names_are_requested(grant: Grant) -> bool:
    return grant.template_names is None or grant.request_names is RequestNames.GRANTED
