"""The contract of the key store and the vault: a key is written once, and replaced only by who knows it."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stepless.errors import Conflict
from stepless.keys.vault import KMSVault
from stepless.services.ports import Envelope, KeyName, KeyStore, KeyVault, SealedKey, StoredKey
from tests.contract.support.backends import AWS, Backend
from tests.contract.support.samples import hierarchy, make_leaf
from tests.fakes.private_keys import SUBJECT_KEYS, PrivateKey, p256

NAME = KeyName("issuing", "intermediate-1")
ROLES = ("root", "issuing", "endpoint")
MATERIALS: dict[str, Envelope | str] = {
    "ok/envelope": Envelope(b"wrapped" * 30, b"n" * 12, bytes(range(256))),
    "ok/empty-parts": Envelope(b"", b"", b""),
    "ok/kms-key": "arn:aws:kms:eu-west-1:123456789012:key/0123",
}


@pytest.fixture
def keys(backend: Backend, authority_id: str) -> KeyStore:
    return backend.keys(authority_id)


@pytest.fixture
def vault(backend: Backend, authority_id: str) -> KeyVault:
    return backend.vault(authority_id)


def stored(name: KeyName = NAME, material: Envelope | str = "kms-key-id") -> StoredKey:
    return StoredKey(name, material, (make_leaf(), *hierarchy().chain))


# ---- the store


@pytest.mark.parametrize("material", MATERIALS.values(), ids=MATERIALS)
def test_stored_key_comes_back_whole(keys: KeyStore, material: Envelope | str) -> None:
    kept = stored(material=material)
    keys.put(kept)
    assert keys.get(NAME) == kept


def test_none_when_there_is_no_key(keys: KeyStore) -> None:
    keys.put(stored())
    for name in (KeyName("issuing", "intermediate"), KeyName("root", NAME.key_id), KeyName("issuing", "")):
        assert keys.get(name) is None


def test_stores_of_authorities_are_apart(backend: Backend, keys: KeyStore, authority_id: str) -> None:
    keys.put(stored())
    other = backend.keys(f"{authority_id}x")
    assert other.get(NAME) is None
    other.put(stored())


def test_stored_key_is_never_overwritten(keys: KeyStore) -> None:
    first = stored()
    keys.put(first)
    for again in (stored(), replace(first, material="another")):
        with pytest.raises(Conflict):
            keys.put(again)
    assert keys.get(NAME) == first


def test_stored_key_is_replaced_by_who_knows_its_certificate(keys: KeyStore) -> None:
    first, second = stored(), stored(material=MATERIALS["ok/envelope"])
    keys.put(first)
    keys.put(second, instead_of=first.chain[0])
    assert keys.get(NAME) == second
    with pytest.raises(Conflict):
        keys.put(stored(), instead_of=first.chain[0])
    assert keys.get(NAME) == second


@pytest.mark.parametrize("other", [make_leaf(), hierarchy().issuer.certificate], ids=["unknown", "of-its-chain"])
def test_stored_key_stays_when_another_one_is_to_be_replaced(keys: KeyStore, other: x509.Certificate) -> None:
    first = stored()
    keys.put(first)
    with pytest.raises(Conflict):
        keys.put(stored(), instead_of=other)
    assert keys.get(NAME) == first


def test_nothing_is_replaced_when_there_is_no_key(keys: KeyStore) -> None:
    with pytest.raises(Conflict):
        keys.put(stored(), instead_of=make_leaf())
    assert keys.get(NAME) is None


# ---- the vault


def clear(sealed: SealedKey | None) -> tuple[bytes, tuple[x509.Certificate, ...]]:
    """What a key is, for comparing."""
    assert sealed is not None
    return sealed.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), sealed.chain


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_sealed_key_opens(vault: KeyVault, kind: str) -> None:
    made = SealedKey(SUBJECT_KEYS[kind](), hierarchy().chain)
    vault.seal(NAME, made.private_key, made.chain)
    assert clear(vault.open(NAME)) == clear(made)


def test_sealed_keys_are_apart(vault: KeyVault) -> None:
    made = {KeyName(role, key_id): SealedKey(p256(), (make_leaf(),)) for role in ROLES for key_id in ("1", "2")}
    for name, sealed in made.items():
        vault.seal(name, sealed.private_key, sealed.chain)
    for name, sealed in made.items():
        assert clear(vault.open(name)) == clear(sealed)


def test_none_when_nothing_was_sealed(vault: KeyVault) -> None:
    assert vault.open(NAME) is None
    assert vault.chain(NAME) is None


def test_chain_is_told_and_changes_with_the_key(vault: KeyVault) -> None:
    vault.seal(NAME, p256(), hierarchy().chain)
    assert vault.chain(NAME) == hierarchy().chain
    new = (make_leaf(),)
    vault.replace(NAME, p256(), new, instead_of=hierarchy().chain[0])
    assert vault.chain(NAME) == new


def test_sealed_key_is_never_overwritten(vault: KeyVault) -> None:
    vault.seal(NAME, p256(), hierarchy().chain)
    first = clear(vault.open(NAME))
    with pytest.raises(Conflict):
        vault.seal(NAME, p256(), hierarchy().chain)
    assert clear(vault.open(NAME)) == first


def test_sealed_key_is_replaced_by_who_knows_its_certificate(vault: KeyVault) -> None:
    old = make_leaf()
    new = SealedKey(p256(), (make_leaf(),))
    vault.seal(NAME, p256(), (old,))
    with pytest.raises(Conflict):
        vault.replace(NAME, p256(), (make_leaf(),), instead_of=new.chain[0])
    vault.replace(NAME, new.private_key, new.chain, instead_of=old)
    assert clear(vault.open(NAME)) == clear(new)
    with pytest.raises(Conflict):
        vault.replace(NAME, p256(), (make_leaf(),), instead_of=old)
    assert clear(vault.open(NAME)) == clear(new)


def test_nothing_is_replaced_when_nothing_was_sealed(vault: KeyVault) -> None:
    with pytest.raises(Conflict):
        vault.replace(NAME, p256(), (make_leaf(),), instead_of=make_leaf())
    assert vault.open(NAME) is None


# ---- on the real adapter


def test_chain_is_told_without_kms(aws: AWS, authority_id: str) -> None:
    """Who may not open a key sees its certificate all the same."""
    aws.vault(authority_id).seal(NAME, p256(), hierarchy().chain)
    no_kms: Any = None
    assert KMSVault(aws.keys(authority_id), no_kms, authority_id).chain(NAME) == hierarchy().chain


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_private_key_is_nowhere_in_the_table(aws: AWS, authority_id: str, kind: str) -> None:
    key = SUBJECT_KEYS[kind]()
    aws.vault(authority_id).seal(NAME, key, hierarchy().chain)
    raw = aws.sdk.query(
        TableName=aws.tables.keys,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": authority_id}},
    )["Items"]
    assert len(raw) == 1
    written = b"".join(_bytes_of(raw[0]))
    assert hierarchy().issuer.certificate.public_bytes(Encoding.DER) in written
    for secret in _secrets_of(key):
        assert secret not in written


def _bytes_of(value: Any) -> list[bytes]:
    if isinstance(value, dict):
        return [part for child in value.values() for part in _bytes_of(child)]
    if isinstance(value, list):
        return [part for child in value for part in _bytes_of(child)]
    return [value.encode() if isinstance(value, str) else bytes(value)]


def _secrets_of(key: PrivateKey) -> list[bytes]:
    """The number or seed that is the key."""
    if hasattr(key, "private_bytes_raw"):
        return [key.private_bytes_raw()]
    numbers = key.private_numbers()
    value: int = numbers.private_value if hasattr(numbers, "private_value") else numbers.d
    return [value.to_bytes((value.bit_length() + 7) // 8, "big")]


def test_every_sealing_takes_a_data_key_and_a_nonce_of_its_own(aws: AWS, authority_id: str) -> None:
    key = p256()
    names = [KeyName("issuing", str(number)) for number in range(3)]
    for name in names:
        aws.vault(authority_id).seal(name, key, hierarchy().chain)
    kept = [aws.keys(authority_id).get(name) for name in names]
    envelopes = [one.material for one in kept if one is not None and isinstance(one.material, Envelope)]
    assert len({envelope.nonce for envelope in envelopes}) == 3
    assert len({envelope.wrapped_key for envelope in envelopes}) == 3
    assert {len(envelope.nonce) for envelope in envelopes} == {12}
