"""The contract of issuing keys: what a function signs with belongs to its certificate, wherever the key lives.

KMS signing keys are tested on ministack: moto hashes a digest again (`test_emulators.py`).
"""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stepless.domain.issuance import Issuer
from stepless.errors import IntegrityFailure, Unavailable
from stepless.keys.kms_key import KMSECPrivateKey, KMSRSAPrivateKey, load_kms_key
from stepless.keys.vault import KMSVault, VaultIssuerKeys
from stepless.services.ports import KeyName, StoredKey
from tests.contract.support.backends import AWS, Backend
from tests.contract.support.samples import (
    NOW,
    Hierarchy,
    hierarchy,
    issue_leaf,
    leaf_key,
    make_hierarchy,
    make_leaf,
)

NAME = KeyName("issuing", "intermediate-1")


# ---- the port


def test_issuer_signs_what_its_certificate_verifies(backend: Backend, authority_id: str) -> None:
    made = hierarchy().issuer
    issuer = backend.issuer_keys(authority_id, made).issuer(made.key_id, made.certificate)
    assert (issuer.key_id, issuer.certificate) == (made.key_id, made.certificate)
    issue_leaf(issuer).verify_directly_issued_by(made.certificate)


def test_issuer_of_each_key(backend: Backend, authority_id: str) -> None:
    issuers = [Issuer(f"intermediate-{n}", made.certificate, made.private_key) for n, made in enumerate(_issuers(3))]
    keys = backend.issuer_keys(authority_id, *issuers)
    for made in (*issuers, *reversed(issuers)):
        issue_leaf(keys.issuer(made.key_id, made.certificate)).verify_directly_issued_by(made.certificate)


def _issuers(count: int) -> list[Issuer]:
    return [make_hierarchy().issuer for _ in range(count)]


def test_unavailable_when_there_is_no_such_key(backend: Backend, authority_id: str) -> None:
    made = hierarchy().issuer
    keys = backend.issuer_keys(authority_id, made)
    with pytest.raises(Unavailable):
        keys.issuer("intermediate-9", made.certificate)


@pytest.mark.parametrize("used_before", [False, True], ids=["at-first", "after-use"])
def test_integrity_failure_when_key_belongs_to_another_certificate(
    backend: Backend, authority_id: str, *, used_before: bool
) -> None:
    made, other = _issuers(2)
    keys = backend.issuer_keys(authority_id, made)
    if used_before:
        keys.issuer(made.key_id, made.certificate)
    with pytest.raises(IntegrityFailure):
        keys.issuer(made.key_id, other.certificate)
    assert keys.issuer(made.key_id, made.certificate).certificate == made.certificate


def test_integrity_failure_when_certificate_is_not_one_of_a_ca(backend: Backend, authority_id: str) -> None:
    """Even of the very key: a leaf must never become an issuer."""
    leaf = make_leaf()
    keys = backend.issuer_keys(authority_id, Issuer("intermediate-1", leaf, leaf_key()))
    with pytest.raises(IntegrityFailure, match="not one of a CA"):
        keys.issuer("intermediate-1", leaf)


class _CountingKMS:
    """Counts what it passes on."""

    def __init__(self, kms: Any) -> None:
        self._kms = kms
        self.decryptions = 0

    def decrypt(self, **request: Any) -> Any:
        self.decryptions += 1
        return self._kms.decrypt(**request)


def test_key_is_decrypted_once_per_environment(aws: AWS, authority_id: str) -> None:
    made = hierarchy().issuer
    aws.issuer_keys(authority_id, made)
    counting: Any = _CountingKMS(aws.kms)
    for environments in (1, 2):
        keys = VaultIssuerKeys(KMSVault(aws.keys(authority_id), counting, authority_id))
        for _ in range(3):
            keys.issuer(made.key_id, made.certificate)
        assert counting.decryptions == environments


# ---- keys that never leave KMS

SPECS = ("ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "RSA_2048", "RSA_3072")


@pytest.fixture(scope="module")
def kms_keys(ministack: AWS) -> dict[str, str]:
    """A signing key of each kind, by its specification."""
    made: dict[str, str] = {}
    for spec in SPECS:
        answer = ministack.kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")
        made[spec] = answer["KeyMetadata"]["KeyId"]
    return made


@pytest.fixture(params=SPECS)
def kms_key_id(request: pytest.FixtureRequest, kms_keys: dict[str, str]) -> str:
    return kms_keys[request.param]


def _kept(aws: AWS, authority_id: str, kms_key_id: str) -> Hierarchy:
    """An intermediate whose key is in KMS, on the word of the key store alone."""
    made = make_hierarchy(load_kms_key(aws.kms, kms_key_id))
    aws.keys(authority_id).put(StoredKey(NAME, kms_key_id, made.chain))
    return made


def test_certificate_of_kms_key_verifies(ministack: AWS, authority_id: str, kms_key_id: str, tmp_path: Path) -> None:
    made = _kept(ministack, authority_id, kms_key_id)
    keys = VaultIssuerKeys(KMSVault(ministack.keys(authority_id), ministack.kms, authority_id))
    leaf = issue_leaf(keys.issuer(NAME.key_id, made.issuer.certificate))
    leaf.verify_directly_issued_by(made.issuer.certificate)
    assert "leaf.pem: OK" in _openssl_verify(tmp_path, leaf, made)


def _openssl_verify(folder: Path, leaf: x509.Certificate, made: Hierarchy) -> str:
    files = {"root.pem": made.root.certificate, "intermediate.pem": made.issuer.certificate, "leaf.pem": leaf}
    for name, certificate in files.items():
        (folder / name).write_bytes(certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "verify", "-x509_strict", "-attime", str(int(NOW.timestamp()))]
    command += ["-CAfile", "root.pem", "-untrusted", "intermediate.pem", "leaf.pem"]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_list_longer_than_kms_takes_is_signed(ministack: AWS, authority_id: str, kms_key_id: str) -> None:
    """KMS refuses messages over 4,096 bytes; the digest of one is all that it gets."""
    made = _kept(ministack, authority_id, kms_key_id)
    builder = x509.CertificateRevocationListBuilder(made.issuer.certificate.subject, NOW, NOW)
    for serial in range(1, 400):
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(serial, NOW).build())
    crl = builder.sign(made.issuer.private_key, _hash_for(made.issuer.private_key))
    assert len(crl.tbs_certlist_bytes) > 4_096
    assert crl.is_signature_valid(made.issuer.certificate.public_key())  # type: ignore[arg-type]  # of a CA key


_Hash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
_CURVE_HASHES: dict[int, _Hash] = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}


def _hash_for(key: object) -> _Hash:
    return _CURVE_HASHES[key.key_size] if isinstance(key, ec.EllipticCurvePrivateKey) else hashes.SHA256()


def test_digest_made_elsewhere_is_signed(ministack: AWS, kms_keys: dict[str, str]) -> None:
    key = load_kms_key(ministack.kms, kms_keys["ECC_NIST_P256"])
    assert isinstance(key, KMSECPrivateKey)
    hasher = hashes.Hash(hashes.SHA256())
    hasher.update(b"message")
    signature = key.sign(hasher.finalize(), ec.ECDSA(Prehashed(hashes.SHA256())))
    key.public_key().verify(signature, b"message", ec.ECDSA(hashes.SHA256()))


def test_kms_key_gives_nothing_away(ministack: AWS, kms_key_id: str) -> None:
    key: Any = load_kms_key(ministack.kms, kms_key_id)
    with pytest.raises(TypeError, match="never leaves KMS"):
        key.private_numbers()
    with pytest.raises(TypeError, match="never leaves KMS"):
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384"])
def test_ec_key_signs_only_with_the_hash_of_its_curve(ministack: AWS, kms_keys: dict[str, str], spec: str) -> None:
    key = load_kms_key(ministack.kms, kms_keys[spec])
    assert isinstance(key, KMSECPrivateKey)
    for algorithm in (hashes.SHA512(), hashes.SHA1(), hashes.SHA224()):  # noqa: S303 - to see it refused
        with pytest.raises(ValueError, match="does not sign"):
            key.sign(b"message", ec.ECDSA(algorithm))


def test_rsa_key_signs_only_pkcs1_with_sha2(ministack: AWS, kms_keys: dict[str, str]) -> None:
    key = load_kms_key(ministack.kms, kms_keys["RSA_2048"])
    assert isinstance(key, KMSRSAPrivateKey)
    for algorithm in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        signature = key.sign(b"message", padding.PKCS1v15(), algorithm)
        key.public_key().verify(signature, b"message", padding.PKCS1v15(), algorithm)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    with pytest.raises(ValueError, match="padding"):
        key.sign(b"message", pss, hashes.SHA256())
    with pytest.raises(ValueError, match="does not sign"):
        key.sign(b"message", padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - to see it refused


def test_kms_key_says_what_it_is(ministack: AWS, kms_keys: dict[str, str]) -> None:
    sizes = {spec: load_kms_key(ministack.kms, key_id).key_size for spec, key_id in kms_keys.items()}
    assert sizes == {spec: int(spec.removeprefix("ECC_NIST_P").removeprefix("RSA_")) for spec in SPECS}
    assert isinstance(load_kms_key(ministack.kms, kms_keys["RSA_2048"]), rsa.RSAPrivateKey)


def test_integrity_failure_when_kms_key_signs_with_neither_ec_nor_rsa(ministack: AWS) -> None:
    made = ministack.kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    with pytest.raises(IntegrityFailure):
        load_kms_key(ministack.kms, made["KeyId"])


def test_unavailable_when_kms_key_is_disabled(ministack: AWS) -> None:
    made = ministack.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    key = load_kms_key(ministack.kms, made["KeyId"])
    issuer = make_hierarchy(key).issuer
    ministack.kms.disable_key(KeyId=made["KeyId"])
    with pytest.raises(Unavailable):
        issue_leaf(issuer)
