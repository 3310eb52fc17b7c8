"""A throw-away certificate authority for the gateway's TLS, made in memory."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = timedelta(days=1)
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What `stepless.runtime.operator` gives the gateway."""

    chain_pem: bytes
    key_pem: bytes
    client_ca_pem: bytes
    root_pem: bytes
    fingerprint: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


class TestAuthority:
    """A root and an intermediate that issue endpoint and client certificates."""

    __test__ = False

    def __init__(self, name: str) -> None:
        self.root = _issue(f"{name} root", None, authority=True)
        self.intermediate = _issue(f"{name} intermediate", self.root, authority=True)

    def leaf(self, name: str, usage: x509.ObjectIdentifier = CLIENT, lifetime: timedelta = _DAY) -> Pair:
        return _issue(name, self.intermediate, usage=usage, lifetime=lifetime)

    def endpoint(self, lifetime: timedelta = _DAY) -> Endpoint:
        leaf = self.leaf("localhost", SERVER, lifetime)
        return Endpoint(
            chain_pem=leaf.certificate_pem + self.intermediate.certificate_pem,
            key_pem=leaf.key_pem,
            client_ca_pem=self.root.certificate_pem + self.intermediate.certificate_pem,
            root_pem=self.root.certificate_pem,
            fingerprint=self.root.certificate.fingerprint(hashes.SHA256()).hex(),
            not_after=leaf.certificate.not_valid_after_utc,
        )


def _issue(
    name: str,
    issuer: Pair | None,
    *,
    authority: bool = False,
    usage: x509.ObjectIdentifier = SERVER,
    lifetime: timedelta = _DAY,
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)  # noqa: TID251  # TLS checks these against the machine's own clock
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * _DAY)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = builder.add_extension(names, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return Pair(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)
