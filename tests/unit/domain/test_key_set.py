from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.key_set import MAX_KEYS, KeySet, check_address, check_key_set_address, discovery_url, read_keys
from tests.fakes.jose import b64url, public_jwk
from tests.fakes.private_keys import SUBJECT_KEYS, p256, rsa_key

KEY = public_jwk(p256())
RSA = public_jwk(rsa_key())


def without(jwk: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name not in names}


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_reads_a_key_of_every_kind(kind: str) -> None:
    jwk = public_jwk(SUBJECT_KEYS[kind]())
    (key,) = read_keys({"keys": [jwk]})
    assert key.key_id == jwk["kid"]
    assert key.algorithms == (jwk["alg"],)


@pytest.mark.parametrize(
    ("jwk", "algorithms"),
    [
        pytest.param(without(KEY, "alg"), ("ES256",), id="ok/ec-of-any-algorithm"),
        pytest.param(without(RSA, "alg"), ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), id="ok/rsa-of-any"),
        pytest.param({**RSA, "alg": "PS384"}, ("PS384",), id="ok/rsa-of-one"),
        pytest.param(without(KEY, "use"), ("ES256",), id="ok/no-use"),
        pytest.param({**KEY, "key_ops": ["verify"]}, ("ES256",), id="ok/verifies"),
        pytest.param({**KEY, "x5t": "thumbprint", "future": {}}, ("ES256",), id="ok/more"),
    ],
)
def test_a_key_is_for_the_algorithms_that_it_states_and_its_kind_permits(
    jwk: dict[str, Any], algorithms: tuple[str, ...]
) -> None:
    (key,) = read_keys({"keys": [jwk]})
    assert key.algorithms == algorithms


@pytest.mark.filterwarnings("ignore:Key size should be")  # the library's word for what is left out here
@pytest.mark.filterwarnings("ignore:This key should not be used")
@pytest.mark.parametrize(
    "jwk",
    [
        pytest.param({**KEY, "use": "enc"}, id="encrypts"),
        pytest.param({**KEY, "use": 5}, id="use-is-a-number"),
        pytest.param({**KEY, "key_ops": ["encrypt"]}, id="does-not-verify"),
        pytest.param({**KEY, "key_ops": "verify"}, id="operations-are-text"),
        pytest.param({**KEY, "key_ops": 5}, id="operations-are-a-number"),
        pytest.param({**KEY, "kid": 5}, id="kid-is-a-number"),
        pytest.param({**KEY, "kid": None}, id="kid-is-null"),
        pytest.param({**KEY, "alg": "RS256"}, id="algorithm-of-another-kind"),
        pytest.param({**KEY, "alg": "ES384"}, id="algorithm-of-another-curve"),
        pytest.param({**KEY, "alg": "none"}, id="algorithm-none"),
        pytest.param({**KEY, "alg": ["ES256"]}, id="algorithm-is-a-list"),
        pytest.param({**RSA, "alg": "RSA-OAEP"}, id="algorithm-of-encryption"),
        pytest.param({**KEY, "crv": "secp256k1"}, id="another-curve"),
        pytest.param({**KEY, "crv": "P-192"}, id="unknown-curve"),
        pytest.param({**KEY, "x": "AA"}, id="not-a-point"),
        pytest.param({**KEY, "x": 5}, id="coordinate-is-a-number"),
        pytest.param({**KEY, "d": b64url(b"\x01" * 32)}, id="private"),
        pytest.param({"kty": "oct", "k": b64url(b"s" * 32), "kid": "k", "alg": "HS256"}, id="symmetric"),
        pytest.param({"kty": "OKP", "crv": "X25519", "x": b64url(b"\x09" + b"\x00" * 31), "kid": "k"}, id="x25519"),
        pytest.param(public_jwk(rsa_key(1024)), id="weak"),
        pytest.param({**RSA, "n": "", "e": ""}, id="empty-numbers"),
        pytest.param({"kty": ["EC"]}, id="kind-is-a-list"),
        pytest.param({"kty": "XYZ"}, id="another-kind"),
        pytest.param({}, id="nothing"),
        pytest.param("text", id="text"),
        pytest.param(None, id="null"),
    ],
)
def test_what_does_not_verify_is_left_out_and_the_rest_stays(jwk: object) -> None:
    keys = read_keys({"keys": [jwk, KEY]})
    assert [key.key_id for key in keys] == [KEY["kid"]]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="fail/no-keys"),
        pytest.param({"keys": {}}, id="fail/keys-are-an-object"),
        pytest.param({"keys": None}, id="fail/keys-are-null"),
        pytest.param({"KEYS": []}, id="fail/another-case"),
        pytest.param({"keys": [KEY] * (MAX_KEYS + 1)}, id="fail/too-many"),
    ],
)
def test_refuses_what_is_no_key_set(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a JWK set"):
        read_keys(document)


def test_keys_are_found_by_their_exact_id() -> None:
    keys = KeySet(
        "i", read_keys({"keys": [KEY, RSA, without(public_jwk(p256()), "kid"), {**public_jwk(p256()), **RSA}]})
    )
    assert [key.key_id for key in keys.named(KEY["kid"])] == [KEY["kid"]]
    assert len(keys.named(RSA["kid"])) == 2
    assert [key.key_id for key in keys.named("")] == [""]
    assert keys.named(KEY["kid"].lower()) == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
_MEMBERS = st.dictionaries(
    st.sampled_from([*KEY, "n", "e", "d", "key_ops", "x5c", "k"]),
    _JSON | st.sampled_from([*KEY.values(), *RSA.values(), "OKP", "oct", "Ed25519", "P-384", "AQAB"]),
)


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.filterwarnings("ignore:This key should not be used")
@given(st.lists(_JSON | _MEMBERS | _MEMBERS.map(lambda changes: {**KEY, **changes}), max_size=3))
def test_any_keys_are_read_or_left_out(keys: list[Any]) -> None:
    for key in read_keys({"keys": keys}):
        assert key.algorithms
        assert not key.key.is_private


GOOD = [
    "https://idp.example",
    "https://idp.example:8443/a/b?c=d",
    "https://[2001:db8::1]/x",
    "https://10.0.0.1",
    "http://127.0.0.1:8080/x",
    "http://127.8.9.1",
    "http://[::1]:8080",
    "http://localhost:8080",
    "HTTPS://IDP.example",
]
BAD = [
    "",
    "x",
    "//idp.example",
    "https://",
    "https:///path",
    "http://idp.example",
    "http://10.0.0.1",
    "http://169.254.169.254/latest/meta-data",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "http://[::ffff:10.0.0.1]",
    "http://0.0.0.0",
    "ftp://idp.example",
    "file:///etc/passwd",
    "https://user@idp.example",
    "https://user:password@idp.example",
    "https://@idp.example",
    "https://idp.example#fragment",
    "https://idp.example\\@evil.example",
    "https://idp.example/a b",
    "https://idp.example/\r\nHost: evil.example",
    "https://idp.example/\tx",
    "https://idp.example:99999",
    "https://idp.example:port",
    "https://[::1",
    "https://bücher.example",
    f"https://idp.example/{'x' * 2048}",
]


@pytest.mark.parametrize("url", GOOD)
def test_an_address_may_be_called(url: str) -> None:
    assert check_address(url).hostname
    assert discovery_url(url).endswith(("/.well-known/openid-configuration", "?c=d"))


@pytest.mark.parametrize("url", BAD)
def test_an_address_may_not_be_called(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|must begin|[Pp]ort|IPv6|URL") as refused:
        check_address(url)
    assert len(str(refused.value)) < 400


HTTPS, LOOPBACK = "https://idp.example/x", "http://127.0.0.1:8080/x"


@pytest.mark.parametrize(
    ("url", "found_at"),
    [(HTTPS, HTTPS), (HTTPS, LOOPBACK), (LOOPBACK, LOOPBACK), ("https://other.example/keys", HTTPS)],
)
def test_a_key_set_may_be_at_another_host(url: str, found_at: str) -> None:
    assert check_key_set_address(url, found_at) == url


@pytest.mark.parametrize("url", [None, 5, ["x"], "", "http://idp.example/x", LOOPBACK, "http://localhost:9001/"])
def test_a_provider_elsewhere_does_not_lead_to_this_machine(url: object) -> None:
    # On Lambda the function's own runtime listens on loopback.
    with pytest.raises(ValueError, match=r"jwks_uri|address|must begin"):
        check_key_set_address(url, HTTPS)
