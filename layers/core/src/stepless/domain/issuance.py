"""The one door to a CA key for certificates: sign, then look at what was signed (RFC 5280 §4.1, §6.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from stepless.domain.profile import CertificateContent
from stepless.domain.public_keys import spki_der
from stepless.domain.serial import MAX_SERIAL
from stepless.errors import IntegrityFailure, ValidityNotAllowed

IssuingPrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
_SigningHash: TypeAlias = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
_CURVE_HASH: Final[dict[str, _SigningHash]] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


# UTCTime has no earlier year (RFC 5280 §4.1.2.5.1), and the library does not survive one.
_FIRST_INSTANT: Final = datetime(1950, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Issuer:
    """A CA certificate with its private key (in memory, or in KMS behind the same type)."""

    key_id: str
    certificate: x509.Certificate
    private_key: IssuingPrivateKey

    @cached_property
    def public_key(self) -> object:
        """The key that its signatures are checked with: reading it out of the certificate takes a fifth of a check."""
        return self.certificate.public_key()

    @cached_property
    def authority_key_identifier(self) -> x509.AuthorityKeyIdentifier:
        """What certificates of this issuer say of its key (RFC 5280 §4.2.1.1)."""
        return authority_key_identifier(self.certificate)

    def check(self) -> None:
        """See that key and certificate belong together, and that the certificate may issue.

        Raises:
            IntegrityFailure: they do not.
        """
        if not _may_issue(self.certificate.extensions):
            raise IntegrityFailure(f"the certificate of key {self.key_id} is not one of a CA")
        if _spki(self.private_key.public_key()) != _spki(self.certificate.public_key()):
            raise IntegrityFailure(f"key {self.key_id} does not belong to its certificate")


def authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """What certificates of an issuer say of its key (RFC 5280 §4.2.1.1)."""
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def signature_algorithm(issuer: x509.Certificate) -> str:
    """The algorithm that ``sign_certificate`` uses with an issuer's key, in Go's words, such as ``ECDSA-SHA256``."""
    key = issuer.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA-{_CURVE_HASH[key.curve.name].name.upper()}"
    return "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "SHA256-RSA"


def _may_issue(extensions: x509.Extensions) -> bool:
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    return usage.key_cert_sign and constraints.ca


def _spki(key: object) -> bytes:
    return spki_der(key)  # type: ignore[arg-type]  # CA keys are of the same kinds as subject keys


def sign_certificate(content: CertificateContent, issuer: Issuer, serial: int) -> x509.Certificate:
    """Sign a certificate with the issuer's key and check the result.

    What is returned must be recorded before it leaves the authority; ``services.issue`` sees to that.

    Raises:
        ValidityNotAllowed: the certificate would outlive its issuer, or begin before 1950.
        IntegrityFailure: the signed certificate does not verify or is not what was asked for.
    """
    if content.validity.not_after > issuer.certificate.not_valid_after_utc:
        raise ValidityNotAllowed(
            f"requested certificate notAfter ({content.validity.not_after:%Y-%m-%dT%H:%M:%SZ}) is after the expiration "
            f"of the issuing certificate ({issuer.certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ})"
        )
    if content.validity.not_before < _FIRST_INSTANT:
        raise ValidityNotAllowed("requested certificate notBefore is before 1950, and no certificate can say so")
    certificate = _builder(content, issuer.certificate.subject, serial).sign(
        issuer.private_key, _hash_for(issuer.private_key)
    )
    _check_signed(certificate, content, issuer.certificate, issuer.public_key, serial)
    return certificate


def self_sign(content: CertificateContent, private_key: IssuingPrivateKey, serial: int) -> x509.Certificate:
    """Make a root: issuer and subject are the same, and so are signer and key.

    Raises:
        IntegrityFailure: the signed certificate does not verify.
    """
    certificate = _builder(content, content.subject, serial).sign(private_key, _hash_for(private_key))
    _check_signed(certificate, content, certificate, certificate.public_key(), serial)
    return certificate


def _builder(content: CertificateContent, issuer_name: x509.Name, serial: int) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(
        issuer_name=issuer_name,
        subject_name=content.subject,
        public_key=content.public_key,
        serial_number=serial,
        not_valid_before=content.validity.not_before.replace(tzinfo=None),
        not_valid_after=content.validity.not_after.replace(tzinfo=None),
        extensions=[],
    )
    for value, critical in content.extensions:
        builder = builder.add_extension(value, critical)
    return builder


def _hash_for(key: IssuingPrivateKey) -> _SigningHash | None:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    return _CURVE_HASH[key.curve.name] if isinstance(key, ec.EllipticCurvePrivateKey) else hashes.SHA256()


def _check_signed(
    certificate: x509.Certificate,
    content: CertificateContent,
    issuer: x509.Certificate,
    issuer_key: object,
    serial: int,
) -> None:
    """Catch a fault of memory, library or remote signer before anyone relies on the result."""
    try:
        if isinstance(issuer_key, ec.EllipticCurvePublicKey):
            algorithm = ec.ECDSA(_CURVE_HASH[issuer_key.curve.name])
            issuer_key.verify(certificate.signature, certificate.tbs_certificate_bytes, algorithm)
        else:
            certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise IntegrityFailure("a certificate was signed that does not verify with its issuer's key") from error
    same = (
        certificate.serial_number == serial
        and 0 < serial < MAX_SERIAL
        and certificate.not_valid_before_utc == content.validity.not_before
        and certificate.not_valid_after_utc == content.validity.not_after
        and certificate.subject == content.subject
        and certificate.issuer == issuer.subject
    )
    if not same:
        raise IntegrityFailure("a certificate was signed that differs from what was asked for")
