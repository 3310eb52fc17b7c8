"""Rules of a name policy: their syntax and their one normal form (step-ca's, ``policy/options.go``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from stepless.domain.names import NameType, check_common_name
from stepless.domain.policy.hosts import canonical, canonical_host
from stepless.errors import MalformedRequest

IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAX_SHOWN: Final = 64
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")


class RuleKind(StrEnum):
    """What a rule is about; the value is step's word in ``ca.json`` and in refusals."""

    CN = "cn"
    DNS = "dns"
    IP = "ip"
    EMAIL = "email"
    URI = "uri"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule in its normal form, made by ``parse_rule``: equal texts of one kind match the same names."""

    kind: RuleKind
    text: str
    network: IPNetwork | None = field(default=None, compare=False, repr=False)


def parse_rule(kind: RuleKind, text: str) -> Rule:
    """Read a rule as an administrator wrote it.

    Raises:
        ValueError: it says what is wrong with the rule and what to write instead.
    """
    reader, instead = _SYNTAX[kind]
    try:
        return reader(text.strip())
    except ValueError as error:
        msg = f"{text[:_MAX_SHOWN]!r} is not a rule for {kind} names: {error}; write {instead}"
        raise ValueError(msg) from error


def _common_name(text: str) -> Rule:
    if text in ("", "*"):
        raise ValueError("there are no wildcards for common names" if text else "it is empty")
    try:
        return Rule(RuleKind.CN, check_common_name(text.lower()))
    except MalformedRequest as error:
        raise ValueError(error.detail) from error


def _dns(text: str) -> Rule:
    if text.startswith("."):
        raise ValueError("a wildcard starts with a star")
    return Rule(RuleKind.DNS, canonical_host(text))


def _uri(text: str) -> Rule:
    if "/" in text or ":" in text:
        raise ValueError("scheme, port and path are not matched")
    if text.startswith("."):
        raise ValueError("a wildcard starts with a star")
    return Rule(RuleKind.URI, canonical_host(text))


def _email(text: str) -> Rule:
    local, at, host = text.rpartition("@")
    if "*" in text:
        raise ValueError("there are no wildcards for e-mail addresses")
    if text and not host:
        raise ValueError("it has no host")
    host = canonical_host(host)
    if not local:
        return Rule(RuleKind.EMAIL, f"@{host}")
    return Rule(RuleKind.EMAIL, canonical(NameType.EMAIL, f"{local.lower()}{at}{host}"))


def _ip(text: str) -> Rule:
    _, slash, length = text.partition("/")
    if slash and not (length.isascii() and length.isdigit()):
        raise ValueError("behind the slash stands the number of leading bits")
    if "%" in text:
        raise ValueError("a scoped address names an interface of one machine")
    try:
        # Bits behind the prefix are cut off, as Go does it.
        network: IPNetwork = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError("it is neither an address nor a range of them") from error
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        mapped = int(network.network_address) & 0xFFFF_FFFF
        network = ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED.prefixlen))
    single = network.prefixlen == network.max_prefixlen
    return Rule(RuleKind.IP, str(network.network_address if single else network), network)


_SYNTAX: Final[Mapping[RuleKind, tuple[Callable[[str], Rule], str]]] = {
    RuleKind.CN: (_common_name, 'a whole common name such as "Jane Doe"'),
    RuleKind.DNS: (_dns, '"host.example.com", or "*.example.com" for every name of one more label'),
    RuleKind.IP: (_ip, '"10.1.2.3", "2001:db8::1", or a range such as "10.0.0.0/8"'),
    RuleKind.EMAIL: (_email, '"jane@example.com", or "@example.com" for every address of that host'),
    RuleKind.URI: (_uri, 'the host alone: "host.example.com", or "*.example.com" for every host of one more label'),
}
