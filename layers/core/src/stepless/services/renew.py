"""POST /renew and /rekey: a certificate of this authority proves itself and is continued."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from stepless.domain.audience import Operation, audience_for
from stepless.domain.authority import Authority
from stepless.domain.certificate import UNREADABLE, certificate_sha256
from stepless.domain.chain import certificates_from_header, check_signing_leaf, issued_by
from stepless.domain.csr import load_csr, verify_csr
from stepless.domain.durations import format_go_time
from stepless.domain.names import name_of
from stepless.domain.policy.engine import check_names
from stepless.domain.profile import renewed_content
from stepless.domain.provisioner_extension import read_stamp
from stepless.domain.provisioners import Provisioner
from stepless.domain.provisioners.model import token_reuse_key
from stepless.domain.public_keys import SubjectPublicKey, check_public_key
from stepless.domain.token import (
    LEEWAY,
    UntrustedToken,
    algorithms_for,
    check_times,
    parse_token,
    verification_key,
    verify_signature,
)
from stepless.domain.validity import Validity
from stepless.errors import (
    BadRenewToken,
    MalformedRequest,
    RenewalRefused,
    Unauthenticated,
)
from stepless.services.issue import (
    IssuanceOrder,
    IssueCertificate,
    Issued,
    reference,
    request_sha256,
)
from stepless.services.ports import AuthoritySource, CertificateStore, Clock, Spend, Succession

_CLIENT_ISSUER: Final = "step-ca-client/1.0"


@dataclass(frozen=True, slots=True)
class RenewalProof:
    """How a client proves the certificate to renew: with TLS, or with a token signed by its key (not both)."""

    client_certificate: x509.Certificate | None = None
    token: str = ""


class RenewCertificate:
    """Renews by certificate or by token, and rekeys by certificate."""

    def __init__(
        self,
        source: AuthoritySource,
        issue: IssueCertificate,
        store: CertificateStore,
        clock: Clock,
    ) -> None:
        """Take the settings, the issuing service, the inventory and the time."""
        self._source = source
        self._issue = issue
        self._store = store
        self._clock = clock

    def renew(self, proof: RenewalProof) -> Issued:
        """The same certificate with a new serial and new dates.

        Raises:
            MalformedRequest: there is no proof at all.
            BadRenewToken: the token does not hold.
            Unauthenticated: the certificate is revoked or not from here.
            RenewalRefused: it expired, and its provisioner does not renew expired ones.
            KeyNotAllowed, NameNotAllowed: its key or a name would not be certified today.
            Unavailable: a service did not answer.
        """
        now = self._clock.now()
        authority = self._source.authority()
        if proof.client_certificate is not None:
            return self._continue(authority, proof.client_certificate, None, None, now)
        if not proof.token:
            raise MalformedRequest("missing client certificate")
        try:
            token = parse_token(proof.token)
        except Unauthenticated as error:
            raise BadRenewToken("error validating renew token") from error
        leaf = _leaf_of_renew_token(token, authority, now)
        spend = Spend(
            key=token_reuse_key("renew", token),
            request_sha256=request_sha256(token.compact.encode()),
            expires_at=check_times(token, now=now, require_expiry=False) + 2 * LEEWAY,
        )
        return self._continue(authority, leaf, None, spend, now)

    def rekey(self, client_certificate: x509.Certificate | None, csr_pem: str) -> Issued:
        """The same certificate for the key of a new request, whose names do not matter.

        Raises:
            MalformedRequest: no client certificate.
            BadCSR, KeyNotAllowed: the request does not prove a key that may be certified.
            Unauthenticated, RenewalRefused, Unavailable: as for ``renew``.
        """
        if client_certificate is None:
            raise MalformedRequest("missing client certificate")
        key = verify_csr(load_csr(csr_pem)).public_key
        return self._continue(self._source.authority(), client_certificate, key, None, self._clock.now())

    def _continue(
        self,
        authority: Authority,
        old: x509.Certificate,
        new_key: SubjectPublicKey | None,
        spend: Spend | None,
        now: datetime,
    ) -> Issued:
        if not issued_by(old, (intermediate.certificate for intermediate in authority.intermediates)):
            raise Unauthenticated("the certificate was not issued by this authority")
        provisioner = self._provisioner_of(authority, old)
        _check_renewable(old, provisioner, now)
        _check_policy(old, authority, provisioner)
        if new_key is None:
            check_public_key(old.public_key())
        issuer = self._issue.issuer(authority)
        not_before = now.replace(microsecond=0) - authority.backdate
        content = renewed_content(
            old,
            public_key=new_key,
            validity=Validity(not_before, not_before + (old.not_valid_after_utc - old.not_valid_before_utc)),
            authority_key=issuer.authority_key_identifier,
        )
        order = IssuanceOrder(
            content,
            requester=subject_common_name(old),
            provisioner=reference(provisioner),
            spend=spend,
            succeeds=Succession(old.serial_number, certificate_sha256(old), provisioner.id),
        )
        return Issued(self._issue(order, issuer, now=now), authority)

    def _provisioner_of(self, authority: Authority, certificate: x509.Certificate) -> Provisioner:
        """The provisioner by the certificate's own extension, which we signed; by the record when it has none."""
        stamp = read_stamp(certificate)
        if stamp is not None:
            provisioner = authority.provisioner_named(stamp.name)
        else:
            record = self._store.get(certificate.serial_number)
            known = record.provisioner if record is not None else None
            provisioner = authority.provisioner_with_id(known.id) if known is not None else None
        if provisioner is None:
            raise Unauthenticated("the certificate's provisioner is not one of this authority any more")
        return provisioner


def _leaf_of_renew_token(token: UntrustedToken, authority: Authority, now: datetime) -> x509.Certificate:
    """The certificate in a renew token, after everything about the token was verified (step's ``x5cInsecure``).

    Raises:
        BadRenewToken: any check failed; a wrong claim is named, as step-ca does.
    """
    try:
        leaf = _proven_leaf(token, authority)
    except Unauthenticated as error:
        raise BadRenewToken("error validating renew token") from error
    try:
        _check_renew_claims(token, leaf, authority, now)
    except Unauthenticated as error:
        raise BadRenewToken(f"error validating renew token: {error.detail}") from error
    return leaf


def _proven_leaf(token: UntrustedToken, authority: Authority) -> x509.Certificate:
    leaf = certificates_from_header(token.header.get("x5cInsecure"))[0]
    if not issued_by(leaf, (intermediate.certificate for intermediate in authority.intermediates)):
        raise Unauthenticated("the token's certificate was not issued by this authority")
    key = check_signing_leaf(leaf)
    verify_signature(token, verification_key(key), algorithms_for(key))
    return leaf


def _check_renew_claims(token: UntrustedToken, leaf: x509.Certificate, authority: Authority, now: datetime) -> None:
    subject = subject_common_name(leaf)
    if subject and token.text_claim("sub") != subject:
        raise Unauthenticated("invalid subject claim (sub)")
    check_times(token, now=now, require_expiry=False)
    if audience_for(token.audiences, Operation.RENEW, authority.dns_names) is None:
        raise Unauthenticated("invalid audience claim (aud)")
    stamp = read_stamp(leaf)
    if token.text_claim("iss") not in {_CLIENT_ISSUER, stamp.name if stamp else _CLIENT_ISSUER}:
        raise Unauthenticated("invalid issuer claim (iss)")


def _check_renewable(certificate: x509.Certificate, provisioner: Provisioner, now: datetime) -> None:
    if provisioner.claims.disable_renewal:
        raise Unauthenticated(f"renewal is disabled for provisioner {provisioner.name!r}")
    if now < certificate.not_valid_before_utc:
        raise Unauthenticated("the certificate is not valid yet")
    if now > certificate.not_valid_after_utc and not provisioner.claims.allow_renewal_after_expiry:
        raise RenewalRefused(f"certificate expired on {format_go_time(certificate.not_valid_after_utc)}")


def _check_policy(certificate: x509.Certificate, authority: Authority, provisioner: Provisioner) -> None:
    """Hold a certificate's names to the policies of today, which may be stricter than those of its first issuance."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = [name_of(general_name) for general_name in extension.value]
    except x509.ExtensionNotFound:
        names = []
    policies = authority.policies_over(provisioner)
    known = [name for name in names if name is not None]
    check_names(policies, subject_common_name(certificate), known, has_others=len(known) < len(names))


def subject_common_name(certificate: x509.Certificate) -> str:
    """The common name of a certificate's subject, empty when it has none."""
    values = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(values[0].value) if values else ""


def load_client_certificate(pem: str) -> x509.Certificate:
    """The certificate that a TLS front end passes on.

    Raises:
        Unauthenticated: it does not parse.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        _ = certificate.extensions  # parsed here, where a failure is the client's
    except UNREADABLE as error:
        raise Unauthenticated("the client certificate does not parse") from error
    return certificate
