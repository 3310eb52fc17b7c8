"""Why some tests run on one engine only: each of these faults would make the other one's result worthless.

When one of these tests fails, the engine was put right, and the test that it excuses can run on both.
"""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from moto.dynamodb.models import dynamodb_backends

from stepless.errors import IntegrityFailure, Unauthenticated
from stepless.keys.envelope import seal
from stepless.keys.kms_key import load_kms_key
from stepless.services.ports import KeyName
from stepless_dev.aws import ACCOUNT, REGION
from tests.contract.support.backends import AWS
from tests.contract.support.samples import (
    hierarchy,
    issue_leaf,
    make_hierarchy,
    make_record,
    make_spend,
)

CONTEXT = {"authority": "default", "role": "issuing", "key_id": "intermediate-1"}


def test_moto_loses_the_writes_of_others_when_a_transaction_fails(
    moto: AWS, authority_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed transaction puts back the tables as they were when it began: no test of threads runs on moto."""
    store, spend = moto.certificates(authority_id), make_spend()
    store.record(make_record(), spend=spend)
    bystander = make_record()
    engine: Any = dynamodb_backends[ACCOUNT][REGION]
    look = engine.get_item

    def look_while_another_thread_writes(*request: Any, **more: Any) -> Any:
        monkeypatch.setattr(engine, "get_item", look)
        assert store.record(bystander) is bystander
        return look(*request, **more)

    monkeypatch.setattr(engine, "get_item", look_while_another_thread_writes)
    with pytest.raises(Unauthenticated):
        store.record(make_record(), spend=make_spend(spend.key))
    assert store.get(bystander.serial) is None


def test_moto_does_not_know_an_idempotency_token_again(moto: AWS, ministack: AWS) -> None:
    """So lost answers are tested on ministack."""
    for aws, again_is_refused in ((moto, True), (ministack, False)):
        put = {
            "TableName": aws.tables.tickets,
            "Item": {"pk": {"S": "idempotency"}},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        request = {"TransactItems": [{"Put": put}], "ClientRequestToken": "0123456789abcdef"}
        aws.sdk.transact_write_items(**request)
        if again_is_refused:
            with pytest.raises(aws.sdk.exceptions.TransactionCanceledException):
                aws.sdk.transact_write_items(**request)
        else:
            aws.sdk.transact_write_items(**request)


def test_moto_signs_the_digest_of_a_digest(moto: AWS) -> None:
    """So KMS signing keys are tested on ministack; the fault itself does not get past the issuing door."""
    made = moto.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    key = load_kms_key(moto.kms, made["KeyId"])
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    with pytest.raises(InvalidSignature):
        key.public_key().verify(key.sign(b"m", ec.ECDSA(hashes.SHA256())), b"m", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(IntegrityFailure, match="does not verify"):
        issue_leaf(make_hierarchy(key).issuer)


def test_ministack_unwraps_an_altered_data_key(ministack: AWS) -> None:
    """So what KMS itself refuses is tested on moto."""
    envelope = seal(ministack.kms, ministack.kms_key("issuing"), b"secret", CONTEXT)
    altered = envelope.wrapped_key[:-1] + bytes([envelope.wrapped_key[-1] ^ 1])
    answer = ministack.kms.decrypt(CiphertextBlob=altered, EncryptionContext=CONTEXT)
    assert len(answer["Plaintext"]) == 32


def test_ministack_unwraps_with_any_key(ministack: AWS) -> None:
    envelope = seal(ministack.kms, ministack.kms_key("issuing"), b"secret", CONTEXT)
    foreign = ministack.kms_key("foreign")
    answer = ministack.kms.decrypt(CiphertextBlob=envelope.wrapped_key, EncryptionContext=CONTEXT, KeyId=foreign)
    assert answer["KeyId"] == foreign


def test_both_engines_open_what_was_sealed(aws: AWS, authority_id: str) -> None:
    """That the refusals above are not all that they can do."""
    name = KeyName("issuing", "intermediate-1")
    made = hierarchy().issuer
    aws.vault(authority_id).seal(name, made.private_key, hierarchy().chain)
    opened = aws.vault(authority_id).open(name)
    assert opened is not None
    issue_leaf(replace(made, private_key=opened.private_key)).verify_directly_issued_by(made.certificate)
