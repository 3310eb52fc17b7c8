"""Tokens that a provisioner's key signed and that say odd things, and tokens that say whose key to believe."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.functions.support.authority import MotoAuthority
from tests.functions.support.signing import NAME, check_refused, sign
from tests.support.forge import compact_jws

BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "exp as text": {"exp": "9999999999"},
    "exp as a list": {"exp": [9_999_999_999]},
    "exp negative": {"exp": -1},
    "exp gigantic": {"exp": 10**30},
    "exp beyond doubles": {"exp": 10**400},
    "exp in the year 9999": {"exp": 253_402_300_799},
    "exp as true": {"exp": True},
    "nbf as text": {"nbf": "0"},
    "nbf gigantic": {"nbf": 10**20},
    "iat as an object": {"iat": {}},
    "iat gigantic": {"iat": 1e300},
    "aud as an object": {"aud": {"a": 1}},
    "aud as numbers": {"aud": [1, None, {}]},
    "aud empty": {"aud": []},
    "aud deep": {"aud": [[["https://localhost:9000/1.0/sign"]]]},
    "aud with a user": {"aud": "https://localhost@evil.test/1.0/sign"},
    "aud of another port's host": {"aud": "https://localhost.evil.test:9000/1.0/sign"},
    "aud over HTTP": {"aud": "http://localhost:9000/1.0/sign"},
    "aud with a broken port": {"aud": "https://localhost:99999999/1.0/sign"},
    "aud with a bracket": {"aud": "https://[::1/1.0/sign"},
    "aud of 100000 characters": {"aud": "https://localhost/" + "x" * 20_000},
    "iss as a number": {"iss": 1},
    "iss of another case": {"iss": "Admin"},
    "cnf as text": {"cnf": "x"},
    "cnf of another kind": {"cnf": {"jkt": "x"}},
    "cnf of another request": {"cnf": {"x5rt#S256": "x"}},
    "cnf as a number": {"cnf": {"x5rt#S256": 1}},
}


@pytest.mark.parametrize("kind", BAD_CLAIMS)
def test_a_token_with_odd_claims_is_refused(kind: str, authority: MotoAuthority) -> None:
    token = authority.forge.token(NAME, **BAD_CLAIMS[kind])
    check_refused(authority, authority.forge.sign_body(NAME, ott=token), 401, 403)


@pytest.mark.parametrize("jti", [1, None, [], {}, True, "", "\0", "x" * 10_000])
def test_a_token_with_an_odd_id_is_spent_once(jti: Any, authority: MotoAuthority) -> None:
    token = authority.forge.sign({**authority.forge.claims(NAME), "jti": jti})
    assert sign(authority, authority.forge.sign_body(NAME, ott=token)).status == 201
    check_refused(authority, authority.forge.sign_body(NAME, ott=token), 401)


def test_a_token_is_the_same_token_however_its_signature_is_written(authority: MotoAuthority) -> None:
    """Without an id it is known by what was signed: an ECDSA signature has a second form, base64url has more."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
    token = authority.forge.token(NAME, jti=None)
    assert sign(authority, authority.forge.sign_body(NAME, ott=token)).status == 201
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    other = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    loose = signature[:-1] + alphabet[alphabet.index(signature[-1]) + 1]
    for again in (base64.urlsafe_b64encode(other).rstrip(b"=").decode(), loose, f"{signature}=", f" {signature} "):
        check_refused(authority, authority.forge.sign_body(NAME, ott=f"{signed}.{again}"), 401)


ODD_HEADERS: tuple[dict[str, Any], ...] = (
    *({"alg": value} for value in ("none", "HS256", "ES384", "RS256", "es256", None, 1, ["ES256"])),
    *({"kid": value} for value in (None, 1, "x", "../../dev/null", "x" * 10_000)),
    {"crit": ["exp"]},
    {"b64": False},
    {"b64": False, "crit": ["b64"]},
)


@pytest.mark.parametrize("header", ODD_HEADERS, ids=lambda header: json.dumps(header)[:40])
def test_a_token_with_an_odd_header_is_refused(header: dict[str, Any], authority: MotoAuthority) -> None:
    token = authority.forge.sign(authority.forge.claims(NAME), **header)
    check_refused(authority, authority.forge.sign_body(NAME, ott=token), 401)


def test_a_key_that_a_token_brings_along_is_not_believed(authority: MotoAuthority) -> None:
    thief = ec.generate_private_key(ec.SECP256R1())
    numbers = thief.public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": base64.urlsafe_b64encode(numbers.x.to_bytes(32, "big")).rstrip(b"=").decode(),
        "y": base64.urlsafe_b64encode(numbers.y.to_bytes(32, "big")).rstrip(b"=").decode(),
    }
    now = datetime.now(UTC)  # noqa: TID251 - judged by a running function
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "admin")])
    own = (
        x509.CertificateBuilder(subject, subject, thief.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .sign(thief, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    for extra in ({"jwk": jwk}, {"jku": "https://evil.test"}, {"x5c": [base64.b64encode(own).decode()]}):
        header = {"alg": "ES256", "kid": authority.forge.kid, **extra}
        token = compact_jws(thief, header, authority.forge.claims(NAME))
        check_refused(authority, authority.forge.sign_body(NAME, ott=token), 401)
