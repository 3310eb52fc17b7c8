"""POST /revoke: passive revocation, so that a certificate is not renewed any more (RFC 5280 §5.3.1 reasons)."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509

from stepless.domain.audience import Operation
from stepless.domain.authority import Authority
from stepless.domain.certificate import MAX_REASON_TEXT, Revocation, reason_code
from stepless.domain.chain import issued_by
from stepless.domain.serial import parse_serial
from stepless.domain.token import LEEWAY, parse_token
from stepless.errors import Forbidden, MalformedRequest, NotSupported, Unauthenticated
from stepless.services.issue import request_sha256
from stepless.services.ports import AuthoritySource, CertificateStore, Clock, KeySets, Spend
from stepless.services.tokens import verify_token


@dataclass(frozen=True, slots=True)
class RevokeRequest:
    """What a client sends; ``serial`` is text in one of Go's integer notations."""

    serial: str
    token: str
    reason_code: int
    reason: str
    passive: bool


class RevokeCertificate:
    """Revokes on a provisioner's token, or on the word of the certificate itself."""

    def __init__(self, source: AuthoritySource, store: CertificateStore, key_sets: KeySets, clock: Clock) -> None:
        """Take the settings, the inventory, the keys of identity providers and the time."""
        self._source = source
        self._store = store
        self._key_sets = key_sets
        self._clock = clock

    def __call__(self, request: RevokeRequest, client_certificate: x509.Certificate | None) -> int:
        """Record the revocation; returns the serial. A serial that was never issued here is recorded too.

        Raises:
            MalformedRequest: serial or reason missing or wrong, or no proof at all.
            NotSupported: active revocation, which this authority does not offer.
            Unauthenticated: token or certificate is not valid here.
            Forbidden: it speaks of another serial.
            AlreadyRevoked: the serial was revoked before.
            Unavailable: a service did not answer.
        """
        serial = parse_serial(request.serial)
        reason = reason_code(request.reason_code)
        if len(request.reason) > MAX_REASON_TEXT:
            raise MalformedRequest(f"reason is longer than {MAX_REASON_TEXT} characters")
        if not request.passive:
            raise NotSupported("active revocation is not offered, only passive")
        authority = self._source.authority()
        if request.token:
            revoked_by, spend = self._by_token(request, serial, authority)
        else:
            revoked_by, spend = self._by_certificate(client_certificate, serial, authority), None
        revocation = Revocation(self._clock.now(), reason, request.reason, revoked_by)
        self._store.revoke(serial, revocation, spend=spend)
        return serial

    def _by_token(self, request: RevokeRequest, serial: int, authority: Authority) -> tuple[str, Spend]:
        token = parse_token(request.token)
        provisioner = authority.provisioner_for(token, Operation.REVOKE)
        grant = verify_token(provisioner, token, self._key_sets, now=self._clock.now())
        if not grant.may_revoke:
            raise Unauthenticated("the token's bearer is no administrator, who alone may revoke with this provisioner")
        if grant.claims.subject != str(serial):
            raise Forbidden(f'request serial number "{serial}" and token subject "{grant.claims.subject}" do not match')
        body = request_sha256(str(serial).encode(), str(request.reason_code).encode(), request.reason.encode())
        return provisioner.name, Spend(grant.spend_key(body), body, grant.spend_until + 2 * LEEWAY)

    def _by_certificate(self, certificate: x509.Certificate | None, serial: int, authority: Authority) -> str:
        if certificate is None:
            raise MalformedRequest("missing ott or client certificate")
        if not issued_by(certificate, (intermediate.certificate for intermediate in authority.intermediates)):
            raise Unauthenticated("the client certificate was not issued by this authority")
        if not certificate.not_valid_before_utc <= self._clock.now() <= certificate.not_valid_after_utc:
            raise Unauthenticated("the client certificate is not valid now")
        if certificate.serial_number != serial:
            raise Forbidden(
                f'request serial number "{serial}" and certificate serial number '
                f'"{certificate.serial_number}" do not match'
            )
        return "certificate"
