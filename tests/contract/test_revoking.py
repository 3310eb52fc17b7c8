"""The inventory's contract, revocation: the first one stands, and a token is spent with it or not at all."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stepless.domain.certificate import ReasonCode, Revocation
from stepless.domain.serial import new_lineage, new_serial
from stepless.errors import AlreadyRevoked, Unauthenticated
from stepless.services.ports import CertificateStore
from tests.contract.support.backends import AWS, Backend
from tests.contract.support.samples import NOW, REVOCATION, make_record, make_spend, succession, successor_of

LATER = Revocation(NOW + timedelta(hours=1), ReasonCode.SUPERSEDED, "", "certificate")
SERIALS = {"ok/smallest": 1, "ok/zero": 0, "ok/largest": 2**159 - 1}


@pytest.mark.parametrize("reason", list(ReasonCode), ids=lambda reason: f"ok/{reason.name.lower()}")
def test_revocation_comes_back_whole(store: CertificateStore, reason: ReasonCode) -> None:
    record = store.record(make_record())
    revocation = Revocation(NOW, reason, "línea\n✓" * 100, "na#me")
    store.revoke(record.serial, revocation)
    assert store.get(record.serial) == replace(record, revocation=revocation)


@pytest.mark.parametrize("with_token", [True, False], ids=["with-token", "with-certificate"])
def test_revoked_without_a_reason_text(store: CertificateStore, *, with_token: bool) -> None:
    record = store.record(make_record())
    store.revoke(record.serial, LATER, spend=make_spend() if with_token else None)
    assert store.get(record.serial) == replace(record, revocation=LATER)


def test_instant_is_kept_in_whole_seconds(store: CertificateStore) -> None:
    record = store.record(make_record())
    store.revoke(record.serial, replace(REVOCATION, revoked_at=NOW.replace(microsecond=999_999)))
    assert store.get(record.serial) == replace(record, revocation=REVOCATION)


@pytest.mark.parametrize("serial", SERIALS.values(), ids=SERIALS)
@pytest.mark.parametrize("with_token", [True, False], ids=["with-token", "with-certificate"])
def test_unknown_serial_is_revoked_and_not_a_record(store: CertificateStore, serial: int, *, with_token: bool) -> None:
    store.revoke(serial, REVOCATION, spend=make_spend() if with_token else None)
    assert store.get(serial) is None
    with pytest.raises(AlreadyRevoked):
        store.revoke(serial, LATER)


@pytest.mark.parametrize("with_token", [True, False], ids=["with-token", "with-certificate"])
@pytest.mark.parametrize("again", [REVOCATION, LATER], ids=["same-words", "other-words"])
def test_first_revocation_stands_when_revoked_twice(
    store: CertificateStore, again: Revocation, *, with_token: bool
) -> None:
    record = store.record(make_record())
    store.revoke(record.serial, REVOCATION)
    with pytest.raises(AlreadyRevoked, match=str(record.serial)):
        store.revoke(record.serial, again, spend=make_spend() if with_token else None)
    assert store.get(record.serial) == replace(record, revocation=REVOCATION)


def test_token_is_not_spent_when_certificate_was_revoked_before(store: CertificateStore) -> None:
    record, spend = store.record(make_record()), make_spend()
    store.revoke(record.serial, REVOCATION)
    with pytest.raises(AlreadyRevoked):
        store.revoke(record.serial, LATER, spend=spend)
    other = store.record(make_record())
    store.revoke(other.serial, LATER, spend=spend)
    assert store.get(other.serial) == replace(other, revocation=LATER)


def test_succeeds_again_when_request_is_repeated(store: CertificateStore) -> None:
    record, spend = store.record(make_record()), make_spend()
    store.revoke(record.serial, REVOCATION, spend=spend)
    store.revoke(record.serial, LATER, spend=spend)
    assert store.get(record.serial) == replace(record, revocation=REVOCATION)


def test_refused_when_token_was_spent_by_another_request(store: CertificateStore) -> None:
    first, second, spend = store.record(make_record()), store.record(make_record()), make_spend()
    store.revoke(first.serial, REVOCATION, spend=spend)
    for serial in (first.serial, second.serial):
        with pytest.raises(Unauthenticated, match="used before"):
            store.revoke(serial, LATER, spend=make_spend(spend.key))
    assert store.get(second.serial) == second
    assert store.get(first.serial) == replace(first, revocation=REVOCATION)


def test_refused_when_token_was_spent_for_a_certificate(store: CertificateStore) -> None:
    spend = make_spend()
    record = store.record(make_record(), spend=spend)
    with pytest.raises(Unauthenticated, match="used before"):
        store.revoke(record.serial, REVOCATION, spend=make_spend(spend.key))
    assert store.get(record.serial) == record


def test_revoked_when_it_was_renewed_before(store: CertificateStore) -> None:
    first = store.record(make_record())
    second = store.record(successor_of(first), succeeds=succession(first))
    store.revoke(first.serial, REVOCATION)
    assert store.get(first.serial) == replace(first, revocation=REVOCATION)
    assert store.get(second.serial) == second


def test_authorities_do_not_revoke_each_others(backend: Backend, store: CertificateStore) -> None:
    record = store.record(make_record())
    backend.certificates("another").revoke(record.serial, REVOCATION)
    assert store.get(record.serial) == record


def test_revocation_adds_to_the_item_and_changes_nothing(aws: AWS, authority_id: str) -> None:
    """The stream's old and new images of a revocation differ in these attributes alone."""
    store = aws.certificates(authority_id)
    record = store.record(make_record())
    key = {"pk": {"S": f"{authority_id}#certificate#{record.serial:x}"}, "sk": {"S": "record"}}
    before = aws.sdk.get_item(TableName=aws.tables.certificates, Key=key)["Item"]
    store.revoke(record.serial, REVOCATION)
    assert aws.sdk.get_item(TableName=aws.tables.certificates, Key=key)["Item"] == {
        **before,
        "revoked_at": {"N": str(int(NOW.timestamp()))},
        "revocation_reason": {"N": "1"},
        "revocation_text": {"S": "the laptop was stolen"},
        "revoked_by": {"S": "admin"},
    }


def test_serials_that_differ_are_revoked_apart(store: CertificateStore) -> None:
    lineage = new_lineage()
    first, second = new_serial(lineage), new_serial(lineage)
    store.revoke(first, REVOCATION)
    store.revoke(second, REVOCATION)
