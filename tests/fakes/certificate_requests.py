"""Real PKCS#10 requests."""

from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from stepless.domain.names import classify
from tests.fakes.private_keys import PrivateKey, p256


def make_csr(
    common_name: str = "",
    names: Iterable[str | x509.GeneralName] = (),
    *,
    key: PrivateKey | None = None,
    subject: Sequence[x509.NameAttribute[str]] = (),
    hash_algorithm: hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | None = None,
) -> x509.CertificateSigningRequest:
    """A request for names, which are texts (classified as step does) or general names; by default with a new key."""
    key = key or p256()
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder(x509.Name([*attributes, *subject]))
    general = [classify(name).general_name() if isinstance(name, str) else name for name in names]
    if general:
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return builder.sign(key, None)
    return builder.sign(key, hash_algorithm or hashes.SHA256())


def csr_pem(csr: x509.CertificateSigningRequest) -> str:
    """A request as clients send it."""
    return csr.public_bytes(Encoding.PEM).decode()
