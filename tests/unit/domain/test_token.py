import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.public_keys import check_public_key
from stepless.domain.token import (
    MAX_TOKEN_LENGTH,
    algorithms_for,
    parse_token,
    verification_key,
    verify_signature,
)
from stepless.errors import CAError, Unauthenticated
from tests.fakes.jose import assemble, b64url, hmac_jws, jws, public_jwk, twin_es256, unsigned_jws
from tests.fakes.private_keys import SUBJECT_KEYS, PrivateKey, p256, rsa_key

CLAIMS = {"iss": "admin", "sub": "leaf.example"}


def verify(compact: str, key: PrivateKey) -> None:
    public_key = check_public_key(key.public_key())
    verify_signature(parse_token(compact), verification_key(public_key), algorithms_for(public_key))


def test_takes_a_token_apart() -> None:
    key = p256()
    compact = jws({"kid": "k", "typ": "JWT"}, CLAIMS, key)
    token = parse_token(f" \n{compact}\t\n")
    assert token.compact == compact
    assert token.header == {"alg": "ES256", "kid": "k", "typ": "JWT"}
    assert token.claims == CLAIMS
    assert token.key_id == "k"


def segment(text: bytes | str) -> str:
    return b64url(text.encode() if isinstance(text, str) else text)


HEADER, BODY, SIGNATURE = segment('{"alg":"ES256"}'), segment('{"sub":"x"}'), segment(b"\x00" * 64)


def with_body(text: bytes | str) -> str:
    return f"{HEADER}.{segment(text)}.{SIGNATURE}"


@pytest.mark.parametrize(
    "compact",
    [
        pytest.param("", id="fail/empty"),
        pytest.param("x", id="fail/one-segment"),
        pytest.param(f"{HEADER}.{BODY}", id="fail/two-segments"),
        pytest.param(f"{HEADER}.{BODY}.", id="fail/empty-signature"),
        pytest.param(f"{HEADER}..{SIGNATURE}", id="fail/detached-payload"),
        pytest.param(f".{BODY}.{SIGNATURE}", id="fail/empty-header"),
        pytest.param(f"{HEADER}.{BODY}.{SIGNATURE}.x", id="fail/four-segments"),
        pytest.param(f"{HEADER}.{BODY}.{SIGNATURE}.x.y", id="fail/encrypted-token"),
        pytest.param(f"{HEADER}==.{BODY}.{SIGNATURE}", id="fail/padding"),
        pytest.param(f"{HEADER}.{BODY} .{SIGNATURE}", id="fail/space-inside"),
        pytest.param(f"{HEADER}.{BODY}+/.{SIGNATURE}", id="fail/standard-base64"),
        pytest.param(f"{HEADER}.a.{SIGNATURE}", id="fail/impossible-length"),
        pytest.param(f"{HEADER}.{segment('[]')}.{SIGNATURE}", id="fail/claims-are-a-list"),
        pytest.param(f"{segment('1')}.{BODY}.{SIGNATURE}", id="fail/header-is-a-number"),
        pytest.param(f"{HEADER}.{segment('{')}.{SIGNATURE}", id="fail/not-json"),
        pytest.param(with_body(b'{"sub":"' + bytes([255]) + b'"}'), id="fail/not-utf-8"),
        pytest.param(with_body('{"a":' + "[" * 9_000 + "]" * 9_000 + "}"), id="fail/depth"),
        pytest.param(with_body('{"a":' + "9" * 5_000 + "}"), id="fail/absurd-number"),
        pytest.param(with_body('{"a":NaN}'), id="fail/not-a-number"),
        pytest.param(with_body('{"jti":"\\ud800"}'), id="fail/lone-surrogate"),
        pytest.param(json.dumps({"payload": BODY, "protected": HEADER, "signature": SIGNATURE}), id="fail/json-form"),
    ],
)
def test_refuses_what_is_not_a_compact_jws_of_two_objects(compact: str) -> None:
    with pytest.raises(Unauthenticated):
        parse_token(compact)


def test_takes_a_token_of_the_longest_length_and_not_one_character_more() -> None:
    # A header with white space in it, so that any length can be reached.
    def of_length(length: int) -> str:
        return f"{HEADER}.{BODY}." + "A" * (length - len(HEADER) - len(BODY) - 2)

    assert parse_token(of_length(MAX_TOKEN_LENGTH)).claims == {"sub": "x"}
    with pytest.raises(Unauthenticated):
        parse_token(of_length(MAX_TOKEN_LENGTH + 1))


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"crit": ["exp"], "exp": 1}, id="fail/crit"),
        pytest.param({"crit": []}, id="fail/empty-crit"),
        pytest.param({"crit": None}, id="fail/null-crit"),
        pytest.param({"b64": False, "crit": ["b64"]}, id="fail/b64"),
        pytest.param({"b64": True}, id="fail/b64-alone"),
    ],
)
def test_refuses_extensions_that_it_does_not_understand(header: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match="extension"):
        parse_token(jws(header, CLAIMS, p256()))


@pytest.mark.parametrize(
    ("claims", "audiences"),
    [
        ({"aud": "a"}, ("a",)),
        ({"aud": ["a", "b"]}, ("a", "b")),
        ({"aud": ["a", 1, None]}, ("a",)),
        ({"aud": 1}, ()),
        ({"aud": {"a": "b"}}, ()),
        ({"aud": None}, ()),
        ({"AUD": "a"}, ()),
        ({}, ()),
    ],
)
def test_reads_the_audience_as_a_text_or_a_list(claims: dict[str, Any], audiences: tuple[str, ...]) -> None:
    assert parse_token(jws({}, claims, p256())).audiences == audiences


def test_a_claim_or_key_id_of_another_type_is_empty_text() -> None:
    token = parse_token(jws({"kid": ["k"]}, {"iss": 1, "sub": "s", "jti": None}, p256()))
    assert token.key_id == ""
    assert [token.text_claim(name) for name in ("iss", "sub", "jti", "missing")] == ["", "s", "", ""]


ALGORITHMS = [
    ("P-256", "ES256"),
    ("P-384", "ES384"),
    ("P-521", "ES512"),
    ("Ed25519", "EdDSA"),
    ("Ed25519", "Ed25519"),
    *[("RSA-2048", name) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")],
]


@pytest.mark.parametrize(("kind", "algorithm"), ALGORITHMS, ids=[name for _, name in ALGORITHMS])
def test_verifies_every_algorithm_of_every_key(kind: str, algorithm: str) -> None:
    key = SUBJECT_KEYS[kind]()
    verify(jws({}, CLAIMS, key, algorithm), key)


@pytest.mark.parametrize(("kind", "algorithm"), ALGORITHMS, ids=[name for _, name in ALGORITHMS])
def test_refuses_a_token_whose_claims_were_changed(kind: str, algorithm: str) -> None:
    key = SUBJECT_KEYS[kind]()
    header, _, signature = jws({}, CLAIMS, key, algorithm).split(".")
    with pytest.raises(Unauthenticated, match="signature is wrong"):
        verify(f"{header}.{segment(json.dumps({**CLAIMS, 'sub': 'evil.example'}))}.{signature}", key)


@pytest.mark.parametrize("kind", [kind for kind in SUBJECT_KEYS if kind != "RSA-2048"])
def test_refuses_a_token_of_another_key_of_the_same_kind(kind: str) -> None:
    with pytest.raises(Unauthenticated, match="signature is wrong"):
        verify(jws({}, CLAIMS, SUBJECT_KEYS[kind]()), SUBJECT_KEYS[kind]())


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_refuses_a_token_without_signature(kind: str) -> None:
    with pytest.raises(Unauthenticated, match="algorithm 'none' does not fit"):
        verify(unsigned_jws({}, CLAIMS), SUBJECT_KEYS[kind]())


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
@pytest.mark.parametrize("form", ["der", "pem", "jwk", "raw"])
def test_refuses_hmac_with_the_public_key_as_the_secret(kind: str, form: str) -> None:
    key = SUBJECT_KEYS[kind]()
    jwk = public_jwk(key)
    secret = {
        "der": key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "pem": key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(jwk).encode(),
        "raw": base64.urlsafe_b64decode(str(jwk.get("x", jwk.get("n"))) + "=="),
    }[form]
    with pytest.raises(Unauthenticated, match="algorithm 'HS256' does not fit"):
        verify(hmac_jws({}, CLAIMS, secret), key)


@pytest.mark.parametrize("stated", ["es256", "ES384", "RS256", "EdDSA", "none", "HS256", "", None, 1, ["ES256"]])
def test_refuses_an_algorithm_that_does_not_fit_the_key(stated: object) -> None:
    key = p256()
    with pytest.raises(Unauthenticated, match="does not fit the key"):
        verify(assemble({"alg": stated}, CLAIMS, key, "ES256"), key)


def test_refuses_a_token_without_an_algorithm() -> None:
    key = p256()
    with pytest.raises(Unauthenticated):
        verify(assemble({"kid": "k"}, CLAIMS, key, "ES256"), key)


def test_refuses_the_algorithm_of_another_curve() -> None:
    p384 = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(Unauthenticated, match="'ES384' does not fit"):
        verify(jws({}, CLAIMS, p384), p256())
    with pytest.raises(Unauthenticated, match="signature is wrong"):
        verify(assemble({"alg": "ES256"}, CLAIMS, p384, "ES384"), p256())


def test_a_key_in_the_header_is_not_believed() -> None:
    forger = p256()
    with pytest.raises(Unauthenticated, match="signature is wrong"):
        verify(jws({"jwk": public_jwk(forger)}, CLAIMS, forger), p256())


def test_a_curve_that_is_not_certified_has_no_algorithm() -> None:
    assert algorithms_for(ec.generate_private_key(ec.SECP256K1()).public_key()) == ()


@pytest.mark.parametrize("length", [0, 1, 63, 65, 72, 128])
def test_refuses_a_signature_of_another_length(length: int) -> None:
    header, body, _ = jws({}, CLAIMS, p256()).split(".")
    with pytest.raises(Unauthenticated):
        verify(f"{header}.{body}.{b64url(b'x' * length)}", p256())


def test_a_long_header_is_read_as_a_chain_needs_it() -> None:
    key = p256()
    verify(jws({"x5c": ["A" * 4_000] * 4}, CLAIMS, key), key)


def test_the_same_token_with_the_other_signature_has_the_same_hash() -> None:
    # (r, -s) verifies as well as (r, s): whoever holds a token can write it twice.
    key = p256()
    compact = jws({}, CLAIMS, key)
    twin = twin_es256(compact)
    verify(twin, key)
    assert twin != compact
    assert parse_token(twin).sha256_hex == parse_token(compact).sha256_hex


def test_the_same_signature_in_other_letters_has_the_same_hash() -> None:
    # 64 bytes leave four unused bits in the last letter of base64.
    compact = jws({}, CLAIMS, rsa_key())
    last = compact[-1]
    respelled = compact[:-1] + ("B" if last == "A" else chr(ord(last) + 1))
    assert parse_token(respelled).sha256_hex == parse_token(compact).sha256_hex


def test_tokens_of_other_content_have_other_hashes() -> None:
    key = rsa_key()
    assert parse_token(jws({}, {"a": 1}, key)).sha256_hex != parse_token(jws({}, {"a": 2}, key)).sha256_hex


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
_SEGMENTS = st.binary(max_size=24).map(b64url) | _JSON.map(lambda value: segment(json.dumps(value)))


@given(st.text() | st.lists(_SEGMENTS, max_size=4).map(".".join))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    key = p256().public_key()
    try:
        token = parse_token(text)
    except CAError:
        return
    with pytest.raises(Unauthenticated):
        verify_signature(token, verification_key(key), algorithms_for(key))
