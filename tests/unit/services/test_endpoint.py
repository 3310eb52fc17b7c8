from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from cryptography import x509
from typing_extensions import override

from stepless.domain.provisioner_extension import read_stamp
from stepless.domain.public_keys import spki_der
from stepless.errors import Unauthenticated, Unavailable
from stepless.services.endpoint import ENDPOINT_KEY, KeepEndpointCertificate
from stepless.services.ports import KeyName
from tests.fakes.clock import NOW
from tests.fakes.deployment import Deployment
from tests.fakes.ephemeral_ca import make_ca
from tests.fakes.faults import Faults
from tests.fakes.keys import MemoryVault


@pytest.fixture
def ca() -> Deployment:
    return Deployment()


def endpoint_certificate(ca: Deployment) -> x509.Certificate:
    return ca.vault.sealed[ENDPOINT_KEY].chain[0]


def test_an_authority_without_endpoint_certificate_gets_one(ca: Deployment) -> None:
    assert ca.keeps_endpoint(ca.authority) is True
    sealed = ca.vault.sealed[ENDPOINT_KEY]
    leaf = sealed.chain[0]
    leaf.verify_directly_issued_by(ca.ca.intermediate_certificate)
    assert sealed.chain[1] == ca.ca.intermediate_certificate
    assert spki_der(sealed.private_key.public_key()) == spki_der(leaf.public_key())  # type: ignore[arg-type]  # a P-256 key
    assert leaf.subject.rfc4514_string() == "CN=Step Online CA"
    assert leaf.not_valid_after_utc == NOW.replace(microsecond=0) + timedelta(hours=24)
    assert leaf.not_valid_before_utc == NOW.replace(microsecond=0) - timedelta(minutes=1)


def test_it_has_all_names_of_the_authority_and_no_provisioner(ca: Deployment) -> None:
    ca.keeps_endpoint(ca.authority)
    (serial,) = ca.certificates.serials
    record = ca.certificates.get(serial)
    assert record is not None
    assert record.names == ("ca.example", "127.0.0.1", "::1")
    assert record.provisioner is None
    assert record.requester == "endpoint"
    assert read_stamp(record.certificate) is None


@pytest.mark.parametrize("hours", [0, 8, 15.9])
def test_it_stays_while_more_than_a_third_of_it_is_left(ca: Deployment, hours: float) -> None:
    ca.keeps_endpoint(ca.authority)
    before = endpoint_certificate(ca)
    ca.later(hours=hours)
    assert ca.keeps_endpoint(ca.authority) is False
    assert endpoint_certificate(ca) == before
    assert len(ca.certificates) == 1


@pytest.mark.parametrize("hours", [16.1, 23, 25, 1000])
def test_it_is_replaced_when_two_thirds_of_it_have_passed(ca: Deployment, hours: float) -> None:
    ca.keeps_endpoint(ca.authority)
    before = endpoint_certificate(ca)
    ca.later(hours=hours)
    assert ca.keeps_endpoint(ca.authority) is True
    after = endpoint_certificate(ca)
    assert after != before
    assert after.public_key() != before.public_key()


def test_it_is_replaced_when_the_names_change_and_not_when_only_their_order_does(ca: Deployment) -> None:
    ca.keeps_endpoint(ca.authority)
    ca.change(dns_names=("::1", "ca.example", "127.0.0.1"))
    assert ca.keeps_endpoint(ca.authority) is False
    ca.change(dns_names=("ca.example", "::1", "new.example", "127.0.0.1"))
    assert ca.keeps_endpoint(ca.authority) is True
    assert ca.keeps_endpoint(ca.authority) is False


def test_it_is_replaced_when_another_intermediate_issues(ca: Deployment) -> None:
    ca.keeps_endpoint(ca.authority)
    other = Deployment(ca=make_ca("Newer"))
    keep = KeepEndpointCertificate(ca.vault, other.issue, ca.clock)
    ca.change(intermediates=other.authority.intermediates)
    assert keep(ca.authority) is True
    assert endpoint_certificate(ca).issuer == other.ca.intermediate_certificate.subject


def test_it_cannot_be_renewed_by_whoever_holds_it(ca: Deployment) -> None:
    ca.keeps_endpoint(ca.authority)
    with pytest.raises(Unauthenticated):
        ca.renew(endpoint_certificate(ca))


class MeetingVault(MemoryVault):
    """A vault at which all runs look before any of them goes on: the worst case of runs at once."""

    def __init__(self, runs: int) -> None:
        super().__init__()
        self.barrier = Barrier(runs, timeout=20)
        self.meeting = False

    @override
    def chain(self, name: KeyName) -> tuple[x509.Certificate, ...] | None:
        found = super().chain(name)
        if self.meeting:
            self.barrier.wait()
        return found


@pytest.mark.parametrize("first", [True, False], ids=["first-certificate", "replacement"])
def test_of_several_runs_at_once_one_certificate_stays(ca: Deployment, *, first: bool) -> None:
    runs = 6
    vault = MeetingVault(runs)
    keep = KeepEndpointCertificate(vault, ca.issue, ca.clock)
    if not first:
        keep(ca.authority)
        ca.later(hours=20)
    vault.meeting = True
    with ThreadPoolExecutor(runs) as pool:
        made = list(pool.map(keep, [ca.authority] * runs))
    assert sorted(made) == [False] * (runs - 1) + [True]
    sealed = vault.sealed[ENDPOINT_KEY]
    assert spki_der(sealed.private_key.public_key()) == spki_der(sealed.chain[0].public_key())  # type: ignore[arg-type]  # a P-256 key
    # The losers' certificates are on record, as everything that was signed is; nobody has them.
    assert sealed.chain[0].serial_number in ca.certificates.serials
    vault.meeting = False
    assert keep(ca.authority) is False


def due(*, first: bool) -> tuple[Deployment, Faults]:
    """An authority whose endpoint certificate is missing or due, and the faults of its stores."""
    faults = Faults()
    ca = Deployment(faults=faults)
    if not first:
        ca.keeps_endpoint(ca.authority)
        ca.later(hours=20)
    faults.strike(None)
    return ca, faults


@pytest.mark.parametrize("first", [True, False], ids=["first-certificate", "replacement"])
def test_a_run_can_be_repeated_after_an_outage_at_any_moment(*, first: bool) -> None:
    ca, faults = due(first=first)
    assert ca.keeps_endpoint(ca.authority) is True
    # A look, a record and a seal, the writes with a moment before and one after.
    assert faults.moments == 5
    for moment in range(5):
        ca, faults = due(first=first)
        faults.strike(moment)
        with pytest.raises(Unavailable):
            ca.keeps_endpoint(ca.authority)
        ca.keeps_endpoint(ca.authority)
        assert ca.keeps_endpoint(ca.authority) is False
        assert endpoint_certificate(ca).serial_number in ca.certificates.serials


def test_an_outage_leaves_the_certificate_that_is_there(ca: Deployment) -> None:
    ca.keeps_endpoint(ca.authority)
    before = endpoint_certificate(ca)
    ca.later(hours=20)
    broken = replace(ca.authority, intermediates=(replace(ca.authority.issuing, key_id="lost"),))
    with pytest.raises(Unavailable):
        ca.keeps_endpoint(broken)
    assert endpoint_certificate(ca) == before
