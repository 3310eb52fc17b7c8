"""Key usages and purposes by step's words (X ``x509util/extensions.go``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography import x509

KEY_USAGE_NAMES: Final = {
    "digital_signature": "digitalSignature",
    "content_commitment": "contentCommitment",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "certSign",
    "crl_sign": "crlSign",
    "encipher_only": "encipherOnly",
    "decipher_only": "decipherOnly",
}


@dataclass(frozen=True, slots=True)
class Purpose:
    """An extended key usage: Go's number and step's word."""

    number: int
    word: str


_PKIX: Final = "1.3.6.1.5.5.7.3"
_PURPOSE_OIDS: Final = {
    "any": "2.5.29.37.0",
    "serverAuth": f"{_PKIX}.1",
    "clientAuth": f"{_PKIX}.2",
    "codeSigning": f"{_PKIX}.3",
    "emailProtection": f"{_PKIX}.4",
    "ipsecEndSystem": f"{_PKIX}.5",
    "ipsecTunnel": f"{_PKIX}.6",
    "ipsecUser": f"{_PKIX}.7",
    "timeStamping": f"{_PKIX}.8",
    "ocspSigning": f"{_PKIX}.9",
    "microsoftServerGatedCrypto": "1.3.6.1.4.1.311.10.3.3",
    "netscapeServerGatedCrypto": "2.16.840.1.113730.4.1",
    "microsoftCommercialCodeSigning": "1.3.6.1.4.1.311.2.1.22",
    "microsoftKernelCodeSigning": "1.3.6.1.4.1.311.61.1.1",
}
PURPOSES: Final = {
    x509.ObjectIdentifier(oid): Purpose(number, word) for number, (word, oid) in enumerate(_PURPOSE_OIDS.items())
}


def plain(word: str) -> str:
    """A word as step compares it: without case and ``_``."""
    return word.lower().replace("_", "")


# `nonRepudiation` is the old name, which OpenSSL has kept.
KEY_USAGE_BY_WORD: Final = {
    **{plain(word): name for name, word in KEY_USAGE_NAMES.items()},
    "nonrepudiation": "content_commitment",
}
PURPOSE_BY_WORD: Final = {plain(purpose.word): oid for oid, purpose in PURPOSES.items()}
