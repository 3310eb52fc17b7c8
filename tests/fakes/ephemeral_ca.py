"""A CA with real keys that lives for one test: root, intermediate, and whatever they sign."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stepless.domain.issuance import Issuer, self_sign, sign_certificate
from stepless.domain.profile import ca_content
from stepless.domain.serial import new_lineage, new_serial
from stepless.domain.validity import Validity
from tests.fakes.clock import NOW
from tests.fakes.private_keys import PrivateKey, p256

_HOUR: Final = timedelta(hours=1)
CLIENT_AUTH: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
SERVER_AUTH: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
DIGITAL_SIGNATURE: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
KEY_ENCIPHERMENT: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=True,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
Extension = tuple[x509.ExtensionType, bool]
# What a client certificate of another CA has, and an X5C provisioner asks for.
CLIENT_PROFILE: Final[tuple[Extension, ...]] = ((DIGITAL_SIGNATURE, True), (CLIENT_AUTH, False))


@dataclass(frozen=True)
class EphemeralCA:
    """Root and intermediate as ``step ca init`` makes them."""

    root: Issuer
    issuing: Issuer

    @property
    def root_certificate(self) -> x509.Certificate:
        """The trust anchor."""
        return self.root.certificate

    @property
    def intermediate_certificate(self) -> x509.Certificate:
        """The issuing certificate."""
        return self.issuing.certificate


def make_ca(name: str = "Ephemeral", *, issuing_key: PrivateKey | None = None, now: datetime = NOW) -> EphemeralCA:
    """A new CA that is a day old and lives ten years."""
    start = now.replace(microsecond=0) - timedelta(days=1)
    validity = Validity(start, start + timedelta(days=3650))
    root_key, issuing_key = p256(), issuing_key or p256()
    root_content = ca_content(
        organization=name,
        common_name_text=f"{name} Root CA",
        public_key=root_key.public_key(),
        validity=validity,
        path_length=1,
        authority_key=None,
    )
    root = Issuer("root-1", self_sign(root_content, root_key, new_serial(new_lineage())), root_key)
    content = ca_content(
        organization=name,
        common_name_text=f"{name} Intermediate CA",
        public_key=issuing_key.public_key(),
        validity=validity,
        path_length=0,
        authority_key=root.authority_key_identifier,
    )
    certificate = sign_certificate(content, root, new_serial(new_lineage()))
    return EphemeralCA(root, Issuer("intermediate-1", certificate, issuing_key))


def sign_leaf(
    issuer: Issuer,
    key: PrivateKey,
    *,
    common_name: str = "leaf.example",
    extensions: Sequence[Extension] = CLIENT_PROFILE,
    not_before: datetime = NOW - _HOUR,
    not_after: datetime = NOW + _HOUR,
) -> x509.Certificate:
    """A certificate of any content, made past the authority's own profile."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer.certificate.subject)
        .subject_name(x509.Name(attributes))
        .public_key(key.public_key())
        .serial_number(new_serial(new_lineage()))
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(issuer.authority_key_identifier, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    if not common_name and not any(isinstance(value, x509.SubjectAlternativeName) for value, _ in extensions):
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("leaf.example")]), critical=True)
    is_edwards = isinstance(issuer.private_key, ed25519.Ed25519PrivateKey)
    return builder.sign(issuer.private_key, None if is_edwards else hashes.SHA256())
