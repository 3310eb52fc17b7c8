"""Raw POST /sign: tokens, good and forged."""

import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.interop.support.provisioners import b64url
from tests.interop.support.raw_calls import Build, Call, at, signing, url
from tests.interop.support.requests_for import dns, make_request, pem
from tests.interop.support.stage import Target
from tests.interop.support.tokens import sign_es256

A_REQUEST = make_request("a.test", dns("a.test"))


def _with_token(make: Callable[[Target], Any]) -> Build:
    """Describe a POST /sign whose token is made by hand."""
    return lambda t: [Call("/sign", json.dumps({"csr": pem(A_REQUEST), "ott": make(t)}).encode())]


def _changed_claims(target: Target) -> str:
    head, _, signature = target.key.token("a.test").split(".")
    claims = target.key.claims("a.test", "sign", sans=["a.test", "b.test"])
    return ".".join([head, b64url(json.dumps(claims).encode()), signature])


def _unsigned(target: Target) -> str:
    head = {"alg": "none", "kid": target.key.kid, "typ": "JWT"}
    parts = (head, target.key.claims("a.test", "sign"))
    return ".".join([*(b64url(json.dumps(part).encode()) for part in parts), ""])


def _by_public_key(target: Target) -> str:
    """HMAC keyed with what everybody knows: the public key."""
    head = {"alg": "HS256", "kid": target.key.kid, "typ": "JWT"}
    parts = (head, target.key.claims("a.test", "sign"))
    text = ".".join(b64url(json.dumps(part).encode()) for part in parts)
    public = target.key.private.public_key()
    known = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mac = hmac.HMAC(known, hashes.SHA256())
    mac.update(text.encode())
    return f"{text}.{b64url(mac.finalize())}"


def _by_stranger(target: Target) -> str:
    stranger = ec.generate_private_key(ec.SECP256R1())
    head = {"alg": "ES256", "kid": target.key.kid, "typ": "JWT"}
    return sign_es256(stranger, head, target.key.claims("a.test", "sign"))


def _as_json(target: Target) -> str:
    """The JSON serialisation of RFC 7515 §7.2.2."""
    protected, payload, signature = target.key.token("a.test").split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def _spaced(target: Target) -> str:
    return f"\n {target.key.token('a.test')}\n"


def _no_claims(target: Target) -> str:
    return target.key.sign({})


SIGN_TOKEN_CASES: dict[str, Build] = {
    "token/fail/garbage": _with_token(lambda _target: "a.b.c"),
    "token/fail/changed-claims": _with_token(_changed_claims),
    "token/fail/unsigned": _with_token(_unsigned),
    "token/fail/hmac-with-public-key": _with_token(_by_public_key),
    "token/fail/another-key": _with_token(_by_stranger),
    "token/fail/no-claims": _with_token(_no_claims),
    "token/json-serialisation": _with_token(_as_json),
    "token/ok/white-space-around": _with_token(_spaced),
    "token/fail/expired": signing(claims={"iat": at(-600), "nbf": at(-600), "exp": at(-90)}),
    "token/ok/expired-within-leeway": signing(claims={"exp": at(-30)}),
    "token/fail/not-yet-valid": signing(claims={"nbf": at(120)}),
    "token/ok/early-within-leeway": signing(claims={"nbf": at(30), "iat": at(30)}),
    "token/fail/issued-in-future": signing(claims={"iat": at(120)}),
    "token/ok/fraction-of-a-second": signing(claims={"exp": lambda t: at(200)(t) + 0.5}),
    "token/no-expiry": signing(claims={"exp": None}),
    "token/ok/no-issue-time": signing(claims={"iat": None}),
    "token/ok/no-start": signing(claims={"nbf": None}),
    "token/lives-a-day": signing(claims={"exp": at(86400)}),
    "token/fail/exp-is-a-string": signing(claims={"exp": "tomorrow"}),
    "token/ok/aud-array": signing(claims={"aud": lambda t: ["x", url("/sign")(t)]}),
    "token/ok/aud-without-version": signing(claims={"aud": url("/sign")}),
    "token/ok/aud-without-port": signing(claims={"aud": "https://localhost/1.0/sign"}),
    "token/ok/aud-fixed-name": signing(claims={"aud": "step-certificate-authority"}),
    "token/ok/aud-ssh-sign": signing(claims={"aud": url("/ssh/sign")}),
    "token/fail/aud-http": signing(claims={"aud": "http://localhost/1.0/sign"}),
    "token/fail/aud-revoke": signing(claims={"aud": url("/1.0/revoke")}),
    "token/fail/aud-another-host": signing(claims={"aud": "https://other.test/1.0/sign"}),
    "token/fail/aud-upper-case-host": signing(claims={"aud": "https://LOCALHOST/1.0/sign"}),
    "token/fail/aud-with-query": signing(claims={"aud": url("/1.0/sign?a=b")}),
    "token/fail/aud-missing": signing(claims={"aud": None}),
    "token/fail/aud-empty": signing(claims={"aud": ""}),
    "token/fail/aud-of-x5c": signing(claims={"aud": url("/1.0/sign#x5c/x5c")}),
    "token/fail/aud-unknown-fragment": signing(claims={"aud": url("/1.0/sign#nobody")}),
    "token/fail/iss-unknown": signing(claims={"iss": "nobody"}),
    "token/fail/iss-missing": signing(claims={"iss": None}),
    "token/ok/iss-of-provisioner-with-same-key": signing(claims={"iss": "long"}),
    "token/fail/kid-unknown": signing(header={"kid": "unknown"}),
    "token/fail/kid-missing": signing(header={"kid": ""}),
    "token/fail/sub-missing": signing(claims={"sub": None}),
    "token/fail/sub-empty": signing(claims={"sub": ""}),
    "token/fail/sub-is-a-number": signing(claims={"sub": 7}),
    "token/ok/no-sans": signing(claims={"sans": None}),
    "token/ok/empty-sans": signing(claims={"sans": []}),
    "token/fail/sans-is-a-string": signing(claims={"sans": "a.test"}),
    "token/ok/user-and-unknown-claims": signing(claims={"user": {}, "more": [1]}),
    "token/no-jti-twice": signing(claims={"jti": None}, times=2),
    "token/ok/another-typ": signing(header={"typ": "JWS"}),
    "token/fail/crit-header": signing(header={"crit": ["exp"], "exp": 1}),
}
