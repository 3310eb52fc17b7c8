"""The contract of the settings that request handlers see: at most ten seconds old, by the clock."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from typing_extensions import override

from stepless.domain.authority import Authority
from stepless.errors import Unavailable
from stepless.store.settings import CachedAuthority
from tests.contract.support.backends import Backend, Settings
from tests.contract.support.samples import jwk_provisioner, make_authority
from tests.fakes.clock import FrozenClock
from tests.fakes.faults import Faults
from tests.fakes.settings import MemorySettings


@dataclass(slots=True)
class Cached:
    """A cache over settings, the settings themselves, and the time."""

    source: CachedAuthority
    settings: Settings
    clock: FrozenClock

    def add(self, name: str) -> None:
        self.clock.advance(timedelta(microseconds=1))
        self.settings.add_provisioner(self.source.authority(), jwk_provisioner(name), f"id of {name}")

    def names(self) -> list[str]:
        return [provisioner.name for provisioner in self.source.authority().provisioners]


@pytest.fixture
def cached(backend: Backend, authority_id: str) -> Cached:
    clock = FrozenClock()
    settings = backend.settings(authority_id, clock)
    settings.create(make_authority(authority_id), jwk_provisioner("admin"), "id of admin")
    return Cached(CachedAuthority(settings, clock), settings, clock)


def test_change_is_seen_after_ten_seconds(cached: Cached) -> None:
    cached.source.authority()
    cached.add("ci")
    cached.clock.advance(timedelta(seconds=9, microseconds=999_998))
    assert cached.names() == ["admin"]
    cached.clock.advance(timedelta(microseconds=1))
    assert cached.names() == ["admin", "ci"]


def test_same_value_while_it_is_fresh(cached: Cached) -> None:
    """The values that an authority works out once are worked out once in ten seconds, not once a request."""
    first = cached.source.authority()
    cached.clock.advance(timedelta(seconds=5))
    assert cached.source.authority() is first


def test_read_again_when_the_clock_went_back(cached: Cached) -> None:
    cached.source.authority()
    cached.add("ci")
    cached.clock.advance(timedelta(seconds=-60))
    assert cached.names() == ["admin", "ci"]


def test_removal_is_seen_after_ten_seconds(cached: Cached) -> None:
    cached.add("ci")
    cached.clock.advance(timedelta(seconds=10))
    assert cached.names() == ["admin", "ci"]
    cached.settings.remove_provisioner("ci")
    cached.clock.advance(timedelta(seconds=10))
    assert cached.names() == ["admin"]


def test_unavailable_until_bootstrapped(backend: Backend, authority_id: str, clock: FrozenClock) -> None:
    """That there is none yet is never kept: the first request after bootstrap is served."""
    settings = backend.settings(authority_id, clock)
    source = CachedAuthority(settings, clock)
    with pytest.raises(Unavailable):
        source.authority()
    settings.create(make_authority(authority_id), jwk_provisioner("admin"), "id of admin")
    assert source.authority().id == authority_id


class _Outage(Faults):
    """Fails while it is switched on."""

    on = False

    @override
    def moment(self) -> None:
        if self.on:
            raise Unavailable("outage")


def test_old_settings_are_not_used_when_new_ones_cannot_be_read(clock: FrozenClock) -> None:
    """A provisioner that was removed must not be believed because a read fails."""
    outage = _Outage()
    settings = MemorySettings(outage)
    settings.create(make_authority("default"), jwk_provisioner("admin"), "id")
    source = CachedAuthority(settings, clock)
    kept = source.authority()
    outage.on = True
    assert source.authority() is kept
    clock.advance(timedelta(seconds=10))
    for _ in range(2):
        with pytest.raises(Unavailable):
            source.authority()
    outage.on = False
    assert _without_provisioners(source.authority()) == _without_provisioners(kept)


def _without_provisioners(authority: Authority) -> Authority:
    return replace(authority, provisioners=())
