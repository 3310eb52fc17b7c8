from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from stepless.domain.claims import Claims
from stepless.domain.names import Name, NameType
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners import Provisioner, parse_provisioner
from stepless.domain.token import parse_token
from stepless.errors import MalformedRequest, Unauthenticated
from tests.fakes.clock import NOW
from tests.fakes.jose import b64url, hmac_jws, public_jwk, unsigned_jws
from tests.fakes.private_keys import SUBJECT_KEYS, p256, rsa_key
from tests.fakes.tokens import JWKTokens, step_claims

TOKENS = JWKTokens()


def provisioner_of(tokens: JWKTokens = TOKENS, **changes: object) -> Provisioner:
    return parse_provisioner("id-1", {**tokens.document, **changes}, Claims())


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        ("P-256", "ES256"),
        ("P-384", "ES384"),
        ("P-521", "ES512"),
        ("Ed25519", "EdDSA"),
        ("Ed25519", "Ed25519"),
        ("RSA-2048", "RS256"),
        ("RSA-2048", "PS256"),
        ("RSA-2048", "RS512"),
    ],
)
def test_verifies_the_tokens_of_a_key_of_every_kind(kind: str, algorithm: str) -> None:
    tokens = JWKTokens(key=SUBJECT_KEYS[kind](), algorithm=algorithm)
    key = {**tokens.document["key"], "alg": algorithm}
    grant = provisioner_of(tokens, key=key).verify(parse_token(tokens.token()), now=NOW)
    assert grant.claims.subject == "leaf.example"


def test_grants_the_names_of_the_token() -> None:
    token = TOKENS.token("leaf", sans=["b.example", "::1", "a@b.example", "b.example"])
    grant = provisioner_of().verify(parse_token(token), now=NOW)
    assert grant.names == (
        Name(NameType.DNS, "b.example"),
        Name(NameType.EMAIL, "a@b.example"),
        Name(NameType.IP, "::1"),
    )
    assert set(grant.common_names) == {"leaf", "b.example", "::1", "a@b.example"}
    assert grant.common_names[0] == "leaf"
    assert grant.credential is None


def test_grants_the_subject_when_there_are_no_names() -> None:
    grant = provisioner_of().verify(parse_token(TOKENS.token("leaf.example")), now=NOW)
    assert grant.names == (Name(NameType.DNS, "leaf.example"),)


def test_refuses_names_that_no_certificate_carries() -> None:
    with pytest.raises(MalformedRequest):
        provisioner_of().verify(parse_token(TOKENS.token("leaf", sans=["a b"])), now=NOW)


def test_the_same_id_means_the_same_token_within_one_provisioner() -> None:
    def reuse_key(provisioner: Provisioner, **changes: object) -> str:
        return provisioner.verify(parse_token(TOKENS.token(**changes)), now=NOW).reuse_key  # type: ignore[arg-type]  # claims, not the subject

    mine = provisioner_of()
    other = parse_provisioner("id-2", TOKENS.document, Claims())
    assert reuse_key(mine, jti="a") == reuse_key(mine, jti="a", sub="other.example")
    assert reuse_key(mine, jti="a") != reuse_key(mine, jti="b")
    assert reuse_key(mine, jti="a") != reuse_key(other, jti="a")
    assert reuse_key(mine, jti=None) != reuse_key(mine, jti=None, sub="other.example")


def test_an_id_of_another_type_does_not_make_two_tokens_one() -> None:
    first, second = (TOKENS.token(subject, jti=1) for subject in ("a.example", "b.example"))
    provisioner = provisioner_of()
    keys = {provisioner.verify(parse_token(token), now=NOW).reuse_key for token in (first, second)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(TOKENS.token(iss="other"), id="fail/another-issuer"),
        pytest.param(TOKENS.token(iss="Admin"), id="fail/issuer-in-another-case"),
        pytest.param(TOKENS.token(iss=None), id="fail/no-issuer"),
        pytest.param(TOKENS.token(exp=1), id="fail/expired"),
        pytest.param(TOKENS.token(exp=None), id="fail/no-expiry"),
        pytest.param(TOKENS.token(""), id="fail/no-subject"),
        pytest.param(JWKTokens(key=p256()).token(), id="fail/another-key"),
        pytest.param(unsigned_jws({"kid": TOKENS.key_id}, step_claims("admin", "x", "a")), id="fail/unsigned"),
        pytest.param(
            hmac_jws({"kid": TOKENS.key_id}, step_claims("admin", "x", "a"), str(TOKENS.document["key"]).encode()),
            id="fail/hmac",
        ),
    ],
)
def test_refuses_a_token_that_does_not_hold(token: str) -> None:
    with pytest.raises(Unauthenticated):
        provisioner_of().verify(parse_token(token), now=NOW)


def _with_private_half() -> dict[str, Any]:
    key = p256()
    return {**public_jwk(key), "d": b64url(key.private_numbers().private_value.to_bytes(32, "big"))}


@pytest.mark.filterwarnings("ignore:Key size should be")  # the library's word for what is refused here
@pytest.mark.parametrize(
    ("key", "text"),
    [
        pytest.param(None, "kid", id="fail/missing"),
        pytest.param("text", "kid", id="fail/text"),
        pytest.param([], "kid", id="fail/list"),
        pytest.param({**TOKENS.document["key"], "kid": ""}, "kid", id="fail/empty-kid"),
        pytest.param({**TOKENS.document["key"], "kid": 1}, "kid", id="fail/kid-is-a-number"),
        pytest.param({**TOKENS.document["key"], "kid": "k" * 257}, "kid", id="fail/long-kid"),
        pytest.param({"kty": "oct", "k": b64url(b"secret"), "kid": "k"}, "public", id="fail/symmetric"),
        pytest.param(_with_private_half(), "public", id="fail/private"),
        pytest.param({**TOKENS.document["key"], "kty": "XYZ"}, "key", id="fail/unknown-kty"),
        pytest.param({**TOKENS.document["key"], "kty": ["EC"]}, "key", id="fail/kty-is-a-list"),
        pytest.param({**TOKENS.document["key"], "crv": "P-384"}, "key", id="fail/another-curve"),
        pytest.param({**TOKENS.document["key"], "crv": "P-192"}, "key", id="fail/unknown-curve"),
        pytest.param({**TOKENS.document["key"], "x": "AA"}, "key", id="fail/not-a-point"),
        pytest.param({**TOKENS.document["key"], "x": 1}, "key", id="fail/coordinate-is-a-number"),
        pytest.param({"kty": "EC", "kid": "k"}, "key", id="fail/no-coordinates"),
        pytest.param(public_jwk(rsa_key(1024)), "at least 2048", id="fail/weak"),
        pytest.param(
            {"kty": "OKP", "crv": "X25519", "x": b64url(b"\x09" + b"\x00" * 31), "kid": "k"}, "key", id="fail/x25519"
        ),
    ],
)
def test_refuses_a_document_whose_key_cannot_verify(key: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        provisioner_of(key=key)


def test_states_how_it_is_found_and_what_its_certificates_say() -> None:
    provisioner = provisioner_of()
    assert provisioner.lookup_id == f"admin:{TOKENS.key_id}"
    assert provisioner.fragment == ""
    assert provisioner.stamp == ProvisionerStamp(1, "admin", TOKENS.key_id)


@pytest.mark.parametrize("value", [None, "", 5, ["a"]])
def test_keeps_no_escrow_that_is_no_text(value: object) -> None:
    assert provisioner_of(encryptedKey=value).escrow is None


def test_keeps_the_escrow_of_its_key() -> None:
    escrow = provisioner_of(encryptedKey="a.b.c.d.e").escrow
    assert escrow is not None
    assert (escrow.key_id, escrow.encrypted_key) == (TOKENS.key_id, "a.b.c.d.e")


def test_a_curve_without_algorithm_is_not_supported() -> None:
    key = ec.generate_private_key(ec.SECP256K1()).public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "secp256k1",
        "kid": "k",
        "x": b64url(key.x.to_bytes(32, "big")),
        "y": b64url(key.y.to_bytes(32, "big")),
    }
    with pytest.raises(ValueError, match="key"):
        provisioner_of(key=jwk)
