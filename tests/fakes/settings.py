"""The settings of an authority, in memory."""

from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

from stepless.domain.authority import Authority
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioners import Provisioner, parse_provisioner, read_provisioner
from stepless.errors import Conflict, NotFound, Unavailable
from stepless.services.ports import AuthoritySource, SettingsStore
from tests.fakes.faults import Faults


class MemorySettings:
    """One authority and its provisioners, which are kept as documents and parsed when they are read."""

    def __init__(self, faults: Faults | None = None) -> None:
        self._faults = faults or Faults()
        self._lock = Lock()
        self._authority: Authority | None = None
        self._provisioners: dict[str, Mapping[str, Any]] = {}

    def load(self) -> Authority | None:
        """The authority as stored; see the port."""
        self._faults.moment()
        with self._lock:
            if self._authority is None:
                return None
            claims = self._authority.claims
            parsed = (read_provisioner(key, document, claims) for key, document in self._provisioners.items())
            return replace(self._authority, provisioners=tuple(parsed))

    def create(self, authority: Authority, first_provisioner: Mapping[str, Any], provisioner_id: str) -> None:
        """Write an authority with its first provisioner; see the port."""
        parsed = parse_provisioner(provisioner_id, first_provisioner, authority.claims)
        self._faults.moment()
        with self._lock:
            if self._authority is not None:
                raise Conflict("name, or key id, is taken")
            self._authority = authority
            self._provisioners[parsed.id] = parsed.document
        self._faults.moment()

    def add_provisioner(self, authority: Authority, document: Mapping[str, Any], provisioner_id: str) -> Provisioner:
        """Add a provisioner at the end of the list, as the real store does."""
        provisioner = parse_provisioner(provisioner_id, document, authority.claims)
        with self._lock:
            for known in self._parsed(authority):
                if known.name == provisioner.name or known.lookup_id == provisioner.lookup_id:
                    raise Conflict("name, or key id, is taken")
            self._provisioners[provisioner_id] = provisioner.document
        return provisioner

    def _parsed(self, authority: Authority) -> list[Provisioner]:
        return [parse_provisioner(key, document, authority.claims) for key, document in self._provisioners.items()]

    def set_policy(self, policy: NamePolicy) -> None:
        """Replace the authority's policy, as the real store does."""
        with self._lock:
            if self._authority is None:
                raise NotFound("there is no authority")
            self._authority = replace(self._authority, policy=policy)

    def remove_provisioner(self, name: str) -> None:
        """Remove a provisioner, as the real store does."""
        with self._lock:
            ids = [key for key, document in self._provisioners.items() if document["name"] == name]
            if not ids:
                raise NotFound(f"provisioner {name!r} was not found")
            del self._provisioners[ids[0]]


_: type[SettingsStore] = MemorySettings


class FixedAuthority:
    """The authority for request handlers: what a test put there."""

    def __init__(self, authority: Authority | None) -> None:
        self.current = authority

    def authority(self) -> Authority:
        """The authority; see the port."""
        if self.current is None:
            raise Unavailable("the authority has not been bootstrapped yet")
        return self.current


_source: type[AuthoritySource] = FixedAuthority
