"""The inventory's contract, succession: what a certificate must be to be continued."""

from dataclasses import replace

import pytest

from stepless.domain.certificate import CertificateRecord
from stepless.domain.serial import new_serial
from stepless.errors import Unauthenticated
from stepless.services.ports import CertificateStore, Succession
from tests.contract.support.backends import AWS
from tests.contract.support.samples import (
    PROVISIONER,
    REVOCATION,
    make_record,
    make_spend,
    succession,
    successor_of,
)


def test_recorded_when_predecessor_stands(store: CertificateStore) -> None:
    first = store.record(make_record())
    second = successor_of(first)
    assert store.record(second, succeeds=succession(first)) is second
    assert store.get(second.serial) == second
    assert store.get(first.serial) == first


def test_renewed_again_when_it_was_renewed_before(store: CertificateStore) -> None:
    first = store.record(make_record())
    later = [successor_of(first) for _ in range(2)]
    assert [store.record(record, succeeds=succession(first)) for record in later] == later


def test_renewed_along_a_lineage(store: CertificateStore) -> None:
    record = store.record(make_record())
    lineage = record.lineage
    for _ in range(3):
        record = store.record(successor_of(record), succeeds=succession(record))
    assert record.lineage == lineage


BROKEN_SUCCESSIONS = {
    "fail/unknown": lambda first: replace(succession(first), serial=new_serial(first.lineage)),
    "fail/other-bytes": lambda first: replace(succession(first), certificate_sha256=b"?" * 32),
    "fail/other-provisioner": lambda first: replace(succession(first), provisioner_id="f" * 16),
}


@pytest.mark.parametrize("broken", BROKEN_SUCCESSIONS.values(), ids=BROKEN_SUCCESSIONS)
def test_nothing_written_when_predecessor_does_not_stand(store: CertificateStore, broken: object) -> None:
    assert callable(broken)
    first = store.record(make_record())
    _expect_refused(store, first, broken(first))


def test_nothing_written_when_predecessor_is_the_authoritys_own(store: CertificateStore) -> None:
    first = store.record(make_record(provisioner=None))
    _expect_refused(store, first, replace(succession(first), provisioner_id=PROVISIONER.id))


def test_nothing_written_when_predecessor_is_revoked(store: CertificateStore) -> None:
    first = store.record(make_record())
    store.revoke(first.serial, REVOCATION)
    _expect_refused(store, replace(first, revocation=REVOCATION), succession(first))


def test_nothing_written_when_predecessor_is_only_known_as_revoked(store: CertificateStore) -> None:
    first = make_record()
    store.revoke(first.serial, REVOCATION)
    with pytest.raises(Unauthenticated, match="not on record"):
        store.record(successor_of(first), succeeds=succession(first))
    assert store.get(first.serial) is None


def _expect_refused(store: CertificateStore, first: CertificateRecord, succeeds: Succession) -> None:
    """Neither the record, nor the token's mark, nor anything at the predecessor."""
    spend, second = make_spend(), successor_of(first)
    with pytest.raises(Unauthenticated):
        store.record(second, spend=spend, succeeds=succeeds)
    assert store.get(second.serial) is None
    assert store.get(first.serial) == first
    fresh = make_record()
    assert store.record(fresh, spend=spend) is fresh


def test_nothing_written_when_only_the_token_stands_in_the_way(store: CertificateStore) -> None:
    first, spend = store.record(make_record()), make_spend()
    store.record(make_record(), spend=spend)
    second = successor_of(first)
    with pytest.raises(Unauthenticated, match="used before"):
        store.record(second, spend=make_spend(spend.key), succeeds=succession(first))
    assert store.get(second.serial) is None


def test_earlier_renewal_returned_when_request_is_repeated(store: CertificateStore) -> None:
    first, spend = store.record(make_record()), make_spend()
    second = store.record(successor_of(first), spend=spend, succeeds=succession(first))
    assert store.record(successor_of(first), spend=spend, succeeds=succession(first)) == second


def test_one_of_two_wins_when_renewal_and_revocation_meet(store: CertificateStore) -> None:
    """Whatever the order, a certificate that is revoked first has no successor afterwards."""
    first = store.record(make_record())
    second = successor_of(first)
    store.revoke(first.serial, REVOCATION)
    with pytest.raises(Unauthenticated, match="revoked"):
        store.record(second, succeeds=succession(first))
    assert store.get(second.serial) is None


def test_predecessor_names_its_latest_successor(aws: AWS, authority_id: str) -> None:
    store = aws.certificates(authority_id)
    first = store.record(make_record())
    item = _item(aws, authority_id, first.serial)
    assert "successor" not in item
    for later in (successor_of(first), successor_of(first)):
        store.record(later, succeeds=succession(first))
        assert _item(aws, authority_id, first.serial) == {**item, "successor": {"S": f"{later.serial:x}"}}
        assert _item(aws, authority_id, later.serial)["predecessor"] == {"S": f"{first.serial:x}"}


def _item(aws: AWS, authority_id: str, serial: int) -> dict[str, object]:
    key = {"pk": {"S": f"{authority_id}#certificate#{serial:x}"}, "sk": {"S": "record"}}
    item: dict[str, object] = aws.sdk.get_item(TableName=aws.tables.certificates, Key=key)["Item"]
    return item
