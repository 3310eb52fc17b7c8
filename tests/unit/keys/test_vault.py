from dataclasses import replace

import pytest

from stepless.errors import IntegrityFailure, Unavailable
from stepless.keys.vault import VaultIssuerKeys
from stepless.services.ports import KeyName
from tests.fakes.ephemeral_ca import EphemeralCA, make_ca
from tests.fakes.faults import Faults
from tests.fakes.keys import MemoryVault

NAME = KeyName("issuing", "intermediate-1")


def vault_of(ca: EphemeralCA, faults: Faults) -> MemoryVault:
    vault = MemoryVault(faults)
    vault.seal(NAME, ca.issuing.private_key, (ca.intermediate_certificate,))
    faults.strike(None)
    return vault


def test_a_key_is_opened_once_per_environment() -> None:
    ca, faults = make_ca(), Faults()
    keys = VaultIssuerKeys(vault_of(ca, faults))
    issuers = [keys.issuer("intermediate-1", ca.intermediate_certificate) for _ in range(5)]
    assert all(issuer is issuers[0] for issuer in issuers)
    assert faults.moments == 1


def test_a_key_is_opened_again_for_another_certificate() -> None:
    ca, other = make_ca(), make_ca()
    vault = vault_of(ca, Faults())
    keys = VaultIssuerKeys(vault)
    keys.issuer("intermediate-1", ca.intermediate_certificate)
    vault.sealed[NAME] = replace(vault.sealed[NAME], private_key=other.issuing.private_key)
    assert keys.issuer("intermediate-1", other.intermediate_certificate).certificate == other.intermediate_certificate


def test_a_key_that_does_not_belong_to_the_certificate_is_not_used() -> None:
    keys = VaultIssuerKeys(vault_of(make_ca(), Faults()))
    for _ in range(2):
        with pytest.raises(IntegrityFailure, match="does not belong"):
            keys.issuer("intermediate-1", make_ca().intermediate_certificate)


def test_a_key_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="intermediate-1 is not in the key store"):
        VaultIssuerKeys(MemoryVault()).issuer("intermediate-1", make_ca().intermediate_certificate)


def test_an_outage_is_not_remembered() -> None:
    ca, faults = make_ca(), Faults()
    keys = VaultIssuerKeys(vault_of(ca, faults))
    faults.strike(0)
    with pytest.raises(Unavailable):
        keys.issuer("intermediate-1", ca.intermediate_certificate)
    keys.issuer("intermediate-1", ca.intermediate_certificate).check()
