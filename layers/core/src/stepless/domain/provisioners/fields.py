"""The fields of provisioners in step's JSON form, held to the types that step's client decodes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from stepless.domain.certificate import UNREADABLE
from stepless.domain.durations import parse_duration
from stepless.domain.key_set import MAX_KEYS, PublishedKey
from stepless.domain.public_keys import check_public_key
from stepless.domain.token import algorithms_for, verification_key
from stepless.errors import CAError

_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)


def check_fields(
    document: Mapping[str, Any],
    *,
    texts: Collection[str] = (),
    lists: Collection[str] = (),
    switches: Collection[str] = (),
) -> None:
    """Check the types of known fields: one that differs would make the client's whole list unreadable.

    A list has no empty text: that would match what a token does not say.

    Raises:
        ValueError: a field of another type, or one that is spelled in another case and so would not count here.
    """
    known = {name.lower(): name for name in (*texts, *lists, *switches)}
    for key, value in document.items():
        name = known.get(key.lower())
        if name is None:
            continue
        if name != key:
            msg = f"{key}: is spelled {name}"
            raise ValueError(msg)
        if value is None:
            continue
        if name in texts and not isinstance(value, str):
            msg = f"{name}: must be text"
            raise ValueError(msg)
        if name in lists and not (isinstance(value, list) and all(isinstance(item, str) and item for item in value)):
            msg = f"{name}: must be a list of texts that are not empty"
            raise ValueError(msg)
        if name in switches and not isinstance(value, bool):
            msg = f"{name}: must be true or false"
            raise ValueError(msg)


def text_list(document: Mapping[str, Any], name: str) -> frozenset[str]:
    """The texts of a field that ``check_fields`` looked at."""
    return frozenset(document.get(name) or ())


def age_limit(document: Mapping[str, Any], name: str) -> timedelta | None:
    """A duration field, ``None`` when it sets no limit.

    Raises:
        ValueError: it is no duration, or a negative one.
    """
    value = document.get(name)
    if not value:
        return None
    age = parse_duration(value)
    if age < timedelta(0):
        msg = f"{name}: cannot be negative"
        raise ValueError(msg)
    return age or None


def public_keys(document: Mapping[str, Any], name: str) -> tuple[PublishedKey, ...]:
    """The keys of a field that is base64 of concatenated PEM: public keys, and those of certificates.

    Raises:
        ValueError: another kind of text, or a key that may not verify.
    """
    try:
        pem = base64.b64decode(document.get(name) or "", validate=True)
        keys = [check_public_key(_public_key(block[1], block[0])) for block in _PEM.finditer(pem)]
    except (binascii.Error, *UNREADABLE) as error:
        msg = f"{name}: base64 of PEM public keys is required ({error})"
        raise ValueError(msg) from error
    except CAError as error:
        msg = f"{name}: {error.detail}"
        raise ValueError(msg) from error
    if len(keys) > MAX_KEYS or (pem and not keys):
        msg = f"{name}: 1 to {MAX_KEYS} PEM public keys are required"
        raise ValueError(msg)
    return tuple(PublishedKey("", verification_key(key), algorithms_for(key)) for key in keys)


def _public_key(label: bytes, block: bytes) -> object:
    return x509.load_pem_x509_certificate(block).public_key() if label == b"CERTIFICATE" else load_pem_public_key(block)
