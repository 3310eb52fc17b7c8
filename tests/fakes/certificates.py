"""The inventory and the spent rights, in memory, with what the port promises about atomicity and repeats."""

from dataclasses import dataclass, replace
from threading import Lock

from stepless.domain.certificate import CertificateRecord, Revocation, certificate_sha256
from stepless.errors import AlreadyRevoked, IntegrityFailure, Unauthenticated
from stepless.services.ports import CertificateStore, Spend, Succession
from tests.fakes.faults import Faults


@dataclass(frozen=True, slots=True)
class SpentRight:
    """What is kept of a one-time right: which request used it up, and for which serial."""

    spend: Spend
    serial: int


class MemoryCertificates:
    """Certificates of one authority. A test may look at ``spent``, ``revocations`` and ``successors``."""

    def __init__(self, faults: Faults | None = None) -> None:
        self._faults = faults or Faults()
        self._lock = Lock()
        self._records: dict[int, CertificateRecord] = {}
        self.revocations: dict[int, Revocation] = {}
        self.successors: dict[int, int] = {}
        self.spent: dict[str, SpentRight] = {}

    def __len__(self) -> int:
        return len(self._records)

    @property
    def serials(self) -> list[int]:
        """The serials of all recorded certificates in the order of their recording."""
        return list(self._records)

    def record(
        self,
        record: CertificateRecord,
        *,
        spend: Spend | None = None,
        succeeds: Succession | None = None,
    ) -> CertificateRecord:
        """Record a certificate, all or nothing; see the port."""
        self._faults.moment()
        with self._lock:
            standing = self._record(record, spend, succeeds)
        self._faults.moment()
        return standing

    def _record(self, record: CertificateRecord, spend: Spend | None, succeeds: Succession | None) -> CertificateRecord:
        spent = self.spent.get(spend.key) if spend is not None else None
        if spend is not None and spent is not None:
            return self._repeated(spend, spent)
        if succeeds is not None:
            self._check_predecessor(succeeds)
        if record.serial in self._records or record.serial in self.revocations:
            raise IntegrityFailure("a new serial number is already on record")
        self._records[record.serial] = replace(record, issued_at=record.issued_at.replace(microsecond=0))
        if spend is not None:
            self.spent[spend.key] = SpentRight(spend, record.serial)
        if succeeds is not None:
            self.successors[succeeds.serial] = record.serial
        return record

    def _repeated(self, spend: Spend, spent: SpentRight) -> CertificateRecord:
        if spent.spend.request_sha256 != spend.request_sha256:
            raise Unauthenticated("the token was used before, for another request")
        earlier = self._get(spent.serial)
        if earlier is None:
            raise IntegrityFailure("a token was spent for a certificate that is not on record")
        return earlier

    def _check_predecessor(self, succeeds: Succession) -> None:
        known = self._get(succeeds.serial)
        if known is None:
            raise Unauthenticated("the certificate is not on record")
        if known.revocation is not None:
            raise Unauthenticated("the certificate is revoked")
        provisioner_id = known.provisioner.id if known.provisioner is not None else None
        same = certificate_sha256(known.certificate) == succeeds.certificate_sha256
        if not same or provisioner_id != succeeds.provisioner_id:
            raise Unauthenticated("the certificate is not the one on record, or another provisioner's")

    def get(self, serial: int) -> CertificateRecord | None:
        """The record of a serial; see the port."""
        self._faults.moment()
        with self._lock:
            return self._get(serial)

    def _get(self, serial: int) -> CertificateRecord | None:
        record = self._records.get(serial)
        return replace(record, revocation=self.revocations.get(serial)) if record is not None else None

    def revoke(self, serial: int, revocation: Revocation, *, spend: Spend | None = None) -> None:
        """Record a revocation; see the port."""
        self._faults.moment()
        with self._lock:
            self._revoke(serial, revocation, spend)
        self._faults.moment()

    def _revoke(self, serial: int, revocation: Revocation, spend: Spend | None) -> None:
        spent = self.spent.get(spend.key) if spend is not None else None
        if spend is not None and spent is not None:
            if spent.spend.request_sha256 != spend.request_sha256:
                raise Unauthenticated("the token was used before, for another request")
            return
        if serial in self.revocations:
            raise AlreadyRevoked(f"certificate with serial number '{serial}' is already revoked")
        self.revocations[serial] = replace(revocation, revoked_at=revocation.revoked_at.replace(microsecond=0))
        if spend is not None:
            self.spent[spend.key] = SpentRight(spend, serial)


_: type[CertificateStore] = MemoryCertificates
