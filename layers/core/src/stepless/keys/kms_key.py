"""Keys that never leave KMS, presented as ``cryptography`` private keys so that nothing else tells them apart.

The digest is made here and KMS signs it (``MessageType=DIGEST``): KMS refuses raw messages above 4,096 bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key
from typing_extensions import override

from stepless.errors import IntegrityFailure, Unavailable

if TYPE_CHECKING:
    from typing import Self

    from mypy_boto3_kms import KMSClient

_EC_ALGORITHMS: Final = {
    ("secp256r1", "sha256"): "ECDSA_SHA_256",
    ("secp384r1", "sha384"): "ECDSA_SHA_384",
    ("secp521r1", "sha512"): "ECDSA_SHA_512",
}
_RSA_ALGORITHMS: Final = {
    "sha256": "RSASSA_PKCS1_V1_5_SHA_256",
    "sha384": "RSASSA_PKCS1_V1_5_SHA_384",
    "sha512": "RSASSA_PKCS1_V1_5_SHA_512",
}


class _KMSSigner:
    """Signs digests with one key."""

    def __init__(self, kms: KMSClient, key_id: str) -> None:
        self._kms = kms
        self._key_id = key_id

    def sign(self, digest: bytes, algorithm: str) -> bytes:
        try:
            answer = self._kms.sign(
                KeyId=self._key_id,
                Message=digest,
                MessageType="DIGEST",
                SigningAlgorithm=algorithm,  # type: ignore[arg-type]  # one of the tables above
            )
        except (ClientError, BotoCoreError) as error:
            raise Unavailable("KMS did not sign") from error
        return answer["Signature"]


def _digest(data: bytes | bytearray | memoryview, algorithm: hashes.HashAlgorithm | Prehashed) -> tuple[bytes, str]:
    if isinstance(algorithm, Prehashed):
        return bytes(data), algorithm._algorithm.name  # noqa: SLF001 - the only place that states it
    hasher = hashes.Hash(algorithm)
    hasher.update(data)
    return hasher.finalize(), algorithm.name


def _stays_in_kms() -> NoReturn:
    msg = "this key never leaves KMS"
    raise TypeError(msg)


class KMSECPrivateKey(ec.EllipticCurvePrivateKey):
    """An EC key of KMS; signs with the hash that belongs to its curve, and does nothing else."""

    def __init__(self, signer: _KMSSigner, public_key: ec.EllipticCurvePublicKey) -> None:
        """Take the remote key and its public half."""
        self._signer = signer
        self._public_key = public_key

    @override
    def sign(
        self,
        data: bytes | bytearray | memoryview,
        signature_algorithm: ec.EllipticCurveSignatureAlgorithm,
    ) -> bytes:
        """An ECDSA signature in DER (RFC 3279 §2.2.3).

        Raises:
            ValueError: another hash than the curve's.
            Unavailable: KMS did not sign.
        """
        if not isinstance(signature_algorithm, ec.ECDSA):
            msg = "only ECDSA is supported"
            raise TypeError(msg)
        digest, hash_name = _digest(data, signature_algorithm.algorithm)
        algorithm = _EC_ALGORITHMS.get((self.curve.name, hash_name))
        if algorithm is None:
            msg = f"KMS does not sign {hash_name} with {self.curve.name}"
            raise ValueError(msg)
        return self._signer.sign(digest, algorithm)

    @override
    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._public_key

    @override
    @property
    def curve(self) -> ec.EllipticCurve:
        """The key's curve."""
        return self._public_key.curve

    @override
    @property
    def key_size(self) -> int:
        """The size of the curve in bits."""
        return self._public_key.key_size

    @override
    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        _stays_in_kms()

    @override
    def private_numbers(self) -> NoReturn:
        _stays_in_kms()

    @override
    def private_bytes(self, *arguments: Any) -> NoReturn:
        _stays_in_kms()

    @override
    def __copy__(self) -> Self:
        return self

    @override
    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class KMSRSAPrivateKey(rsa.RSAPrivateKey):
    """An RSA key of KMS; signs PKCS#1 v1.5, and does nothing else."""

    def __init__(self, signer: _KMSSigner, public_key: rsa.RSAPublicKey) -> None:
        """Take the remote key and its public half."""
        self._signer = signer
        self._public_key = public_key

    @override
    def sign(
        self,
        data: bytes | bytearray | memoryview,
        padding: padding.AsymmetricPadding,
        algorithm: Any,
    ) -> bytes:
        """An RSASSA-PKCS1-v1_5 signature (RFC 8017 §8.2).

        Raises:
            ValueError: another padding or hash.
            Unavailable: KMS did not sign.
        """
        digest, hash_name = _digest(data, algorithm)
        if padding.name != "EMSA-PKCS1-v1_5" or hash_name not in _RSA_ALGORITHMS:
            msg = f"KMS does not sign {hash_name} with padding {padding.name} here"
            raise ValueError(msg)
        return self._signer.sign(digest, _RSA_ALGORITHMS[hash_name])

    @override
    def public_key(self) -> rsa.RSAPublicKey:
        """The public half."""
        return self._public_key

    @override
    @property
    def key_size(self) -> int:
        """The size of the modulus in bits."""
        return self._public_key.key_size

    @override
    def decrypt(self, ciphertext: bytes, padding: padding.AsymmetricPadding) -> NoReturn:
        _stays_in_kms()

    @override
    def private_numbers(self) -> NoReturn:
        _stays_in_kms()

    @override
    def private_bytes(self, *arguments: Any) -> NoReturn:
        _stays_in_kms()

    @override
    def __copy__(self) -> Self:
        return self

    @override
    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def load_kms_key(kms: KMSClient, key_id: str) -> KMSECPrivateKey | KMSRSAPrivateKey:
    """The signing key of a KMS key id.

    Raises:
        Unavailable: KMS did not tell the public key.
        IntegrityFailure: the key is neither EC nor RSA.
    """
    try:
        answer = kms.get_public_key(KeyId=key_id)
    except (ClientError, BotoCoreError) as error:
        raise Unavailable("KMS did not tell a public key") from error
    public_key = load_der_public_key(answer["PublicKey"])
    signer = _KMSSigner(kms, key_id)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return KMSECPrivateKey(signer, public_key)
    if isinstance(public_key, rsa.RSAPublicKey):
        return KMSRSAPrivateKey(signer, public_key)
    raise IntegrityFailure("a KMS key for issuing must be EC or RSA")
