"""Envelope encryption: a KMS data key encrypts locally with AES-256-GCM, and the encryption context is authenticated.

KMS checks the context when it unwraps the data key, GCM when the blob is opened: a blob that was changed, or moved to
another authority, role or key id, does not open, whatever the backend does (NIST SP 800-38D).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stepless.errors import IntegrityFailure, Unavailable
from stepless.services.ports import Envelope

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_VERSION: Final = 1
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_Result = TypeVar("_Result")


def seal(kms: KMSClient, kms_key_id: str, plaintext: bytes, context: Mapping[str, str]) -> Envelope:
    """Encrypt under a new data key of ``kms_key_id``.

    Raises:
        Unavailable: KMS did not make a data key.
    """
    answer = _answer(
        lambda: kms.generate_data_key(KeyId=kms_key_id, KeySpec="AES_256", EncryptionContext=dict(context))
    )
    nonce = secrets.token_bytes(_NONCE_BYTES)
    ciphertext = AESGCM(answer["Plaintext"]).encrypt(nonce, plaintext, _associated_data(context))
    return Envelope(answer["CiphertextBlob"], nonce, ciphertext)


def open_sealed(kms: KMSClient, kms_key_id: str | None, envelope: Envelope, context: Mapping[str, str]) -> bytes:
    """Decrypt; ``kms_key_id``, where the caller knows it, must be the key that wrapped the data key.

    Raises:
        Unavailable: KMS did not unwrap the data key.
        IntegrityFailure: the blob, its data key or its context is not what was sealed.
    """
    named: Any = {"KeyId": kms_key_id} if kms_key_id else {}
    answer = _answer(lambda: kms.decrypt(CiphertextBlob=envelope.wrapped_key, EncryptionContext=dict(context), **named))
    data_key = answer["Plaintext"]
    if len(data_key) != _KEY_BYTES:
        raise IntegrityFailure("a stored key does not open: its data key is not one of AES-256")
    try:
        return AESGCM(data_key).decrypt(envelope.nonce, envelope.ciphertext, _associated_data(context))
    except (InvalidTag, ValueError) as error:  # ValueError: a nonce of impossible length
        raise IntegrityFailure("a stored key does not open: it was altered, or belongs elsewhere") from error


def _associated_data(context: Mapping[str, str]) -> bytes:
    return json.dumps([_VERSION, sorted(context.items())]).encode()


def _answer(call: Callable[[], _Result]) -> _Result:
    try:
        return call()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in {
            "InvalidCiphertextException",
            "IncorrectKeyException",
        }:
            raise IntegrityFailure("a stored key does not open: KMS does not know its data key so") from error
        raise Unavailable("KMS refused the call") from error
    except BotoCoreError as error:
        raise Unavailable("KMS did not answer") from error
