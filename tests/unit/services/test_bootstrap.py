import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography import x509
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey
from typing_extensions import override

from stepless.domain.authority import Authority
from stepless.domain.issuance import Issuer
from stepless.domain.validity import RequestedValidity
from stepless.errors import MalformedRequest, Unavailable
from stepless.keys.vault import VaultIssuerKeys
from stepless.services.bootstrap import (
    ISSUING_KEY,
    ROOT_KEY,
    BootstrapAuthority,
    BootstrapRequest,
    first_provisioner,
    new_provisioner_id,
)
from stepless.services.endpoint import ENDPOINT_KEY, KeepEndpointCertificate
from stepless.services.issue import IssueCertificate
from stepless.services.sign import SignCertificate, SignRequest
from tests.fakes.certificate_requests import csr_pem, make_csr
from tests.fakes.certificates import MemoryCertificates
from tests.fakes.clock import NOW, FrozenClock
from tests.fakes.faults import Faults
from tests.fakes.identity_provider import MemoryKeySets
from tests.fakes.jose import jws
from tests.fakes.keys import MemoryVault
from tests.fakes.settings import FixedAuthority, MemorySettings
from tests.fakes.tokens import HOST, step_claims
from tests.fakes.webhooks import MemoryWebhooks

SECOND = NOW.replace(microsecond=0)
PASSWORD = "correct horse battery staple"
REQUEST = BootstrapRequest("main", "Acme", (HOST, "127.0.0.1"), PASSWORD)


class Stack:
    """What outlives a run of bootstrap, and the service on it; ``faults`` strike all of its stores."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.faults = Faults()
        self.vault, self.settings = MemoryVault(self.faults), MemorySettings(self.faults)
        self.certificates = MemoryCertificates(self.faults)
        self.issue = IssueCertificate(VaultIssuerKeys(self.vault), self.certificates)
        keep = KeepEndpointCertificate(self.vault, self.issue, self.clock)
        self.bootstrap = BootstrapAuthority(self.vault, self.settings, keep, self.clock)

    def run(self, request: BootstrapRequest = REQUEST) -> Authority:
        return self.bootstrap(request)


def check_complete(stack: Stack, authority: Authority) -> None:
    """Everything that a run makes is there, once, and belongs together."""
    root, intermediate = authority.roots[0], authority.issuing.certificate
    assert authority.roots == (root,)
    assert len(authority.intermediates) == 1
    root.verify_directly_issued_by(root)
    intermediate.verify_directly_issued_by(root)
    for name, certificate in ((ROOT_KEY, root), (ISSUING_KEY, intermediate)):
        sealed = stack.vault.sealed[name]
        assert sealed.chain[0] == certificate
        Issuer(name.key_id, certificate, sealed.private_key).check()
    endpoint = stack.vault.sealed[ENDPOINT_KEY].chain[0]
    endpoint.verify_directly_issued_by(intermediate)
    assert endpoint.serial_number in stack.certificates.serials
    assert [provisioner.name for provisioner in authority.provisioners] == ["admin"]


def test_makes_a_complete_authority() -> None:
    stack = Stack()
    authority = stack.run()
    check_complete(stack, authority)
    assert (authority.id, authority.name, authority.dns_names) == ("main", "Acme", (HOST, "127.0.0.1"))


def test_root_and_intermediate_have_the_profile_of_step_ca_init() -> None:
    authority = Stack().run()
    root, intermediate = authority.roots[0], authority.issuing.certificate
    assert root.subject.rfc4514_string() == "CN=Acme Root CA,O=Acme"
    assert intermediate.subject.rfc4514_string() == "CN=Acme Intermediate CA,O=Acme"
    for certificate, path_length in ((root, 1), (intermediate, 0)):
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.value == x509.BasicConstraints(ca=True, path_length=path_length)
        assert constraints.critical
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        assert (usage.value.key_cert_sign, usage.value.crl_sign, usage.value.digital_signature) == (True, True, False)
        assert certificate.not_valid_before_utc == SECOND - timedelta(minutes=1)
        assert certificate.not_valid_after_utc == SECOND + timedelta(days=3650)
        assert certificate.serial_number.bit_length() > 64
    assert intermediate.not_valid_after_utc <= root.not_valid_after_utc


def test_a_second_run_changes_nothing() -> None:
    stack = Stack()
    first = stack.run()
    sealed, serials = dict(stack.vault.sealed), stack.certificates.serials
    stack.clock.advance(timedelta(hours=1))
    second = stack.run(BootstrapRequest("main", "Other", ("other.example",), "another password"))
    assert second == first
    assert stack.vault.sealed == sealed
    assert stack.certificates.serials == serials


def test_a_later_run_renews_the_endpoint_alone() -> None:
    stack = Stack()
    first = stack.run()
    sealed = dict(stack.vault.sealed)
    stack.clock.advance(timedelta(days=2))
    assert stack.run() == first
    assert {name for name in sealed if stack.vault.sealed[name] != sealed[name]} == {ENDPOINT_KEY}


def moments_of_a_run() -> int:
    stack = Stack()
    stack.run()
    return stack.faults.moments


@pytest.mark.parametrize("moment", range(moments_of_a_run()))
def test_a_run_that_was_interrupted_can_be_run_again(moment: int) -> None:
    stack = Stack()
    stack.faults.strike(moment)
    with pytest.raises(Unavailable):
        stack.run()
    kept = dict(stack.vault.sealed)
    stack.faults.strike(None)
    stack.clock.advance(timedelta(minutes=10))
    check_complete(stack, stack.run())
    # What the first run had sealed is what the second one uses.
    assert {name: stack.vault.sealed[name] for name in kept} == kept


def test_the_moments_reach_from_the_first_look_to_the_last_write() -> None:
    # Settings, two keys, settings again, endpoint: fewer would mean that the test above misses some.
    assert moments_of_a_run() >= 14


def test_an_intermediate_made_later_ends_with_its_root() -> None:
    stack = Stack()
    stack.run()
    root = stack.vault.sealed[ROOT_KEY]
    late = Stack()
    late.vault.sealed[ROOT_KEY] = root
    late.clock.advance(timedelta(days=300))
    authority = late.run()
    assert authority.roots[0] == root.chain[0]
    assert authority.issuing.certificate.not_valid_after_utc == root.chain[0].not_valid_after_utc


class SlowSettings(MemorySettings):
    """Settings that all runs find empty before any of them writes."""

    looks = 0

    @override
    def load(self) -> Authority | None:
        self.looks += 1
        return super().load() if self.looks > RUNS else None


RUNS = 4


def test_runs_at_once_make_one_authority() -> None:
    stack = Stack()
    stack.settings = SlowSettings()
    keep = KeepEndpointCertificate(stack.vault, stack.issue, stack.clock)
    bootstrap = BootstrapAuthority(stack.vault, stack.settings, keep, stack.clock)
    with ThreadPoolExecutor(RUNS) as pool:
        authorities = list(pool.map(bootstrap, [REQUEST] * RUNS))
    assert all(authority == authorities[0] for authority in authorities)
    check_complete(stack, authorities[0])


def test_the_escrowed_key_opens_with_the_password_and_is_the_provisioners() -> None:
    document = first_provisioner(PASSWORD)
    registry = jwe.JWERegistry(algorithms=["PBES2-HS256+A128KW", "A256GCM"])
    opened = jwe.decrypt_compact(document["encryptedKey"], OctKey.import_key(PASSWORD.encode()), registry=registry)
    private = json.loads(opened.plaintext or b"")
    assert {name: private[name] for name in document["key"]} == document["key"]
    assert "d" in private
    assert "d" not in document["key"]
    assert document["key"]["kid"] == ECKey.import_key(document["key"]).thumbprint()
    # step refuses to open what took more than a million rounds.
    assert 100_000 <= opened.headers()["p2c"] <= 1_000_000
    assert opened.headers()["cty"] == "jwk+json"
    assert PASSWORD not in json.dumps(document)


def test_a_token_of_the_escrowed_key_is_good_for_a_certificate() -> None:
    stack = Stack()
    authority = stack.run()
    document = authority.provisioners[0].document
    registry = jwe.JWERegistry(algorithms=["PBES2-HS256+A128KW", "A256GCM"])
    opened = jwe.decrypt_compact(document["encryptedKey"], OctKey.import_key(PASSWORD.encode()), registry=registry)
    key = ECKey.import_key(json.loads(opened.plaintext or b""))
    claims = step_claims("admin", "leaf.example", f"https://{HOST}:9000/1.0/sign")
    token = jws({"kid": document["key"]["kid"]}, claims, key.private_key)  # type: ignore[arg-type]  # a P-256 key
    sign = SignCertificate(FixedAuthority(authority), stack.issue, MemoryKeySets(), MemoryWebhooks(), stack.clock)
    issued = sign(SignRequest(csr_pem(make_csr()), token, RequestedValidity(), b"x"))
    issued.record.certificate.verify_directly_issued_by(authority.issuing.certificate)


def test_ids_and_keys_are_never_the_same_twice() -> None:
    assert len({new_provisioner_id() for _ in range(10)}) == 10
    first, second = Stack().run(), Stack().run()
    assert first.roots != second.roots
    assert first.provisioners[0].id != second.provisioners[0].id


@pytest.mark.parametrize(
    ("name", "dns_names"),
    [
        pytest.param("Acme", ("not a name",), id="fail/dns-name"),
        pytest.param("", (HOST,), id="fail/empty-name"),
        pytest.param("x" * 49, (HOST,), id="fail/long-name"),
        pytest.param("a\nb", (HOST,), id="fail/name-with-a-line-break"),
        pytest.param("Acme", (), id="fail/no-dns-name"),
    ],
)
def test_refuses_what_no_certificate_can_carry_before_anything_is_made(name: str, dns_names: tuple[str, ...]) -> None:
    stack = Stack()
    with pytest.raises(MalformedRequest):
        stack.run(BootstrapRequest("main", name, dns_names, PASSWORD))
    assert stack.vault.sealed == {}


def test_takes_the_longest_name() -> None:
    assert Stack().run(BootstrapRequest("main", "x" * 48, (HOST,), PASSWORD)).name == "x" * 48
