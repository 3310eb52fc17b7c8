import hashlib
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.audience import Operation
from stepless.domain.authority import Authority, Intermediate, certificate_pem
from stepless.domain.claims import Claims
from stepless.domain.provisioners import Provisioner, UnusableProvisioner, parse_provisioner, read_provisioner
from stepless.domain.token import UntrustedToken, parse_token
from stepless.errors import NotFound, Unauthenticated
from tests.fakes.ephemeral_ca import make_ca
from tests.fakes.jose import public_jwk
from tests.fakes.private_keys import p256
from tests.fakes.tokens import HOST, JWKTokens, X5CTokens

CA, OTHER = make_ca(), make_ca("Other")
KEY = public_jwk(p256())


def authority_of(*provisioners: Provisioner | UnusableProvisioner, **changes: Any) -> Authority:
    fields: dict[str, Any] = {
        "id": "test",
        "name": "Ephemeral",
        "dns_names": (HOST,),
        "roots": (CA.root_certificate,),
        "intermediates": (
            Intermediate("intermediate-1", CA.intermediate_certificate),
            Intermediate("intermediate-0", OTHER.intermediate_certificate),
        ),
        "provisioners": provisioners,
    }
    return Authority(**{**fields, **changes})


def jwk(number: int, **more: object) -> Provisioner:
    document = {"type": "JWK", "name": f"p{number}", "key": {**KEY, "kid": f"k{number}"}, **more}
    return parse_provisioner(f"id-{number}", document, Claims())


def pages(authority: Authority, limit: int) -> list[list[Mapping[str, Any]]]:
    """All pages, read as ``step`` does it: until the cursor is empty, which must come."""
    found: list[list[Mapping[str, Any]]] = []
    cursor = ""
    for _ in range(300):
        page, cursor = authority.page_of_provisioners(cursor, limit)
        found.append(page)
        if not cursor:
            return found
    pytest.fail("the cursor never became empty")


@pytest.mark.parametrize("limit", [0, -1, 1, 7, 20, 99, 100, 101, 10**30])
@pytest.mark.parametrize("count", [0, 1, 20, 21, 100, 101, 250])
def test_every_provisioner_is_listed_once_in_order_page_by_page(count: int, limit: int) -> None:
    authority = authority_of(*(jwk(number) for number in range(count)))
    listed = pages(authority, limit)
    size = 20 if limit <= 0 else min(limit, 100)
    assert [item["name"] for page in listed for item in page] == [f"p{number}" for number in range(count)]
    assert all(len(page) == size for page in listed[:-1])
    assert len(listed) == max(1, -(-count // size))


def test_a_cursor_is_the_id_of_the_next_entry_without_its_zeros() -> None:
    authority = authority_of(*(jwk(number) for number in range(3)))
    _, cursor = authority.page_of_provisioners("", 1)
    assert cursor == "2" + hashlib.sha1(b"id-1", usedforsecurity=False).hexdigest()[-32:]
    page, _ = authority.page_of_provisioners(cursor, 1)
    assert page[0]["name"] == "p1"


@given(st.text(max_size=60), st.integers())
def test_any_cursor_and_limit_give_a_page(cursor: str, limit: int) -> None:
    page, following = authority_of(jwk(0), jwk(1)).page_of_provisioners(cursor, limit)
    assert len(page) <= 2
    assert isinstance(following, str)


def test_an_unusable_provisioner_is_listed_with_the_reason_and_vouches_for_nobody() -> None:
    broken = read_provisioner("id-x", {"type": "Nebula", "name": "people", "clientID": "c"}, Claims())
    authority = authority_of(jwk(0), broken)
    (listed,) = pages(authority, 20)
    assert listed[1]["name"] == "people"
    assert listed[1]["clientID"] == "c"
    assert listed[1]["state"] == "Uninitialized"
    assert "Nebula" in listed[1]["stateReason"]
    assert authority.provisioner_named("people") is None
    assert authority.provisioner_with_id("id-x") is None


def test_an_escrowed_key_is_found_by_its_key_id() -> None:
    authority = authority_of(jwk(0), jwk(1, encryptedKey="a.b.c.d.e"))
    assert authority.encrypted_key("k1") == "a.b.c.d.e"


@pytest.mark.parametrize("key_id", ["k0", "k2", "", "x" * 500])
def test_a_key_that_is_not_escrowed_is_not_found(key_id: str) -> None:
    with pytest.raises(NotFound) as refused:
        authority_of(jwk(0), jwk(1, encryptedKey="a.b.c.d.e")).encrypted_key(key_id)
    assert len(refused.value.detail) < 250


def test_roots_are_found_by_their_fingerprint_federated_ones_too() -> None:
    authority = authority_of(federated_roots=(OTHER.root_certificate,))
    own = hashlib.sha256(CA.root_certificate.public_bytes(Encoding.DER)).hexdigest()
    other = hashlib.sha256(OTHER.root_certificate.public_bytes(Encoding.DER)).hexdigest()
    assert authority.roots_by_fingerprint == {own: CA.root_certificate, other: OTHER.root_certificate}
    assert next(iter(authority.roots_by_fingerprint)) == own


def test_the_first_intermediate_issues_and_follows_the_leaf() -> None:
    authority = authority_of()
    assert authority.issuing.key_id == "intermediate-1"
    assert authority.chain_pem == (certificate_pem(CA.intermediate_certificate),)
    assert authority.chain_pem[0].endswith("-----END CERTIFICATE-----\n")


JWK = JWKTokens("admin")
X5C = X5CTokens("My CA", (), p256(), (OTHER.root_certificate,))


def with_both() -> Authority:
    documents = {"id-jwk": JWK.document, "id-x5c": X5C.document}
    return authority_of(*(parse_provisioner(key, document, Claims()) for key, document in documents.items()))


def test_a_token_finds_its_provisioner_by_issuer_and_key_id() -> None:
    assert with_both().provisioner_for(parse_token(JWK.token()), Operation.SIGN).id == "id-jwk"


@pytest.mark.parametrize("fragment", ["x5c/My CA", "x5c/My%20CA", "x5c%2FMy%20CA"])
def test_a_token_finds_its_provisioner_by_the_fragment_whatever_its_key_id(fragment: str) -> None:
    token = parse_token(X5C.token(aud=[f"https://{HOST}:9000/sign#{fragment}"], iss="anyone"))
    assert with_both().provisioner_for(token, Operation.SIGN).id == "id-x5c"


def token_for(audience: str, issuer: str = "admin", key_id: object = JWK.key_id) -> UntrustedToken:
    return UntrustedToken("a.b.c", {"kid": key_id}, {"aud": audience, "iss": issuer})


SIGN = f"https://{HOST}/1.0/sign"


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(token_for("https://other.example/sign"), id="fail/another-authority"),
        pytest.param(token_for(f"https://{HOST}/revoke"), id="fail/another-operation"),
        pytest.param(UntrustedToken("a.b.c", {"kid": JWK.key_id}, {"iss": "admin"}), id="fail/no-audience"),
        pytest.param(token_for(SIGN, "admin2"), id="fail/another-issuer"),
        pytest.param(token_for(SIGN, "Admin"), id="fail/issuer-in-another-case"),
        pytest.param(token_for(SIGN, key_id="other"), id="fail/another-key-id"),
        pytest.param(token_for(SIGN, key_id=None), id="fail/no-key-id"),
        pytest.param(token_for(SIGN, key_id=1), id="fail/key-id-of-another-type"),
        pytest.param(token_for(f"{SIGN}#admin:{JWK.key_id}"), id="fail/jwk-by-fragment"),
        pytest.param(token_for(f"{SIGN}#x5c/admin"), id="fail/fragment-of-nobody"),
        pytest.param(token_for(f"{SIGN}#id-jwk"), id="fail/fragment-is-an-id"),
        pytest.param(token_for(SIGN, "x5c/My CA", ""), id="fail/x5c-without-fragment"),
        pytest.param(UntrustedToken("a.b.c", {"kid": ""}, {"aud": SIGN, "iss": "x5c/My CA"}), id="fail/x5c-as-issuer"),
    ],
)
def test_a_token_that_names_no_provisioner_of_this_authority_is_refused(token: UntrustedToken) -> None:
    with pytest.raises(Unauthenticated):
        with_both().provisioner_for(token, Operation.SIGN)


def test_names_with_a_colon_do_not_reach_another_provisioner() -> None:
    # "a:b" + ":" + "c" and "a" + ":" + "b:c" are the same text.
    victim = {"type": "JWK", "name": "a", "key": {**KEY, "kid": "b:c"}}
    authority = authority_of(parse_provisioner("victim", victim, Claims()))
    token = UntrustedToken("a.b.c", {"kid": "c"}, {"aud": SIGN, "iss": "a:b"})
    # Found or not, it must not be verified: the issuer is not the provisioner's name.
    try:
        provisioner = authority.provisioner_for(token, Operation.SIGN)
    except Unauthenticated:
        return
    assert token.text_claim("iss") != provisioner.name
