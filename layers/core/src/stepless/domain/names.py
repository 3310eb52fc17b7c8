"""Subject alternative names: how a text becomes a typed name, and how names compare (RFC 5280 §4.2.1.6)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from stepless.errors import MalformedRequest

MAX_NAMES: Final = 100
_MAX_NAME_LENGTH: Final = 2_048
_MAX_COMMON_NAME: Final = 64  # ub-common-name, RFC 5280 appendix A.1; step-ca leaves longer ones through
_MAX_DNS_NAME: Final = 253
_MAX_LOCAL_PART: Final = 64  # RFC 5321 §4.5.3.1.1
_DNS_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# The dot-string form alone: a quoted local part is more often an attack than an address (RFC 5321 §4.1.2).
_LOCAL_PART: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_URI_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# A `%` that encodes nothing: readers take such a URI for different ones, or for none (RFC 3986 §2.1).
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PRINTABLE_ASCII: Final = re.compile(r"[\x21-\x7e]+")


class NameType(StrEnum):
    """The kinds of names that a certificate can carry here; the value is step's word for it."""

    DNS = "dns"
    EMAIL = "email"
    IP = "ip"
    URI = "uri"


# The order in which step-ca (Go's crypto/x509) writes them, which relying parties see.
SAN_ORDER: Final = (NameType.DNS, NameType.EMAIL, NameType.IP, NameType.URI)


@dataclass(frozen=True, slots=True)
class Name:
    """A subject alternative name; an IP address is in its canonical text, the rest is as it was asked for."""

    type: NameType
    value: str

    def general_name(self) -> x509.GeneralName:
        """The name as ``cryptography`` puts it into a certificate."""
        match self.type:
            case NameType.DNS:
                return x509.DNSName(self.value)
            case NameType.EMAIL:
                return x509.RFC822Name(self.value)
            case NameType.IP:
                return x509.IPAddress(ipaddress.ip_address(self.value))
            case NameType.URI:
                return x509.UniformResourceIdentifier(self.value)


def name_of(general_name: x509.GeneralName) -> Name | None:
    """A name out of a request or certificate; ``None`` for a type that is none of ours."""
    match general_name:
        case x509.DNSName():
            return Name(NameType.DNS, general_name.value)
        case x509.RFC822Name():
            return Name(NameType.EMAIL, general_name.value)
        case x509.UniformResourceIdentifier():
            return Name(NameType.URI, general_name.value)
        case x509.IPAddress(value=ipaddress.IPv4Address() | ipaddress.IPv6Address() as address):
            return Name(NameType.IP, _canonical_ip(address))
    return None


def classify(text: str) -> Name:
    """Give a text its type as step does: IP, then URI (anything with a scheme), then e-mail, then DNS.

    So ``localhost:8080`` is a URI, as it is for step-ca.
    """
    try:
        # A scoped IPv6 address names an interface of one machine: no certificate can carry it.
        if "%" not in text:
            return Name(NameType.IP, _canonical_ip(ipaddress.ip_address(text)))
    except ValueError:
        pass
    if _URI_SCHEME.match(text):
        return Name(NameType.URI, text)
    return Name(NameType.EMAIL if "@" in text else NameType.DNS, text)


def _canonical_ip(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    # Go holds an IPv4-mapped IPv6 address as IPv4, and so does the certificate it makes.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def classify_all(texts: Iterable[str]) -> tuple[Name, ...]:
    """Classify names, without empty ones and repetitions, in the order of a certificate's extension.

    Raises:
        MalformedRequest: more than ``MAX_NAMES`` of them, or one that no certificate may carry.
    """
    names = dict.fromkeys(classify(text) for text in texts if text)
    if len(names) > MAX_NAMES:
        raise MalformedRequest(f"{len(names)} names were requested; a certificate carries {MAX_NAMES} at most")
    for name in names:
        _check(name)
    return tuple(name for kind in SAN_ORDER for name in names if name.type is kind)


def _check(name: Name) -> None:
    """Refuse what would make a certificate that parsers disagree about."""
    text = name.value
    if len(text) > _MAX_NAME_LENGTH or not _PRINTABLE_ASCII.fullmatch(text):
        raise MalformedRequest(
            f"the name {text[:64]!r} is not printable ASCII without spaces of {_MAX_NAME_LENGTH} characters at most; "
            "write an internationalized name in its A-label form (xn--…)"
        )
    valid = {NameType.DNS: _is_dns, NameType.EMAIL: _is_email, NameType.URI: _is_uri}.get(name.type)
    if valid is not None and not valid(text):
        raise MalformedRequest(f"{text[:64]!r} is not a valid {name.type} name")


def _is_dns(text: str) -> bool:
    labels = text.removeprefix("*.").split(".")
    return len(text) <= _MAX_DNS_NAME and all(_DNS_LABEL.fullmatch(label) for label in labels)


def _is_email(text: str) -> bool:
    local, _, host = text.rpartition("@")
    fits = len(local) <= _MAX_LOCAL_PART and _LOCAL_PART.fullmatch(local) is not None
    return fits and _is_dns(host) and not host.startswith("*")


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.scheme) and bool(parts.netloc or parts.path) and not _BROKEN_ESCAPE.search(text)
    except ValueError:
        return False


def check_common_name(text: str) -> str:
    """A common name that fits a certificate.

    Raises:
        MalformedRequest: control characters, or longer than a relying party must accept.
    """
    if len(text) > _MAX_COMMON_NAME or not text.isprintable():
        raise MalformedRequest(
            f"the common name {text[:_MAX_COMMON_NAME]!r} is longer than {_MAX_COMMON_NAME} characters or not printable"
        )
    return text
