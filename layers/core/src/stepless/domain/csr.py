"""Certificate signing requests: read within limits, and believed only as far as they prove a key (RFC 2986)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from stepless.domain.certificate import UNREADABLE
from stepless.domain.names import MAX_NAMES, Name, NameType, name_of
from stepless.domain.public_keys import SubjectPublicKey, check_public_key
from stepless.errors import BadCSR, Forbidden, TooLarge

MAX_CSR_BYTES: Final = 65_536
_ECDSA: Final = frozenset({
    SignatureAlgorithmOID.ECDSA_WITH_SHA256, SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
})  # fmt: skip
_STRONG_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """A request whose self-signature was verified and whose key may be certified.

    Its names are wishes: what is issued comes from the token, and these are only compared with it.
    """

    csr: x509.CertificateSigningRequest
    public_key: SubjectPublicKey
    common_name: str
    names: tuple[Name, ...]

    @property
    def der(self) -> bytes:
        """The request in DER."""
        return self.csr.public_bytes(Encoding.DER)

    @property
    def fingerprint_b64url(self) -> str:
        """SHA-256 of the DER in unpadded base64url: the form of the ``cnf`` claim (RFC 7800)."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.der).digest()).rstrip(b"=").decode()


def load_csr(pem: str) -> x509.CertificateSigningRequest:
    """Parse the PEM of a PKCS#10 request, bounded in size; nothing is verified yet.

    Raises:
        TooLarge: more than ``MAX_CSR_BYTES``.
        BadCSR: missing, no such PEM block, or its content does not parse (step-ca's decoder reports it so).
    """
    if not pem:
        raise BadCSR("missing csr")
    if len(pem) > MAX_CSR_BYTES:
        raise TooLarge(f"the certificate request is larger than {MAX_CSR_BYTES} bytes")
    try:
        return x509.load_pem_x509_csr(pem.encode())
    except UNREADABLE as error:
        raise BadCSR("error decoding json") from error


def verify_csr(csr: x509.CertificateSigningRequest) -> CertificateRequest:
    """Check that the request was signed with its own key, and that the key may be certified.

    Does not check who asks, nor whether they may have the names in it.

    Raises:
        BadCSR: a wrong signature, an outdated hash, or names that do not parse.
        KeyNotAllowed: a weak key.
    """
    try:
        public_key = check_public_key(csr.public_key())
        algorithm = csr.signature_hash_algorithm
        valid = _is_signed_with(csr, public_key, algorithm)
        common_names = csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names = _names(csr)
    except UNREADABLE as error:
        raise BadCSR("invalid csr") from error
    if not valid or not (algorithm is None or isinstance(algorithm, _STRONG_HASHES)):
        raise BadCSR("invalid csr")
    if len(common_names) > 1:
        raise BadCSR("invalid csr: it has more than one common name")
    return CertificateRequest(
        csr=csr,
        public_key=public_key,
        common_name=str(common_names[0].value) if common_names else "",
        names=names,
    )


def _is_signed_with(
    csr: x509.CertificateSigningRequest, public_key: SubjectPublicKey, algorithm: hashes.HashAlgorithm | None
) -> bool:
    """Whether the request was signed with its own key, which is not read a second time where that is easy."""
    if not isinstance(public_key, ec.EllipticCurvePublicKey) or algorithm is None:
        return csr.is_signature_valid
    if csr.signature_algorithm_oid not in _ECDSA:  # an algorithm of another kind of key
        return False
    try:
        public_key.verify(csr.signature, csr.tbs_certrequest_bytes, ec.ECDSA(algorithm))
    except InvalidSignature:
        return False
    return True


def _names(csr: x509.CertificateSigningRequest) -> tuple[Name, ...]:
    try:
        extension = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    if len(extension.value) > MAX_NAMES:
        raise BadCSR(f"invalid csr: it has {len(extension.value)} names, {MAX_NAMES} is the most")
    return tuple(_name(general_name) for general_name in extension.value)


def _name(general_name: x509.GeneralName) -> Name:
    name = name_of(general_name)
    if name is not None:
        return name
    # What the token cannot name, the certificate cannot carry: refuse instead of dropping it silently.
    raise BadCSR(f"invalid csr: a name of type {type(general_name).__name__} is not supported")


def check_common_name_allowed(request: CertificateRequest, allowed: tuple[str, ...]) -> None:
    """Hold the request's common name to the allowed ones; an empty one is always fine.

    Raises:
        Forbidden: it is another one.
    """
    if request.common_name and request.common_name not in allowed:
        want = allowed[0] if len(allowed) == 1 else f"[{' '.join(allowed)}]"
        raise Forbidden(
            f"certificate request does not contain the valid common name - got {request.common_name}, want {want}"
        )


_KIND_TEXT: Final = {
    NameType.DNS: "DNS names",
    NameType.EMAIL: "email addresses",
    NameType.IP: "IP addresses",
    NameType.URI: "URIs",
}


def check_names_match(request: CertificateRequest, allowed: tuple[Name, ...]) -> None:
    """Hold the request's names to the token's: per type the same set, and a type that the request leaves out is fine.

    Raises:
        Forbidden: the sets of some type differ.
    """
    for kind in NameType:
        got = [name.value for name in request.names if name.type is kind]
        want = [name.value for name in allowed if name.type is kind]
        if got and set(got) != set(want):
            raise Forbidden(
                f"certificate request does not contain the valid {_KIND_TEXT[kind]} - "
                f"got [{' '.join(got)}], want [{' '.join(want)}]"
            )


def check_names_among(request: CertificateRequest, allowed: tuple[Name, ...]) -> None:
    """Hold the request's names to a set that it may leave names out of.

    Raises:
        Forbidden: it has another one.
    """
    for kind in NameType:
        got = [name.value for name in request.names if name.type is kind]
        want = [name.value for name in allowed if name.type is kind]
        if not set(got) <= set(want):
            raise Forbidden(
                f"certificate request does not contain the valid {_KIND_TEXT[kind]} - "
                f"got [{' '.join(got)}], want [{' '.join(want)}]"
            )


def check_confirmation(request: CertificateRequest, fingerprint: str | None) -> None:
    """Hold the request to the ``cnf`` fingerprint of its token, when it has one (RFC 7800 §3).

    Raises:
        Forbidden: the token was made for another request.
    """
    if fingerprint and not hmac.compare_digest(request.fingerprint_b64url.encode(), fingerprint.encode()):
        raise Forbidden(f'certificate request fingerprint does not match "{fingerprint}"')
