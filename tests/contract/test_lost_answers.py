"""What was committed and whose answer got lost: the SDK asks again by itself, then the client does.

A line to ministack loses answers after the write. Nobody may be told that a right was used, a certificate was revoked
or a key was there, when it was this very request that did it.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from stepless.domain.certificate import CertificateRecord
from stepless.errors import AlreadyRevoked, Conflict, Unauthenticated, Unavailable
from stepless.services.ports import KeyName
from stepless_dev.embedded_aws import EmbeddedAWS
from tests.contract.support.backends import AWS
from tests.contract.support.clients import clients_for
from tests.contract.support.loopback import LossyLine, Service, serving
from tests.contract.support.samples import (
    REVOCATION,
    hierarchy,
    jwk_provisioner,
    make_authority,
    make_record,
    make_spend,
    succession,
    successor_of,
)
from tests.fakes.clock import FrozenClock
from tests.fakes.private_keys import p256

NAME = KeyName("endpoint", "current")
# The SDK asks twice, so two lost answers are one that the caller does not get.
SDK_ATTEMPTS = 2


class Line:
    """The adapters at the near end of a lossy line, and the same tables seen directly."""

    def __init__(self, far: AWS, line: LossyLine, service: Service, dynamodb: Any, authority_id: str) -> None:
        self._line = line
        self._service = service
        self.near = replace(far, dynamodb=dynamodb)
        self.far = far
        self.authority_id = authority_id

    def lose(self, answers: int, of: str = "") -> None:
        self._line.lose, self._line.operation = answers, of

    def tokens(self) -> list[str]:
        """The idempotency token of each write so far."""
        return [call.body["ClientRequestToken"] for call in self._service.calls]

    def standing(self, *records: CertificateRecord) -> list[CertificateRecord]:
        """Those that were recorded."""
        store = self.far.certificates(self.authority_id)
        return [record for record in records if store.get(record.serial) is not None]


@pytest.fixture
def line(ministack: AWS, embedded_aws: EmbeddedAWS, authority_id: str) -> Iterator[Line]:
    operator = embedded_aws.operator
    lossy = LossyLine(operator.endpoint_url)
    with serving(lossy) as service:
        dynamodb = clients_for(service.url, operator.access_key_id).dynamodb()
        yield Line(ministack, lossy, service, dynamodb, authority_id)
        dynamodb.close()


@pytest.mark.parametrize("with_token", [True, False], ids=["with-token", "without"])
def test_certificate_is_recorded_once_when_one_answer_is_lost(line: Line, *, with_token: bool) -> None:
    record = make_record()
    line.lose(1)
    assert (
        line.near.certificates(line.authority_id).record(record, spend=make_spend() if with_token else None) is record
    )
    assert line.standing(record) == [record]
    tokens = line.tokens()
    assert len(tokens) == SDK_ATTEMPTS
    assert len(set(tokens)) == 1


def test_client_gets_the_same_certificate_when_it_asks_again(line: Line) -> None:
    store, spend = line.near.certificates(line.authority_id), make_spend()
    first, second = make_record(), make_record()
    line.lose(SDK_ATTEMPTS)
    with pytest.raises(Unavailable):
        store.record(first, spend=spend)
    assert store.record(second, spend=spend) == first
    assert line.standing(first, second) == [first]
    with pytest.raises(Unauthenticated):
        store.record(make_record(), spend=make_spend(spend.key))


def test_client_gets_the_same_renewal_when_it_asks_again(line: Line) -> None:
    store, spend = line.near.certificates(line.authority_id), make_spend()
    old = store.record(make_record())
    first, second = successor_of(old), successor_of(old)
    line.lose(SDK_ATTEMPTS)
    with pytest.raises(Unavailable):
        store.record(first, spend=spend, succeeds=succession(old))
    assert store.record(second, spend=spend, succeeds=succession(old)) == first
    assert line.standing(first, second) == [first]


@pytest.mark.parametrize("with_token", [True, False], ids=["with-token", "with-certificate"])
def test_revocation_succeeds_when_one_answer_is_lost(line: Line, *, with_token: bool) -> None:
    store = line.near.certificates(line.authority_id)
    record = store.record(make_record())
    line.lose(1)
    store.revoke(record.serial, REVOCATION, spend=make_spend() if with_token else None)
    assert store.get(record.serial) == replace(record, revocation=REVOCATION)


def test_revocation_succeeds_when_client_asks_again_with_its_token(line: Line) -> None:
    store, spend = line.near.certificates(line.authority_id), make_spend()
    record = store.record(make_record())
    line.lose(SDK_ATTEMPTS)
    with pytest.raises(Unavailable):
        store.revoke(record.serial, REVOCATION, spend=spend)
    store.revoke(record.serial, REVOCATION, spend=spend)
    with pytest.raises(AlreadyRevoked):
        store.revoke(record.serial, REVOCATION, spend=make_spend())


def test_key_is_sealed_when_one_answer_is_lost(line: Line) -> None:
    vault = line.near.vault(line.authority_id)
    line.lose(1)
    vault.seal(NAME, p256(), hierarchy().chain)
    line.lose(1)
    vault.replace(NAME, p256(), (make_record().certificate,), instead_of=hierarchy().chain[0])
    with pytest.raises(Conflict):
        vault.seal(NAME, p256(), hierarchy().chain)


def test_settings_are_written_when_one_answer_is_lost(line: Line, clock: FrozenClock) -> None:
    settings = line.near.settings(line.authority_id, clock)
    authority = make_authority(line.authority_id)
    line.lose(1)
    settings.create(authority, jwk_provisioner("admin"), "id-of-admin")
    line.lose(1)
    settings.add_provisioner(authority, jwk_provisioner("ci"), "id-of-ci")
    # The removal reads first; it is the answer to its write that gets lost.
    line.lose(1, of="TransactWriteItems")
    settings.remove_provisioner("admin")
    loaded = settings.load()
    assert loaded is not None
    assert [item.name for item in loaded.provisioners] == ["ci"]
