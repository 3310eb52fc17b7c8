"""What goes into certificates: profiles of root, intermediate, leaf and renewal (``docs/certificate-profile.md``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stepless.domain.names import Name
from stepless.domain.provisioner_extension import ProvisionerStamp, encode_stamp
from stepless.domain.public_keys import SubjectPublicKey
from stepless.domain.validity import RequestedValidity, Validity

CA_LIFETIME: Final = timedelta(days=3_650)
Extensions: TypeAlias = tuple[tuple[x509.ExtensionType, bool], ...]


@dataclass(frozen=True, slots=True)
class CertificateContent:
    """All of a certificate that the issuing key signs, but for its serial and its issuer.

    ``extensions`` are pairs of value and criticality in the order of encoding.
    """

    subject: x509.Name
    public_key: SubjectPublicKey
    validity: Validity
    extensions: Extensions


@dataclass(frozen=True, slots=True)
class DesignedCertificate:
    """What is to be issued; everything but dates, serial and issuer is checked and final.

    ``names`` are all names of the standard types, also those inside of an extension that the template encoded itself,
    and ``common_name`` is the subject's: policies judge these. ``validity`` is what a template asks for where the
    request asks for nothing; ``serial_number`` and ``signature_algorithm`` (step's word, such as ``ECDSA-SHA256``) are
    ``None`` where they are left to the authority. ``has_other_names`` tells of names that no policy can judge.
    ``output`` is what a template rendered, empty for the default leaf.
    """

    subject: x509.Name
    public_key: SubjectPublicKey
    extensions: Extensions
    names: tuple[Name, ...]
    common_name: str
    validity: RequestedValidity = field(default_factory=RequestedValidity)
    serial_number: int | None = None
    signature_algorithm: str | None = None
    is_ca: bool = False
    has_other_names: bool = False
    output: str = ""

    def requested_validity(self, asked: RequestedValidity) -> RequestedValidity:
        """The caller's dates, and a template's where the caller has none (step's order)."""
        return RequestedValidity(
            asked.not_before or self.validity.not_before,
            asked.not_after or self.validity.not_after,
        )

    def content(self, validity: Validity) -> CertificateContent:
        """The certificate with the dates that were decided for it."""
        return CertificateContent(self.subject, self.public_key, validity, self.extensions)


def _key_usage(*, ca: bool = False, encipherment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


_LEAF_USAGE: Final = _key_usage()
_RSA_LEAF_USAGE: Final = _key_usage(encipherment=True)
_CA_USAGE: Final = _key_usage(ca=True)
_LEAF_PURPOSES: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def common_name(text: str) -> x509.Name:
    """A subject of one common name, or the empty subject."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def leaf_design(
    *,
    subject: str,
    names: tuple[Name, ...],
    public_key: SubjectPublicKey,
    stamp: ProvisionerStamp | None,
    authority_key: x509.AuthorityKeyIdentifier,
) -> DesignedCertificate:
    """Step's default leaf: server and client, no basic constraints, only a common name in the subject."""
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (_RSA_LEAF_USAGE if isinstance(public_key, rsa.RSAPublicKey) else _LEAF_USAGE, True),
        (_LEAF_PURPOSES, False),
        (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
        (authority_key, False),
    ]
    if names:
        san = x509.SubjectAlternativeName([name.general_name() for name in names])
        extensions.append((san, not subject))  # RFC 5280 §4.2.1.6: critical when the subject is empty
    if stamp is not None:
        extensions.append((encode_stamp(stamp), False))
    return DesignedCertificate(common_name(subject), public_key, tuple(extensions), names, subject)


def renewed_content(
    old: x509.Certificate,
    *,
    public_key: SubjectPublicKey | None,
    validity: Validity,
    authority_key: x509.AuthorityKeyIdentifier,
) -> CertificateContent:
    """The content of ``old`` with new dates; with ``public_key`` it is a rekey.

    Subject and extensions stay byte for byte and in order, but for the authority key identifier, which comes first, and
    on a rekey the subject key identifier (what step-ca's renewal keeps).
    """
    kept: list[tuple[x509.ExtensionType, bool]] = [(authority_key, False)]
    for extension in old.extensions:
        if isinstance(extension.value, x509.AuthorityKeyIdentifier):
            continue
        value = extension.value
        if public_key is not None and isinstance(value, x509.SubjectKeyIdentifier):
            value = x509.SubjectKeyIdentifier.from_public_key(public_key)
        kept.append((value, extension.critical))
    old_key: SubjectPublicKey = old.public_key()  # type: ignore[assignment]  # issued here, so an allowed key
    return CertificateContent(old.subject, public_key or old_key, validity, tuple(kept))


def ca_content(
    *,
    organization: str,
    common_name_text: str,
    public_key: SubjectPublicKey,
    validity: Validity,
    path_length: int,
    authority_key: x509.AuthorityKeyIdentifier | None,
) -> CertificateContent:
    """The profile of ``step ca init``: critical key usage and basic constraints, O and CN in the subject."""
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (_CA_USAGE, True),
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
    ]
    if authority_key is not None:
        extensions.append((authority_key, False))
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name_text),
        ]
    )
    return CertificateContent(subject, public_key, validity, tuple(extensions))
