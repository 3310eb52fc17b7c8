import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from stepless.domain.claims import Claims
from stepless.domain.names import Name, NameType
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners import Provisioner, parse_provisioner
from stepless.domain.token import parse_token
from stepless.domain.validity import Validity
from stepless.errors import Unauthenticated
from tests.fakes.clock import NOW
from tests.fakes.ephemeral_ca import DIGITAL_SIGNATURE, SERVER_AUTH, make_ca, sign_leaf
from tests.fakes.jose import hmac_jws, unsigned_jws
from tests.fakes.private_keys import SUBJECT_KEYS, PrivateKey, p256
from tests.fakes.tokens import X5CTokens, step_claims, x5c_header

CA = make_ca("Clients")


def tokens_of(key: PrivateKey | None = None, algorithm: str | None = None, **leaf: Any) -> X5CTokens:
    key = key or p256()
    chain = (sign_leaf(CA.issuing, key, **leaf), CA.intermediate_certificate)
    return X5CTokens("clients", chain, key, (CA.root_certificate,), algorithm)


TOKENS = tokens_of()


def provisioner_of(**changes: object) -> Provisioner:
    return parse_provisioner("id-1", {**TOKENS.document, **changes}, Claims())


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        ("P-256", "ES256"),
        ("P-384", "ES384"),
        ("P-521", "ES512"),
        ("Ed25519", "EdDSA"),
        ("RSA-2048", "RS256"),
        ("RSA-2048", "PS256"),
    ],
)
def test_verifies_the_tokens_of_a_leaf_with_a_key_of_every_kind(kind: str, algorithm: str) -> None:
    tokens = tokens_of(SUBJECT_KEYS[kind](), algorithm)
    grant = provisioner_of().verify(parse_token(tokens.token()), now=NOW)
    assert grant.claims.subject == "leaf.example"


def test_grants_what_the_token_says_until_the_certificate_ends() -> None:
    token = TOKENS.token("leaf", sans=["b.example", "::1"])
    grant = provisioner_of().verify(parse_token(token), now=NOW)
    assert grant.names == (Name(NameType.DNS, "b.example"), Name(NameType.IP, "::1"))
    # Unlike for JWK, the common name must be the subject.
    assert grant.common_names == ("leaf",)
    leaf = TOKENS.chain[0]
    assert grant.credential == Validity(leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def test_takes_a_token_whose_chain_brings_the_root_too() -> None:
    tokens = replace(TOKENS, chain=(*TOKENS.chain, CA.root_certificate))
    provisioner_of().verify(parse_token(tokens.token()), now=NOW)


OTHER_CA = make_ca("Clients")


def _foreign() -> X5CTokens:
    key = p256()
    chain = (sign_leaf(OTHER_CA.issuing, key), OTHER_CA.intermediate_certificate, OTHER_CA.root_certificate)
    return X5CTokens("clients", chain, key, (CA.root_certificate,))


def _claims() -> dict[str, Any]:
    return step_claims("clients", "leaf.example", "https://ca.example/sign#x5c/clients")


X5C = x5c_header(TOKENS.chain)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(_foreign().token(), id="fail/another-root-of-the-same-name"),
        pytest.param(replace(TOKENS, chain=TOKENS.chain[:1]).token(), id="fail/no-intermediate"),
        pytest.param(replace(TOKENS, chain=TOKENS.chain[::-1]).token(), id="fail/wrong-order"),
        pytest.param(replace(TOKENS, key=p256()).token(), id="fail/another-key-than-the-leaf"),
        pytest.param(
            tokens_of(not_before=NOW - timedelta(hours=2), not_after=NOW - timedelta(hours=1)).token(),
            id="fail/expired-leaf",
        ),
        pytest.param(
            tokens_of(not_before=NOW + timedelta(hours=1), not_after=NOW + timedelta(hours=2)).token(),
            id="fail/leaf-not-yet-valid",
        ),
        pytest.param(
            tokens_of(extensions=[(DIGITAL_SIGNATURE, True), (SERVER_AUTH, False)]).token(), id="fail/server-leaf"
        ),
        pytest.param(tokens_of(extensions=[(DIGITAL_SIGNATURE, True)]).token(), id="fail/leaf-without-purpose"),
        pytest.param(TOKENS.sign(_claims(), x5c=None), id="fail/no-chain"),
        pytest.param(TOKENS.sign(_claims(), x5c=None, x5cInsecure=X5C), id="fail/insecure-chain"),
        pytest.param(TOKENS.sign(_claims(), x5c=[]), id="fail/empty-chain"),
        pytest.param(TOKENS.sign(_claims(), x5c=X5C[0]), id="fail/chain-is-text"),
        pytest.param(TOKENS.token(iss="other"), id="fail/another-issuer"),
        pytest.param(TOKENS.token(exp=None), id="fail/no-expiry"),
        pytest.param(TOKENS.token(""), id="fail/no-subject"),
        pytest.param(unsigned_jws({"x5c": X5C}, _claims()), id="fail/unsigned"),
        pytest.param(hmac_jws({"x5c": X5C}, _claims(), TOKENS.chain[0].public_bytes(Encoding.DER)), id="fail/hmac"),
    ],
)
def test_refuses_a_token_that_does_not_hold(token: str) -> None:
    with pytest.raises(Unauthenticated):
        provisioner_of().verify(parse_token(token), now=NOW)


def test_the_root_of_another_provisioner_does_not_count() -> None:
    other = X5CTokens("clients", (), p256(), (OTHER_CA.root_certificate,)).document
    with pytest.raises(Unauthenticated):
        parse_provisioner("id-2", other, Claims()).verify(parse_token(TOKENS.token()), now=NOW)


def test_takes_the_roots_of_a_bundle() -> None:
    roots = (OTHER_CA.root_certificate, CA.root_certificate)
    document = replace(TOKENS, roots=roots).document
    parse_provisioner("id", document, Claims()).verify(parse_token(TOKENS.token()), now=NOW)


@pytest.mark.parametrize(
    "roots",
    [
        pytest.param(None, id="fail/missing"),
        pytest.param("", id="fail/empty"),
        pytest.param("%%%", id="fail/not-base64"),
        pytest.param(base64.b64encode(b"not pem").decode(), id="fail/not-pem"),
        pytest.param(base64.b64encode(CA.root_certificate.public_bytes(Encoding.DER)).decode(), id="fail/der"),
        pytest.param("ü", id="fail/not-ascii"),
        pytest.param(5, id="fail/number"),
        pytest.param(["x"], id="fail/list"),
        pytest.param({"x": 1}, id="fail/object"),
    ],
)
def test_refuses_a_document_without_roots(roots: object) -> None:
    with pytest.raises(ValueError, match="roots: base64 of one or more PEM certificates"):
        provisioner_of(roots=roots)


def test_states_how_it_is_found_and_what_its_certificates_say() -> None:
    provisioner = provisioner_of()
    assert provisioner.lookup_id == provisioner.fragment == "x5c/clients"
    assert provisioner.stamp == ProvisionerStamp(7, "clients", "")
    assert provisioner.escrow is None
