"""Services that fail or are not there: every adapter says `Unavailable`, within five seconds."""

import base64
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stepless.errors import CAError, IntegrityFailure, Unauthenticated, Unavailable
from stepless.keys.kms_key import load_kms_key
from stepless.keys.vault import KMSVault, VaultIssuerKeys
from stepless.services.ports import Envelope, KeyName, StoredKey
from stepless.store.certificates import DynamoCertificates
from stepless.store.keys import DynamoKeys
from stepless.store.settings import DynamoSettings
from stepless.store.table import Table
from tests.contract.support.clients import clients_for
from tests.contract.support.loopback import (
    Answer,
    Call,
    Service,
    failure,
    no_way_through,
    nobody,
    serving,
    silence,
    success,
)
from tests.contract.support.samples import (
    REVOCATION,
    hierarchy,
    jwk_provisioner,
    make_authority,
    make_record,
    make_spend,
    succession,
)
from tests.fakes.clock import FrozenClock
from tests.fakes.keys import MemoryKeys
from tests.fakes.private_keys import p256

LIMIT_SECONDS = 5.0
SDK_ATTEMPTS = 2
NAME = KeyName("issuing", "intermediate-1")
SEALED = StoredKey(NAME, Envelope(b"w" * 100, b"n" * 12, b"c" * 100), hierarchy().chain)


@dataclass(frozen=True, slots=True)
class Adapters:
    """The adapters of one authority over one endpoint."""

    dynamodb: Any
    kms: Any

    @property
    def certificates(self) -> DynamoCertificates:
        return DynamoCertificates(Table(self.dynamodb), "default", "certificates", "tickets")

    @property
    def settings(self) -> DynamoSettings:
        return DynamoSettings(Table(self.dynamodb), "default", "settings", FrozenClock())

    @property
    def keys(self) -> DynamoKeys:
        return DynamoKeys(Table(self.dynamodb), "default", "keys")

    @property
    def vault(self) -> KMSVault:
        """Its KMS is at the endpoint; the table is here and answers."""
        keys = MemoryKeys()
        keys.put(SEALED)
        return KMSVault(keys, self.kms, "default", {"issuing": "kms-key", "endpoint": "kms-key"})


@contextlib.contextmanager
def adapters_at(url: str) -> Iterator[Adapters]:
    """Adapters of an endpoint, with the clients that the functions have."""
    clients = clients_for(url)
    with contextlib.closing(clients.dynamodb()) as dynamodb, contextlib.closing(clients.kms()) as kms:
        yield Adapters(dynamodb, kms)


def _kms_issuer_keys(at: Adapters) -> VaultIssuerKeys:
    return VaultIssuerKeys(at.vault)


DYNAMODB_CALLS: Mapping[str, Callable[[Adapters], object]] = {
    "load settings": lambda at: at.settings.load(),
    "create settings": lambda at: at.settings.create(make_authority("default"), jwk_provisioner("admin"), "id"),
    "add provisioner": lambda at: at.settings.add_provisioner(make_authority("default"), jwk_provisioner("ci"), "id"),
    "remove provisioner": lambda at: at.settings.remove_provisioner("ci"),
    "record": lambda at: at.certificates.record(make_record()),
    "record and spend": lambda at: at.certificates.record(make_record(), spend=make_spend()),
    "record and succeed": lambda at: at.certificates.record(make_record(), succeeds=succession(make_record())),
    "get record": lambda at: at.certificates.get(1),
    "revoke": lambda at: at.certificates.revoke(1, REVOCATION),
    "revoke and spend": lambda at: at.certificates.revoke(1, REVOCATION, spend=make_spend()),
    "put key": lambda at: at.keys.put(SEALED),
    "replace key": lambda at: at.keys.put(SEALED, instead_of=SEALED.chain[0]),
    "get key": lambda at: at.keys.get(NAME),
}
KMS_CALLS: Mapping[str, Callable[[Adapters], object]] = {
    "seal": lambda at: at.vault.seal(KeyName("endpoint", "current"), p256(), hierarchy().chain),
    "open": lambda at: at.vault.open(NAME),
    "issuer": lambda at: _kms_issuer_keys(at).issuer(NAME.key_id, hierarchy().issuer.certificate),
    "load KMS key": lambda at: load_kms_key(at.kms, "kms-key"),
}
ALL_CALLS = {**DYNAMODB_CALLS, **KMS_CALLS}


def expect_unavailable(at: Adapters, calls: Mapping[str, Callable[[Adapters], object]]) -> None:
    """All at the same time, since each may take seconds."""

    def outcome(call: Callable[[Adapters], object]) -> tuple[str, bool]:
        began = time.monotonic()
        try:
            call(at)
        except CAError as refusal:
            return refusal.kind, time.monotonic() - began < LIMIT_SECONDS
        return "nothing", False

    with ThreadPoolExecutor(len(calls)) as pool:
        outcomes = dict(zip(calls, pool.map(outcome, calls.values()), strict=True))
    assert outcomes == dict.fromkeys(calls, ("Unavailable", True))


@pytest.mark.parametrize("endpoint", [nobody, silence, no_way_through], ids=lambda endpoint: endpoint.__name__)
def test_unavailable_in_time_when_nothing_answers(
    endpoint: Callable[[], contextlib.AbstractContextManager[str]],
) -> None:
    with endpoint() as url, adapters_at(url) as at:
        expect_unavailable(at, ALL_CALLS)


DYNAMODB_FAILURES = {
    "throttled": failure("ThrottlingException"),
    "over-capacity": failure("ProvisionedThroughputExceededException"),
    "in-progress": failure("TransactionInProgressException"),
    "internal-error": failure("InternalServerError", 500),
    "not-json": Answer(503, b"<html>busy</html>"),
    "cut-off": Answer(200, b'{"Items"', cut=True),
    "lost": Answer(200, b"", lost=True),
}
LASTING_FAILURES = {
    "denied": failure("AccessDeniedException"),
    "no-table-or-key": failure("ResourceNotFoundException"),
    "bad-credentials": failure("UnrecognizedClientException"),
}
KMS_FAILURES = {
    "throttled": failure("ThrottlingException"),
    "internal-error": failure("KMSInternalException", 500),
    "dependency": failure("DependencyTimeoutException", 503),
    "lost": Answer(200, b"", lost=True),
}
KMS_LASTING_FAILURES = {
    "denied": failure("AccessDeniedException"),
    "disabled": failure("DisabledException"),
    "pending-deletion": failure("KMSInvalidStateException"),
    "no-key": failure("NotFoundException"),
}


@pytest.mark.parametrize("answer", DYNAMODB_FAILURES.values(), ids=DYNAMODB_FAILURES)
def test_unavailable_when_dynamodb_fails_twice(answer: Answer) -> None:
    with serving(lambda _: answer) as service, adapters_at(service.url) as at:
        expect_unavailable(at, DYNAMODB_CALLS)
    # Fewer than all when an attempt meets a connection that the failure closed.
    assert len(DYNAMODB_CALLS) < len(service.calls) <= SDK_ATTEMPTS * len(DYNAMODB_CALLS)


@pytest.mark.parametrize("answer", LASTING_FAILURES.values(), ids=LASTING_FAILURES)
def test_unavailable_at_once_when_dynamodb_refuses(answer: Answer) -> None:
    with serving(lambda _: answer) as service, adapters_at(service.url) as at:
        expect_unavailable(at, DYNAMODB_CALLS)
    assert len(service.calls) == len(DYNAMODB_CALLS)


@pytest.mark.parametrize("answer", KMS_FAILURES.values(), ids=KMS_FAILURES)
def test_unavailable_when_kms_fails_twice(answer: Answer) -> None:
    with serving(lambda _: answer) as service, adapters_at(service.url) as at:
        expect_unavailable(at, KMS_CALLS)
    # Fewer than all when an attempt meets a connection that the failure closed.
    assert len(KMS_CALLS) < len(service.calls) <= SDK_ATTEMPTS * len(KMS_CALLS)


@pytest.mark.parametrize("answer", KMS_LASTING_FAILURES.values(), ids=KMS_LASTING_FAILURES)
def test_unavailable_at_once_when_kms_refuses(answer: Answer) -> None:
    with serving(lambda _: answer) as service, adapters_at(service.url) as at:
        expect_unavailable(at, KMS_CALLS)
    assert len(service.calls) == len(KMS_CALLS)


@pytest.mark.parametrize("code", ["InvalidCiphertextException", "IncorrectKeyException"])
def test_integrity_failure_when_kms_does_not_know_the_data_key(code: str) -> None:
    with serving(lambda _: failure(code)) as service, adapters_at(service.url) as at, pytest.raises(IntegrityFailure):
        at.vault.open(NAME)


def test_unavailable_when_kms_stops_signing() -> None:
    """The failure passes through the library that builds the certificate."""
    key = p256()
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def answer(call: Call) -> Answer:
        if call.operation == "GetPublicKey":
            return success(PublicKey=base64.b64encode(spki).decode())
        return failure("KMSInternalException", 500)

    with serving(answer) as service, adapters_at(service.url) as at:
        remote = load_kms_key(at.kms, "kms-key")
        assert isinstance(remote, ec.EllipticCurvePrivateKey)
        builder = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([]))
        with pytest.raises(Unavailable):
            builder.sign(remote, hashes.SHA256())
    assert service.operations() == ["GetPublicKey", "Sign", "Sign"]


# ---- transactions that were canceled


def canceled(*codes: str) -> Answer:
    """A canceled transaction with a reason for each of its writes."""
    return failure("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


@contextlib.contextmanager
def answering(*answers: Answer) -> Iterator[tuple[Adapters, Service]]:
    """Each answer once, in order; whoever asks more often fails the test."""
    left = list(answers)
    with serving(lambda _: left.pop(0)) as service, adapters_at(service.url) as at:
        yield at, service
    assert left == []


def test_conflict_of_transactions_is_tried_again() -> None:
    record = make_record()
    conflict = canceled("None", "TransactionConflict")
    with answering(conflict, conflict, conflict, success()) as (at, service):
        assert at.certificates.record(record, spend=make_spend()) is record
    items = [call.body["TransactItems"] for call in service.calls]
    assert items == items[:1] * 4


def test_unavailable_when_conflict_stays() -> None:
    with (
        answering(*[canceled("TransactionConflict", "None")] * 4) as (at, _),
        pytest.raises(Unavailable, match="other requests"),
    ):
        at.certificates.record(make_record(), spend=make_spend())


def test_condition_decides_when_conflict_comes_with_it() -> None:
    reasons = [{"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed", "Item": {"der": {"B": ""}}}]
    answer = failure("TransactionCanceledException", CancellationReasons=reasons)
    with answering(answer) as (at, _), pytest.raises(Unauthenticated):
        at.certificates.record(make_record(), succeeds=succession(make_record()))


@pytest.mark.parametrize(
    "code", ["ThrottlingError", "ProvisionedThroughputExceeded", "ItemCollectionSizeLimitExceeded"]
)
def test_unavailable_when_canceled_for_another_reason(code: str) -> None:
    with answering(canceled("ConditionalCheckFailed", code)) as (at, _), pytest.raises(Unavailable, match=code):
        at.certificates.record(make_record(), spend=make_spend())


def test_idempotency_token_is_the_same_when_the_sdk_tries_again() -> None:
    with answering(failure("InternalServerError", 500), success()) as (at, service):
        at.certificates.record(make_record(), spend=make_spend())
        first, second = service.calls
    assert first.raw == second.raw
    assert len(first.body["ClientRequestToken"]) == 36


def test_idempotency_token_is_new_when_the_store_tries_again() -> None:
    """DynamoDB would answer the old one with the old cancellation."""
    with answering(canceled("TransactionConflict"), success()) as (at, service):
        at.certificates.record(make_record())
    tokens = [call.body["ClientRequestToken"] for call in service.calls]
    assert len(set(tokens)) == 2


def test_requests_differ_in_their_idempotency_token() -> None:
    with answering(success(), success()) as (at, service):
        for _ in range(2):
            at.certificates.record(make_record())
    tokens = [call.body["ClientRequestToken"] for call in service.calls]
    assert len(set(tokens)) == 2
