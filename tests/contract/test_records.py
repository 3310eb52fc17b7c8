"""The inventory's contract, records: what is written comes back, once, to its authority alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stepless.domain.certificate import CertificateRecord, ProvisionerReference
from stepless.domain.serial import new_lineage, new_serial
from stepless.errors import IntegrityFailure
from stepless.services.ports import CertificateStore
from tests.contract.support.backends import Backend
from tests.contract.support.samples import (
    REVOCATION,
    make_leaf,
    make_record,
    make_spend,
    successor_of,
)

ROUND_TRIPS = {
    "ok/first-of-a-lineage": make_record(),
    "ok/continues-a-lineage": successor_of(make_record()),
    "ok/of-the-authority-itself": make_record(provisioner=None, requester="endpoint"),
    "ok/empty-texts": make_record(requester="", names=("",), issuer_key_id=""),
    "ok/no-names": make_record(names=()),
    "ok/names-keep-order-and-repeats": make_record(names=("b", "a", "b", "10.0.0.1", "ä@example.com")),
    "ok/other-provisioner": make_record(provisioner=ProvisionerReference("#", "na#me ✓", "X5C")),
    "ok/long-ago-and-far-ahead": make_record(issued_at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    "ok/smallest-serial": make_record(certificate=make_leaf(1)),
    "ok/largest-serial": make_record(certificate=make_leaf(2**159 - 1)),
    "ok/four-hundred-names": make_record(names=tuple(f"host-{number}.example.internal" for number in range(400))),
}


@pytest.mark.parametrize("record", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_record_comes_back_whole(store: CertificateStore, record: CertificateRecord) -> None:
    assert store.record(record) is record
    assert store.get(record.serial) == record


def test_record_is_seen_by_another_environment(backend: Backend, store: CertificateStore, authority_id: str) -> None:
    record = store.record(make_record())
    assert backend.certificates(authority_id).get(record.serial) == record


def test_instants_are_kept_in_whole_seconds(store: CertificateStore) -> None:
    record = make_record()
    store.record(replace(record, issued_at=record.issued_at.replace(microsecond=999_999)))
    assert store.get(record.serial) == record


def test_no_record_when_serial_is_unknown(store: CertificateStore) -> None:
    assert store.get(new_serial(new_lineage())) is None


def test_authorities_do_not_see_each_other(backend: Backend, store: CertificateStore, authority_id: str) -> None:
    record, spend = make_record(), make_spend()
    store.record(record, spend=spend)
    # An id that begins with the other one's must not read its keys either.
    for other_id in (f"{authority_id}x", authority_id[:-1]):
        other = backend.certificates(other_id)
        assert other.get(record.serial) is None
        assert other.record(record, spend=replace(spend, request_sha256=b"?" * 32)) is record


def test_recorded_revocation_is_never_taken_from_a_new_record(store: CertificateStore) -> None:
    record = make_record()
    store.record(replace(record, revocation=REVOCATION))
    assert store.get(record.serial) == record


def test_refused_when_serial_is_on_record(store: CertificateStore) -> None:
    record, spend = store.record(make_record()), make_spend()
    with pytest.raises(IntegrityFailure):
        store.record(replace(record, requester="another"), spend=spend)
    assert store.get(record.serial) == record
    # Nothing was spent either.
    fresh = make_record()
    assert store.record(fresh, spend=spend) is fresh


def test_refused_when_serial_is_revoked_before_it_exists(store: CertificateStore) -> None:
    record = make_record()
    store.revoke(record.serial, REVOCATION)
    with pytest.raises(IntegrityFailure):
        store.record(record)
    assert store.get(record.serial) is None
