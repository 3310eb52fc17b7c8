"""Certificates that prove who asks: chains in tokens, and certificates of this authority (RFC 5280 §6)."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from stepless.domain.certificate import UNREADABLE
from stepless.domain.public_keys import SubjectPublicKey, check_public_key
from stepless.errors import CAError, Unauthenticated

MAX_CHAIN: Final = 8
_MAX_CERTIFICATE: Final = 16_384


def certificates_from_header(value: object) -> tuple[x509.Certificate, ...]:
    """The chain of an ``x5c`` header: standard base64 of DER, leaf first (RFC 7515 §4.1.6).

    Raises:
        Unauthenticated: not such a list, too many or too large ones, or not certificates.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CHAIN:
        raise Unauthenticated(f"the token's certificate chain is not a list of 1 to {MAX_CHAIN} certificates")
    return tuple(_from_base64(item) for item in value)


def _from_base64(item: object) -> x509.Certificate:
    if not isinstance(item, str) or len(item) > _MAX_CERTIFICATE:
        raise Unauthenticated("a certificate of the token's chain is not a text of reasonable length")
    try:
        return x509.load_der_x509_certificate(base64.b64decode(item, validate=True))
    except UNREADABLE as error:
        raise Unauthenticated("a certificate of the token's chain does not parse") from error


def verify_client_chain(
    chain: tuple[x509.Certificate, ...], roots: Iterable[x509.Certificate], *, now: datetime
) -> SubjectPublicKey:
    """Verify a chain up to one of the roots for client authentication; returns the leaf's key.

    Roots and intermediates must have EC or RSA keys; a leaf may have an Ed25519 key too. Revocation is not checked.

    Raises:
        Unauthenticated: no valid path, or a certificate on it that is not for client authentication.
    """
    verifier = (
        PolicyBuilder()
        .store(Store(list(roots)))
        .time(now)
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        path = verifier.verify(chain[0], list(chain[1:])).chain
    except (VerificationError, ValueError, UnsupportedAlgorithm) as error:
        raise Unauthenticated("the certificate chain does not lead to a trusted root") from error
    for certificate in path:
        _check_client_purpose(certificate, required=certificate is path[0])
    return check_signing_leaf(chain[0])


def _check_client_purpose(certificate: x509.Certificate, *, required: bool) -> None:
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        purposes = None
    if purposes is None:
        if required:
            raise Unauthenticated("the certificate is not for client authentication")
        return
    if not {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(purposes):
        raise Unauthenticated("a certificate of the chain is not for client authentication")


def check_signing_leaf(certificate: x509.Certificate) -> SubjectPublicKey:
    """The key of a certificate that may sign tokens: its key usage, if any, includes digital signatures.

    Raises:
        Unauthenticated: it may not, or its key is of a kind that this authority does not take.
    """
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        allowed = usage.digital_signature
    except x509.ExtensionNotFound:
        allowed = False
    except UNREADABLE as error:
        raise Unauthenticated("the certificate's extensions do not parse") from error
    if not allowed:
        raise Unauthenticated("the certificate may not sign (its key usage lacks digitalSignature)")
    try:
        return check_public_key(certificate.public_key())
    except (CAError, *UNREADABLE) as error:
        raise Unauthenticated("the certificate's key is not supported") from error


def issued_by(certificate: x509.Certificate, issuers: Iterable[x509.Certificate]) -> bool:
    """Whether one of the issuers signed the certificate; neither dates nor purposes are looked at."""
    for issuer in issuers:
        try:
            certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
            continue
        return True
    return False
