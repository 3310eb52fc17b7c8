"""Certificate requests made in memory, good and bad, for raw calls."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

RequestKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def make_request(
    common_name: str | None,
    sans: Sequence[x509.GeneralName] = (),
    key: RequestKey | None = None,
) -> x509.CertificateSigningRequest:
    """Return a signed request; no common name gives an empty subject, no names no SAN extension."""
    chosen = key or ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    digest = None if isinstance(chosen, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(chosen, digest)


def dns(*names: str) -> list[x509.GeneralName]:
    """Return DNS names."""
    return [x509.DNSName(name) for name in names]


def pem(request: x509.CertificateSigningRequest) -> str:
    """Return a request as PEM text."""
    return request.public_bytes(Encoding.PEM).decode()


def with_broken_signature(request: x509.CertificateSigningRequest) -> str:
    """Return the request as PEM with one bit of its subject flipped.

    The structure stays valid; only the signature no longer fits.
    """
    der = bytearray(request.public_bytes(Encoding.DER))
    subject = request.subject.public_bytes()
    at = bytes(der).index(subject) + len(subject) - 1
    der[at] ^= 1
    return pem(x509.load_der_x509_csr(bytes(der)))
