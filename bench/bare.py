"""The least that a certificate can cost in this language: the cryptography alone, with the library that is used.

Token signature, certificate request with its signature, the certificate with the extensions of the default leaf, its
signature, its PEM. No JSON, no checks, no records.
"""

import base64
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_USAGE = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip
_PURPOSES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
# As long as the extension that names the provisioner.
_STAMP = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.37476.9000.64.1"), bytes(60))
_SHA256 = ec.ECDSA(hashes.SHA256())


class BareAuthority:
    """A P-256 issuer in memory."""

    def __init__(self, token_key_pem: str) -> None:
        """Takes the public key that verifies tokens."""
        key = load_pem_public_key(token_key_pem.encode())
        if not isinstance(key, ec.EllipticCurvePublicKey):
            msg = "the token key must be an EC key"
            raise TypeError(msg)
        self._token_key = key
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bare Intermediate CA")])
        self._authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())

    def sign(self, csr_pem: str, token: str) -> str:
        """The certificate in PEM."""
        signed, _, signature = token.rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        numbers = (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        self._token_key.verify(encode_dss_signature(*numbers), signed.encode(), _SHA256)
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        if not csr.is_signature_valid:
            msg = "the request's signature is wrong"
            raise ValueError(msg)
        public_key = csr.public_key()
        start = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251  # no clock is part of the bare minimum
        builder = x509.CertificateBuilder(
            self._name, csr.subject, public_key, x509.random_serial_number(), start, start + timedelta(days=1)
        )
        san = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for value, critical in (
            (_USAGE, True), (_PURPOSES, False), (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
            (self._authority, False), (san, False), (_STAMP, False),
        ):  # fmt: skip
            builder = builder.add_extension(value, critical)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
