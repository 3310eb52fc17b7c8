"""Sealed keys that were altered, exchanged or moved do not open, on either engine.

ministack's KMS checks neither its ciphertext nor which key made it, so there only the seal's own GCM stands in the way;
moto's KMS refuses as AWS does. A key must stay shut on both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from stepless.errors import IntegrityFailure, Unavailable
from stepless.keys.envelope import open_sealed, seal
from stepless.keys.vault import KMSVault
from stepless.services.ports import Envelope, KeyName, StoredKey
from tests.contract.support.backends import AWS
from tests.contract.support.samples import hierarchy
from tests.fakes.private_keys import p256

NAME = KeyName("issuing", "intermediate-1")


def flip(data: bytes, position: int) -> bytes:
    """One bit turned over."""
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)


PARTS = ("wrapped_key", "nonce", "ciphertext")
DAMAGE: Mapping[str, Callable[[bytes], bytes]] = {
    "first-bit": lambda data: flip(data, 0),
    "middle-bit": lambda data: flip(data, len(data) // 2),
    "last-bit": lambda data: flip(data, -1),
    "one-byte-short": lambda data: data[:-1],
    "one-byte-long": lambda data: data + b"\0",
    "almost-nothing": lambda data: data[:1],
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A sealed key as it is in the table, and the vaults that might open it."""

    aws: AWS
    authority_id: str

    @property
    def stored(self) -> StoredKey:
        found = self.aws.keys(self.authority_id).get(NAME)
        assert found is not None
        return found

    @property
    def envelope(self) -> Envelope:
        assert isinstance(self.stored.material, Envelope)
        return self.stored.material

    def keep(self, envelope: Envelope) -> None:
        """Put another envelope in its place."""
        stored = self.stored
        self.aws.keys(self.authority_id).put(replace(stored, material=envelope), instead_of=stored.chain[0])

    def expect_shut(self) -> None:
        """For a function that names the KMS key and for one that does not."""
        for vault in (self.aws.vault(self.authority_id), self.reader):
            with pytest.raises(IntegrityFailure):
                vault.open(NAME)

    @property
    def reader(self) -> KMSVault:
        return KMSVault(self.aws.keys(self.authority_id), self.aws.kms, self.authority_id)


@pytest.fixture
def kept(aws: AWS, authority_id: str) -> Kept:
    aws.vault(authority_id).seal(NAME, p256(), hierarchy().chain)
    return Kept(aws, authority_id)


# The first bytes of a wrapped key name the KMS key, in a form that is each engine's own.
ALTERED = [(part, how) for part in PARTS for how in DAMAGE if (part, how) != ("wrapped_key", "first-bit")]


@pytest.mark.parametrize(("part", "how"), ALTERED)
def test_shut_when_a_part_was_altered(kept: Kept, part: str, how: str) -> None:
    whole = kept.envelope
    kept.keep(replace(whole, **{part: DAMAGE[how](getattr(whole, part))}))
    kept.expect_shut()
    kept.keep(whole)
    assert kept.reader.open(NAME) is not None


@pytest.mark.parametrize("part", PARTS)
def test_shut_when_a_part_is_another_keys(kept: Kept, part: str) -> None:
    other = KeyName("issuing", "intermediate-2")
    kept.aws.vault(kept.authority_id).seal(other, p256(), hierarchy().chain)
    stored = kept.aws.keys(kept.authority_id).get(other)
    assert stored is not None
    kept.keep(replace(kept.envelope, **{part: getattr(stored.material, part)}))
    kept.expect_shut()


@pytest.mark.parametrize(
    "name",
    [KeyName("root", NAME.key_id), KeyName("endpoint", NAME.key_id), KeyName("issuing", "intermediate-2")],
    ids=["to-root", "to-endpoint", "to-another-id"],
)
def test_shut_when_moved_within_the_authority(kept: Kept, name: KeyName) -> None:
    kept.aws.keys(kept.authority_id).put(replace(kept.stored, name=name))
    with pytest.raises(IntegrityFailure):
        kept.reader.open(name)


def test_shut_when_moved_to_another_authority(kept: Kept) -> None:
    other_id = f"{kept.authority_id}x"
    kept.aws.keys(other_id).put(kept.stored)
    with pytest.raises(IntegrityFailure):
        KMSVault(kept.aws.keys(other_id), kept.aws.kms, other_id).open(NAME)


def test_shut_when_data_key_was_wrapped_by_another_kms_key(kept: Kept) -> None:
    """Who may use some KMS key of the account cannot slip in a data key of his own under the same context."""
    context = {"authority": kept.authority_id, "role": NAME.role, "key_id": NAME.key_id}
    foreign = seal(kept.aws.kms, kept.aws.kms_key("foreign"), b"other", context)
    kept.keep(replace(kept.envelope, wrapped_key=foreign.wrapped_key))
    with pytest.raises(IntegrityFailure):
        kept.reader.open(NAME)


def test_shut_when_sealed_under_another_kms_key_than_the_roles(aws: AWS, authority_id: str) -> None:
    """A whole envelope of another KMS key opens for nobody who names the right one."""
    context = {"authority": authority_id, "role": NAME.role, "key_id": NAME.key_id}
    foreign = seal(aws.kms, aws.kms_key("foreign"), b"other", context)
    aws.keys(authority_id).put(StoredKey(NAME, foreign, hierarchy().chain))
    # AWS says IncorrectKeyException (test_failures.py); moto says AccessDeniedException, which is no statement about
    # the ciphertext and so becomes Unavailable; ministack unwraps garbage.
    with pytest.raises(Unavailable if aws.name == "moto" else IntegrityFailure):
        aws.vault(authority_id).open(NAME)


@pytest.mark.parametrize("content", [b"", b"other", b"\x30\x00"], ids=["empty", "text", "empty-sequence"])
def test_shut_when_what_was_sealed_is_no_key(aws: AWS, authority_id: str, content: bytes) -> None:
    context = {"authority": authority_id, "role": NAME.role, "key_id": NAME.key_id}
    sealed = seal(aws.kms, aws.kms_key("issuing"), content, context)
    aws.keys(authority_id).put(StoredKey(NAME, sealed, hierarchy().chain))
    with pytest.raises(IntegrityFailure):
        aws.vault(authority_id).open(NAME)


# ---- what each of the two locks does alone


class _CarelessKMS:
    """Unwraps with the context that was right, whatever the caller says."""

    def __init__(self, kms: Any, context: Mapping[str, str]) -> None:
        self._kms = kms
        self._context = dict(context)

    def decrypt(self, **request: Any) -> Any:
        return self._kms.decrypt(**{**request, "EncryptionContext": self._context})


CONTEXT = {"authority": "default", "role": "issuing", "key_id": "intermediate-1"}


@pytest.mark.parametrize("changed", CONTEXT)
def test_seal_holds_its_context_when_kms_does_not(aws: AWS, changed: str) -> None:
    envelope = seal(aws.kms, aws.kms_key("issuing"), b"secret", CONTEXT)
    careless: Any = _CarelessKMS(aws.kms, CONTEXT)
    assert open_sealed(careless, None, envelope, CONTEXT) == b"secret"
    for other in ({**CONTEXT, changed: "other"}, {k: v for k, v in CONTEXT.items() if k != changed}):
        with pytest.raises(IntegrityFailure):
            open_sealed(careless, None, envelope, other)


@pytest.mark.parametrize("position", [0, 40, -1])
def test_kms_itself_refuses_an_altered_data_key(moto: AWS, position: int) -> None:
    """On AWS the data key of an altered blob is never unwrapped; ministack would hand one out."""
    envelope = seal(moto.kms, moto.kms_key("issuing"), b"secret", CONTEXT)
    altered = replace(envelope, wrapped_key=flip(envelope.wrapped_key, position))
    # Position 0 names another KMS key: moto answers that with AccessDeniedException.
    with pytest.raises(Unavailable if position == 0 else IntegrityFailure):
        open_sealed(moto.kms, None, altered, CONTEXT)


def test_kms_itself_refuses_another_context(aws: AWS) -> None:
    envelope = seal(aws.kms, aws.kms_key("issuing"), b"secret", CONTEXT)
    for other in ({}, {**CONTEXT, "role": "root"}, {**CONTEXT, "more": "x"}):
        with pytest.raises(aws.kms.exceptions.InvalidCiphertextException):
            aws.kms.decrypt(CiphertextBlob=envelope.wrapped_key, EncryptionContext=other)
