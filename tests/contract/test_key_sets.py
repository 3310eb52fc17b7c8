"""The keys of identity providers over real connections: fetched, kept, and what happens when the provider fails."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stepless.domain.key_set import KeySet, KeySetSource
from stepless.errors import IdentityProviderUnavailable
from stepless.outbound.key_sets import FetchedKeySets
from tests.contract.support.loopback import no_way_through, nobody
from tests.fakes.clock import FrozenClock
from tests.fakes.ephemeral_ca import DIGITAL_SIGNATURE, SERVER_AUTH, make_ca, sign_leaf
from tests.fakes.identity_provider import IdentityProvider, MemoryKeySets
from tests.fakes.private_keys import p256
from tests.support.provider_server import (
    DISCOVERY,
    KEYS,
    Behaviour,
    Endless,
    ProviderServer,
    answer,
    document,
    dripping,
    hangs_up,
    running,
    silent,
)

IDP, NEXT = IdentityProvider(), IdentityProvider()
PATIENCE = 0.4  # instead of the five seconds of a function
BOTH = [DISCOVERY, KEYS]


@pytest.fixture
def provider() -> Iterator[ProviderServer]:
    with running() as server:
        server.publish(IDP)
        yield server


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def key_sets(clock: FrozenClock) -> FetchedKeySets:
    return FetchedKeySets(clock, seconds=PATIENCE)


def source(provider: ProviderServer | str, name: str = "people") -> KeySetSource:
    url = provider if isinstance(provider, str) else provider.url
    return KeySetSource(name, url + DISCOVERY)


def refusal(key_sets: FetchedKeySets, wanted: KeySetSource, key_id: str = IDP.key_id) -> str:
    """What is said to the person, who must not wait for it."""
    started = time.monotonic()
    with pytest.raises(IdentityProviderUnavailable) as refused:
        key_sets.key_set(wanted, key_id)
    assert time.monotonic() - started < PATIENCE + 0.6
    assert refused.value.retry_after_seconds == 10
    said = re.fullmatch(
        r"the identity provider of provisioner 'people' (.+); please try again later", refused.value.detail
    )
    assert said is not None, refused.value.detail
    return said[1]


def check_lines_end() -> None:
    """A thread that nobody waits for any more ends, too."""
    for thread in threading.enumerate():
        if thread.name == "line":
            thread.join(2)
            assert not thread.is_alive()


# --- one contract, for the fake as well


def test_the_fake_and_the_adapter_keep_the_same_promise(provider: ProviderServer, key_sets: FetchedKeySets) -> None:
    memory = MemoryKeySets(IDP)
    for port, wanted, issuer in (
        (memory, KeySetSource("people", f"{IDP.issuer}{DISCOVERY}"), IDP.issuer),
        (key_sets, source(provider), provider.url),
    ):
        found = port.key_set(wanted, IDP.key_id)
        assert isinstance(found, KeySet)
        assert found.issuer == issuer
        assert [key.key_id for key in found.keys] == [IDP.key_id]
        assert port.key_set(wanted, "unknown").named("unknown") == ()
    with nobody() as away:
        for port, wanted in ((memory, KeySetSource("people", "https://x")), (key_sets, source(away))):
            with pytest.raises(IdentityProviderUnavailable, match="'people'"):
                port.key_set(wanted, IDP.key_id)


# --- fetching


def _redirect(to: str) -> Behaviour:
    return answer(b"", "302 Found", Location=to)


Misbehave = Callable[[ProviderServer], Behaviour]
FAILURES: dict[str, tuple[Misbehave, str]] = {
    "says nothing": (lambda _: silent, f"does not answer within {PATIENCE} seconds"),
    "drips its headers": (
        lambda _: dripping(b"HTTP/1.1 200 OK\r\nX: "),
        f"does not answer within {PATIENCE} seconds",
    ),
    "drips its body": (
        lambda _: dripping(b'HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{"a":'),
        f"does not answer within {PATIENCE} seconds",
    ),
    "drips for ever": (
        lambda _: dripping(b"HTTP/1.1 200 OK\r\n\r\n"),
        f"does not answer within {PATIENCE} seconds",
    ),
    "drips before it speaks": (lambda _: dripping(b""), f"does not answer within {PATIENCE} seconds"),
    "hangs up": (lambda _: hangs_up, "cannot be reached, or hangs up"),
    "hangs up in its answer": (lambda _: answer(b"{}", Content_Length="100"), "cannot be reached, or hangs up"),
    "speaks no HTTP": (lambda _: lambda line: line.sendall(b"SSH-2.0-x\r\n"), "cannot be reached, or hangs up"),
    "500": (lambda _: answer(b"{}", "500 Internal Server Error"), "answers with status 500"),
    "404": (lambda _: answer(b"{}", "404 Not Found"), "answers with status 404"),
    "204": (lambda _: answer(b"", "204 No Content"), "answers with status 204"),
    "redirects": (lambda provider: _redirect(f"{provider.url}/elsewhere"), "answers with status 302"),
    "redirects to itself": (lambda provider: _redirect(f"{provider.url}{DISCOVERY}"), "answers with status 302"),
    "HTML": (
        lambda _: answer(b"<html>please log in</html>", Content_Type="text/html"),
        "answers with something that is not a JSON object",
    ),
    "nothing": (lambda _: answer(b""), "answers with something that is not a JSON object"),
    "a list": (lambda _: document([]), "answers with something that is not a JSON object"),
    "deep": (
        lambda _: answer(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        "answers with something that is not a JSON object",
    ),
    "compressed": (
        lambda _: answer(b"\x1f\x8b\x08\x00", Content_Encoding="gzip"),
        "answers with something that is not a JSON object",
    ),
    "100 MB": (lambda _: Endless(), "answers with more than 1048576 bytes"),
    "100 MB in chunks": (lambda _: Endless(chunked=True), "answers with more than 1048576 bytes"),
}


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("failure", FAILURES)
def test_a_provider_that_fails_is_named_in_time(
    provider: ProviderServer, key_sets: FetchedKeySets, failure: str, path: str
) -> None:
    misbehave, text = FAILURES[failure]
    behaviour = misbehave(provider)
    provider.behaviours[path] = behaviour
    provider.behaviours["/elsewhere"] = provider.behaviours[KEYS]
    assert refusal(key_sets, source(provider)) == text
    assert provider.asked == BOTH[: BOTH.index(path) + 1], "asked again, or followed"
    check_lines_end()
    if isinstance(behaviour, Endless):
        assert behaviour.sent < 20 * 1024 * 1024, "it was read to its end"


def test_two_slow_answers_do_not_take_twice_the_time(provider: ProviderServer, key_sets: FetchedKeySets) -> None:
    done = threading.Event()

    def late(line: socket.socket) -> None:
        done.wait(PATIENCE * 0.75)
        document(provider.configuration())(line)

    provider.behaviours[DISCOVERY] = late
    provider.behaviours[KEYS] = silent
    assert refusal(key_sets, source(provider)) == f"does not answer within {PATIENCE} seconds"
    check_lines_end()


def test_nobody_is_there(key_sets: FetchedKeySets) -> None:
    with nobody() as url:
        assert refusal(key_sets, source(url)) == "cannot be reached, or hangs up"


def test_no_connection_is_made(key_sets: FetchedKeySets) -> None:
    with no_way_through() as url:
        assert refusal(key_sets, source(url)) == f"does not answer within {PATIENCE} seconds"


def test_a_name_is_not_resolved(key_sets: FetchedKeySets, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver has limits of its own, which are longer than a request may take."""
    over = threading.Event()

    def resolve(*_: object, **__: object) -> list[object]:
        over.wait(5)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert refusal(key_sets, source("https://idp.example")) == f"does not answer within {PATIENCE} seconds"
    over.set()
    check_lines_end()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"issuer": None}, "does not tell its name"),
        ({"issuer": ""}, "does not tell its name"),
        ({"issuer": ["x"]}, "does not tell its name"),
        ({"issuer": "x" * 3000}, "does not tell its name"),
        ({"jwks_uri": None}, "publishes no keys: the configuration has no jwks_uri"),
        ({"jwks_uri": "http://idp.example/keys"}, "publishes no keys: .* must begin with https"),
        ({"jwks_uri": "file:///etc/passwd"}, "publishes no keys: .* is not an address"),
        ({"jwks_uri": "http://169.254.169.254/latest"}, "publishes no keys: .* must begin with https"),
    ],
)
def test_a_configuration_that_is_none_is_told(
    provider: ProviderServer, key_sets: FetchedKeySets, changes: dict[str, object], text: str
) -> None:
    provider.behaviours[DISCOVERY] = document(provider.configuration(**changes))
    assert re.match(text, refusal(key_sets, source(provider)))
    assert provider.asked == [DISCOVERY]


@pytest.mark.parametrize(
    ("published", "text"),
    [
        ({}, "publishes no keys: not a JWK set of at most 100 keys"),
        ({"keys": [{}] * 101}, "publishes no keys: not a JWK set of at most 100 keys"),
        ({"keys": []}, "publishes no key that verifies signatures"),
        ({"keys": [{"kty": "XYZ"}]}, "publishes no key that verifies signatures"),
    ],
)
def test_a_key_set_that_is_none_is_told(
    provider: ProviderServer, key_sets: FetchedKeySets, published: object, text: str
) -> None:
    provider.behaviours[KEYS] = document(published)
    assert refusal(key_sets, source(provider)) == text


def test_asks_as_a_client_that_knows_what_it_wants(provider: ProviderServer, key_sets: FetchedKeySets) -> None:
    provider.behaviours[f"{DISCOVERY}?p=x"] = document(provider.configuration())
    key_sets.key_set(KeySetSource("people", f"{provider.url}{DISCOVERY}?p=x"), IDP.key_id)
    assert provider.heads[0].startswith(f"GET {DISCOVERY}?p=x HTTP/1.1\r\n")
    lines = provider.heads[0].lower().split("\r\n")
    assert {"accept: application/json", "accept-encoding: identity", "user-agent: stepless"} <= set(lines)
    assert not any(line.startswith(("authorization", "cookie")) for line in lines)


# --- TLS


@pytest.fixture
def tls(tmp_path: Path) -> Callable[..., tuple[ssl.SSLContext, ssl.SSLContext]]:
    """Contexts of a server and of a client that trusts it."""
    now = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - TLS judges by the wall clock

    def make(name: str = "127.0.0.1", hours: int = 1) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        ca, key = make_ca("Idp", now=now), p256()
        san = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
        leaf = sign_leaf(
            ca.issuing,
            key,
            extensions=((DIGITAL_SIGNATURE, True), (SERVER_AUTH, False), (san, False)),
            not_before=now - timedelta(days=2),
            not_after=now + timedelta(hours=hours),
        )
        chain = b"".join(c.public_bytes(Encoding.PEM) for c in (leaf, ca.intermediate_certificate))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / "chain").write_bytes(chain + pem)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(tmp_path / "chain")
        root = ca.root_certificate.public_bytes(Encoding.PEM).decode()
        return server, ssl.create_default_context(cadata=root)

    return make


Make = Callable[..., tuple[ssl.SSLContext, ssl.SSLContext]]


def test_reads_keys_over_tls(tls: Make, clock: FrozenClock) -> None:
    server, client = tls()
    with running(server) as provider:
        provider.publish(IDP)
        found = FetchedKeySets(clock, client).key_set(source(provider), IDP.key_id)
        assert found.issuer == provider.url
        assert found.issuer.startswith("https://")


@pytest.mark.parametrize("wrong", ["root", "name", "dates"])
def test_a_certificate_that_does_not_verify_is_told(tls: Make, clock: FrozenClock, wrong: str) -> None:
    server, client = tls(*{"root": (), "name": ("127.0.0.2",), "dates": ("127.0.0.1", -1)}[wrong])
    with running(server) as provider:
        provider.publish(IDP)
        key_sets = FetchedKeySets(clock, None if wrong == "root" else client, PATIENCE)
        assert refusal(key_sets, source(provider)) == "has a TLS certificate that does not verify"
        assert provider.asked == []


def test_keys_at_an_address_without_tls_are_not_taken_from_a_provider_with_it(tls: Make, clock: FrozenClock) -> None:
    server, client = tls()
    with running(server) as provider, running() as inner:
        inner.publish(IDP)
        provider.behaviours[DISCOVERY] = document(provider.configuration(jwks_uri=f"{inner.url}{KEYS}"))
        assert "must begin with https" in refusal(FetchedKeySets(clock, client, PATIENCE), source(provider))
        assert inner.asked == []


@pytest.mark.parametrize("behaviour", [silent, dripping(b"\x16\x03\x03\x40\x00")], ids=["silent", "dripping"])
def test_a_handshake_that_does_not_end_is_cut(clock: FrozenClock, behaviour: Behaviour) -> None:
    with running(greeting=behaviour) as provider:
        secured = provider.url.replace("http:", "https:")
        assert refusal(FetchedKeySets(clock, seconds=PATIENCE), source(secured)) == (
            f"does not answer within {PATIENCE} seconds"
        )
    check_lines_end()


# --- keeping


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        pytest.param("", 3600, id="nothing-said"),
        pytest.param("public, max-age=1800, must-revalidate", 1800, id="half-an-hour"),
        pytest.param('Max-Age="600"', 600, id="quoted"),
        pytest.param("max-age=1", 300, id="too-short"),
        pytest.param("max-age=0", 300, id="zero"),
        pytest.param("no-store", 300, id="not-to-be-kept"),
        pytest.param("no-cache, max-age=7200", 300, id="not-to-be-used-unasked"),
        pytest.param("max-age=999999999", 43_200, id="too-long"),
        pytest.param("s-maxage=60", 3600, id="for-others"),
        pytest.param("max-age=-5", 3600, id="negative"),
        pytest.param("max-age=soon", 3600, id="nonsense"),
    ],
)
def test_keys_are_kept_as_long_as_the_provider_says_within_bounds(
    provider: ProviderServer, clock: FrozenClock, key_sets: FetchedKeySets, cache_control: str, seconds: int
) -> None:
    provider.publish(IDP, Cache_Control=cache_control)
    key_sets.key_set(source(provider), IDP.key_id)
    clock.advance(timedelta(seconds=seconds - 1))
    key_sets.key_set(source(provider), IDP.key_id)
    assert provider.asked == BOTH
    clock.advance(timedelta(seconds=1))
    key_sets.key_set(source(provider), IDP.key_id)
    assert provider.asked == BOTH * 2


def test_provisioners_of_one_provider_share_its_keys(provider: ProviderServer, key_sets: FetchedKeySets) -> None:
    for name in ("people", "machines"):
        key_sets.key_set(source(provider, name), IDP.key_id)
    assert provider.asked == BOTH


def test_an_unknown_key_id_makes_it_ask_once(
    provider: ProviderServer, clock: FrozenClock, key_sets: FetchedKeySets
) -> None:
    key_sets.key_set(source(provider), IDP.key_id)
    clock.advance(timedelta(seconds=30))
    provider.publish(NEXT)
    assert key_sets.key_set(source(provider), NEXT.key_id).named(NEXT.key_id)
    assert provider.asked == BOTH * 2
    # The old key is gone with that: garbage under its id makes nobody ask again for a while.
    assert key_sets.key_set(source(provider), IDP.key_id).named(IDP.key_id) == ()
    assert provider.asked == BOTH * 2


def test_made_up_key_ids_do_not_hammer_the_provider(
    provider: ProviderServer, clock: FrozenClock, key_sets: FetchedKeySets
) -> None:
    for number in range(100):
        found = key_sets.key_set(source(provider), f"made-up-{number}")
        assert found.named(f"made-up-{number}") == ()
        clock.advance(timedelta(seconds=1))
    assert provider.asked == BOTH * 4  # at 0, 30, 60 and 90 seconds


# --- the provider fails later


def test_keys_are_used_while_they_cannot_be_read_again(
    provider: ProviderServer, clock: FrozenClock, key_sets: FetchedKeySets
) -> None:
    first = key_sets.key_set(source(provider), IDP.key_id)
    provider.behaviours[DISCOVERY] = answer(b"", "500 Internal Server Error")
    clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert key_sets.key_set(source(provider), IDP.key_id) is first
    clock.advance(timedelta(seconds=1))
    assert refusal(key_sets, source(provider)) == "answers with status 500"
    clock.advance(timedelta(minutes=1))
    provider.publish(NEXT)
    assert key_sets.key_set(source(provider), NEXT.key_id).named(NEXT.key_id)


def test_a_failure_is_not_repeated_at_once(
    provider: ProviderServer, clock: FrozenClock, key_sets: FetchedKeySets
) -> None:
    provider.behaviours[DISCOVERY] = answer(b"", "500 Internal Server Error")
    for _ in range(20):
        assert refusal(key_sets, source(provider)) == "answers with status 500"
        clock.advance(timedelta(seconds=1))
    assert provider.asked == [DISCOVERY] * 2
    provider.publish(IDP)
    assert key_sets.key_set(source(provider), IDP.key_id).keys


def test_kept_keys_do_not_make_everybody_wait_for_a_provider_that_fails(
    provider: ProviderServer, clock: FrozenClock, key_sets: FetchedKeySets
) -> None:
    key_sets.key_set(source(provider), IDP.key_id)
    provider.behaviours[DISCOVERY] = hangs_up
    clock.advance(timedelta(hours=2))
    for _ in range(9):
        key_sets.key_set(source(provider), IDP.key_id)
        clock.advance(timedelta(seconds=1))
    assert provider.asked == [*BOTH, DISCOVERY]


def test_a_key_that_may_be_new_is_not_refused_while_nobody_can_tell(
    provider: ProviderServer, clock: FrozenClock, key_sets: FetchedKeySets
) -> None:
    key_sets.key_set(source(provider), IDP.key_id)
    provider.behaviours[DISCOVERY] = hangs_up
    clock.advance(timedelta(minutes=1))
    assert refusal(key_sets, source(provider), NEXT.key_id) == "cannot be reached, or hangs up"
    assert key_sets.key_set(source(provider), IDP.key_id).named(IDP.key_id)
    provider.publish(NEXT)
    clock.advance(timedelta(minutes=1))
    assert key_sets.key_set(source(provider), NEXT.key_id).named(NEXT.key_id)


def test_one_provider_that_fails_does_not_touch_another(provider: ProviderServer, key_sets: FetchedKeySets) -> None:
    with running() as other:
        refusal(key_sets, source(other))
        assert key_sets.key_set(source(provider), IDP.key_id).keys


def test_a_clock_that_is_set_back_makes_it_ask_again(
    provider: ProviderServer, clock: FrozenClock, key_sets: FetchedKeySets
) -> None:
    key_sets.key_set(source(provider), IDP.key_id)
    clock.advance(timedelta(days=-3))
    key_sets.key_set(source(provider), IDP.key_id)
    assert provider.asked == BOTH * 2
