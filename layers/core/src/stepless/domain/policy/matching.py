"""Names as rules see them: what it takes to allow one, and what is enough to deny it."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from typing_extensions import override

from stepless.domain.names import NameType
from stepless.domain.policy.hosts import canonical, canonical_host, parent
from stepless.domain.policy.rules import Rule, RuleKind

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
# RFC 3986 §3.2 without what parsers read differently: a backslash, a second @, an escape in the host.
_AUTHORITY: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://(?:[A-Za-z0-9._~!$&'()*+,;=:%-]*@)?(?P<host>[A-Za-z0-9._-]+)(?::[0-9]*)?(?:[/?#].*)?"
)


class Target(Protocol):
    """A name to be judged; the rules it is compared with are of its own kind."""

    def covered_by(self, rule: Rule) -> bool:
        """Whether the rule covers every name that this one stands for: what it takes to allow it."""
        ...

    def touched_by(self, rule: Rule) -> bool:
        """Whether the rule covers any name that this one stands for: enough to deny it."""
        ...


@dataclass(frozen=True, slots=True)
class HostTarget(Target):
    """A DNS name, or the host of a URI; ``*.`` before a name stands for every name of one more label."""

    host: str

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for many names."""
        return self.host.startswith("*.")

    @override
    def covered_by(self, rule: Rule) -> bool:
        return rule.text in (self.host, f"*.{parent(self.host)}")

    @override
    def touched_by(self, rule: Rule) -> bool:
        return self.covered_by(rule) or (self.is_wildcard and parent(rule.text) == parent(self.host))


@dataclass(frozen=True, slots=True)
class AddressTarget(Target):
    """An IP address; an IPv4-mapped one is the IPv4 address."""

    address: IPAddress

    @override
    def covered_by(self, rule: Rule) -> bool:
        return rule.network is not None and self.address in rule.network

    @override
    def touched_by(self, rule: Rule) -> bool:
        return self.covered_by(rule)


@dataclass(frozen=True, slots=True)
class MailboxTarget(Target):
    """An e-mail address: its host may not decide by case, what is before the ``@`` may (RFC 5321 §2.4)."""

    local: str
    host: str

    @override
    def covered_by(self, rule: Rule) -> bool:
        return rule.text in (f"@{self.host}", f"{self.local}@{self.host}")

    @override
    def touched_by(self, rule: Rule) -> bool:
        return rule.text in (f"@{self.host}", f"{self.local.lower()}@{self.host}")


@dataclass(frozen=True, slots=True)
class CommonNameTarget(Target):
    """A common name, which may be any text."""

    text: str

    @override
    def covered_by(self, rule: Rule) -> bool:
        return rule.text == self.text.lower()

    @override
    def touched_by(self, rule: Rule) -> bool:
        return self.covered_by(rule) or _appearance(rule.text) == _appearance(self.text)


def _appearance(text: str) -> str:
    return unicodedata.normalize("NFKC", text.strip()).casefold()


def read_target(kind: RuleKind, text: str) -> Target:
    """The name as rules of its kind see it.

    Raises:
        ValueError: it has nothing that such rules could be compared with; the text says why.
    """
    match kind:
        case RuleKind.CN:
            return CommonNameTarget(text)
        case RuleKind.DNS:
            return HostTarget(canonical_host(text))
        case RuleKind.IP:
            return AddressTarget(ipaddress.ip_address(canonical(NameType.IP, text)))
        case RuleKind.EMAIL:
            local, at, host = text.rpartition("@")
            host = canonical_host(host)
            canonical(NameType.EMAIL, f"{local}{at}{host}")
            return MailboxTarget(local, host)
        case RuleKind.URI:
            return _uri_target(text)


def _uri_target(text: str) -> HostTarget:
    authority = _AUTHORITY.fullmatch(text)
    if authority is None:
        raise ValueError("it has no host of letters, digits, hyphens and dots behind its scheme")
    try:
        return HostTarget(canonical_host(authority["host"]))
    except ValueError as error:  # RFC 5280 §4.2.1.10: an address is no host that constraints can be applied to
        raise ValueError(f"its host {authority['host']!r} is not a DNS name") from error
