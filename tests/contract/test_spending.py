"""The inventory's contract, one-time rights: one record for a token, however often it is sent."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from stepless.domain.certificate import CertificateRecord
from stepless.domain.provisioners.instance import FOREVER
from stepless.errors import CAError, IntegrityFailure, Unauthenticated
from stepless.services.ports import CertificateStore
from tests.contract.support.backends import AWS
from tests.contract.support.samples import (
    REVOCATION,
    make_record,
    make_spend,
)


def test_earlier_record_returned_when_request_is_repeated(store: CertificateStore) -> None:
    spend = make_spend()
    first = store.record(make_record(), spend=spend)
    again = make_record()
    assert store.record(again, spend=spend) == first
    assert store.get(again.serial) is None


def test_earlier_record_is_returned_as_it_stands_now(store: CertificateStore) -> None:
    spend = make_spend()
    first = store.record(make_record(), spend=spend)
    store.revoke(first.serial, REVOCATION)
    assert store.record(make_record(), spend=spend) == replace(first, revocation=REVOCATION)


def test_refused_when_token_was_spent_by_another_request(store: CertificateStore) -> None:
    spend = make_spend()
    store.record(make_record(), spend=spend)
    other = make_record()
    with pytest.raises(Unauthenticated, match="used before"):
        store.record(other, spend=make_spend(spend.key))
    assert store.get(other.serial) is None


def test_other_tokens_are_not_spent(store: CertificateStore) -> None:
    request = b"r" * 32
    records = [store.record(make_record(), spend=make_spend(request=request)) for _ in range(3)]
    assert [store.get(record.serial) for record in records] == records


@pytest.mark.parametrize("same_request", [True, False], ids=["same-request", "other-requests"])
@pytest.mark.parametrize("backend", ["fakes", "ministack"], indirect=True)  # not moto: see test_emulators.py
def test_one_record_when_fifty_use_one_token_at_once(store: CertificateStore, *, same_request: bool) -> None:
    spend = make_spend()
    records = [make_record() for _ in range(50)]
    together = threading.Barrier(len(records))

    def use(record: CertificateRecord) -> CertificateRecord | CAError:
        together.wait(20)
        try:
            return store.record(record, spend=spend if same_request else make_spend(spend.key))
        except CAError as refusal:
            return refusal

    with ThreadPoolExecutor(len(records)) as pool:
        answers = list(pool.map(use, records))
    standing = [record for record in records if store.get(record.serial) is not None]
    assert len(standing) == 1
    if same_request:
        assert answers == standing * 50
    else:
        assert [answer for answer in answers if isinstance(answer, CertificateRecord)] == standing
        assert [type(answer) for answer in answers].count(Unauthenticated) == 49


def test_right_without_end_stays_spent(aws: AWS, authority_id: str) -> None:
    store, spend = aws.certificates(authority_id), replace(make_spend(), expires_at=FOREVER)
    store.record(make_record(), spend=spend)
    key = {"pk": {"S": f"{authority_id}#token#{spend.key}"}}
    item = aws.sdk.get_item(TableName=aws.tables.tickets, Key=key)["Item"]
    assert int(item["expires_at"]["N"]) == 253_370_764_800
    with pytest.raises(Unauthenticated, match="used before"):
        store.record(make_record(), spend=make_spend(spend.key))


def test_spent_token_names_its_certificate_and_its_end(aws: AWS, authority_id: str) -> None:
    spend = make_spend()
    record = aws.certificates(authority_id).record(make_record(), spend=spend)
    key = {"pk": {"S": f"{authority_id}#token#{spend.key}"}}
    assert aws.sdk.get_item(TableName=aws.tables.tickets, Key=key)["Item"] == {
        **key,
        "request_sha256": {"B": spend.request_sha256},
        "serial": {"S": f"{record.serial:x}"},
        "expires_at": {"N": str(int(spend.expires_at.timestamp()))},
    }


def test_integrity_failure_when_spent_token_names_no_record(aws: AWS, authority_id: str) -> None:
    store, spend = aws.certificates(authority_id), make_spend()
    record = store.record(make_record(), spend=spend)
    key = {"pk": {"S": f"{authority_id}#certificate#{record.serial:x}"}, "sk": {"S": "record"}}
    aws.sdk.delete_item(TableName=aws.tables.certificates, Key=key)
    with pytest.raises(IntegrityFailure):
        store.record(make_record(), spend=spend)
