"""Parses names and extensions that a template encoded itself, by way of a request that contains them.

The library has no parsers for these pieces alone, and a second parser of our own would see them differently.
"""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.x509.oid import SignatureAlgorithmOID

from stepless.domain.certificate import UNREADABLE
from stepless.domain.template import der

_EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"
_ALGORITHM: Final = der.sequence(der.object_identifier(SignatureAlgorithmOID.ED25519.dotted_string).der).der
_KEY: Final = der.sequence(_ALGORITHM, der.Element(der.BIT_STRING, bytes(33)).der).der
_NO_NAME: Final = der.sequence().der


def _request(name: bytes, extensions: bytes) -> x509.CertificateSigningRequest:
    attributes = b""
    if extensions:
        values = der.set_of(der.sequence(extensions).der).der
        attributes = der.sequence(der.object_identifier(_EXTENSION_REQUEST).der, values).der
    info = der.sequence(
        der.integer(0).der, name, _KEY, der.Element(0, attributes, der.CONTEXT, constructed=True).der
    ).der
    return x509.load_der_x509_csr(der.sequence(info, _ALGORITHM, der.Element(der.BIT_STRING, bytes(65)).der).der)


def parse_name(encoded: bytes) -> x509.Name:
    """A distinguished name in DER.

    Raises:
        ValueError: it is not.
    """
    try:
        return _request(encoded, b"").subject
    except UNREADABLE as error:
        msg = "not a name in DER"
        raise ValueError(msg) from error


def parse_extension(oid: x509.ObjectIdentifier, encoded: bytes) -> x509.ExtensionType:
    """An extension's value; one that the library does not know stays as it is.

    Raises:
        ValueError: it does not parse.
    """
    extension = der.sequence(
        der.object_identifier(oid.dotted_string).der,
        der.Element(der.OCTET_STRING, encoded).der,
    ).der
    try:
        return _request(_NO_NAME, extension).extensions.get_extension_for_oid(oid).value
    except UNREADABLE as error:
        msg = f"not the extension {oid.dotted_string} in DER"
        raise ValueError(msg) from error
