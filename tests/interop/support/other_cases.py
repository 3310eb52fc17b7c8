"""Raw calls beside POST /sign: what everybody may read, renew, rekey and revoke."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tests.interop.support.raw_calls import Build, Call, at, get, posting, resolved, url
from tests.interop.support.requests_for import dns, make_request, pem, with_broken_signature
from tests.interop.support.sign_name_cases import SHORT_RSA
from tests.interop.support.stage import Target
from tests.interop.support.step_client import read_chain
from tests.interop.support.tokens import load_ec_key, now_seconds, sign_es256, x5c_header

A_REQUEST = make_request("a.test", dns("a.test"))


def _root(target: Target) -> str:
    return f"/root/{target.authority.fingerprint}"


def _root_dashed(target: Target) -> str:
    text = target.authority.fingerprint.upper()
    return f"/1.0/root/{text[:8]}-{text[8:]}"


def _encrypted_key(target: Target) -> str:
    return f"/provisioners/{target.key.kid}/encrypted-key"


READ_CASES: dict[str, Build] = {
    **{
        f"read{path}{'' if method == 'GET' else f' {method}'}": get(path, method)
        for path in (
            *("/health", "/version", "/roots", "/roots.pem", "/intermediates"),
            *("/intermediates.pem", "/federation", "/provisioners?limit=5"),
        )
        for method in ("GET", "HEAD")
    },
    **{
        f"read{path}": get(path)
        for path in (
            *("/1.0/health", "/1.0/roots", "/1.0/roots.pem", "/1.0/federation"),
            *("/1.0/intermediates", "/1.0/intermediates.pem", "/1.0/provisioners"),
            *("/provisioners", "/provisioners?limit=x", "/provisioners?limit=0"),
            *("/provisioners?limit=-1", "/provisioners?limit=101", "/provisioners?limit=1.5"),
            *("/provisioners?limit=", "/provisioners?cursor=", "/provisioners?cursor=zzz"),
            *("/provisioners?limit=1_0", "/provisioners?limit=%2B5", "/provisioners?limit=+5"),
            *("/provisioners?limit=%D9%A3", "/provisioners?limit=99999999999999999999"),
            *("/provisioners?cursor=ffffffff", "/provisioners?cursor=0&limit=1"),
            *("/provisioners/unknown/encrypted-key", "/1.0/provisioners/unknown/encrypted-key"),
            *("/root/unknown", f"/root/{'0' * 64}", "/root/", "/root"),
            *("/health/", "/unknown", "/", "/1.0", "/1.0/unknown", "/2.0/health", "//health"),
            *("/crl", "/HEALTH", "/health?x=y", "/health%20", "/%68ealth"),
        )
    },
    "read/root/{fingerprint}": get(_root),
    "read/root/{FINGER-PRINT}": get(_root_dashed),
    "read/provisioners/{kid}/encrypted-key": get(_encrypted_key),
    "read/sign by GET": get("/sign"),
    "read/health by POST": posting("/health", b"{}"),
    "read/health by DELETE": get("/health", "DELETE"),
    "read/health by OPTIONS": get("/health", "OPTIONS"),
    "read/revoke by PUT": get("/revoke", "PUT"),
}


def renewing(
    path: str = "/renew",
    *,
    claims: Mapping[str, Any] | None = None,
    scheme: str = "Bearer ",
    chain: int = 2,
    stranger: bool = False,
    times: int = 1,
) -> Build:
    """Describe a renewal by token; `chain` is how many certificates the token carries."""

    def build(target: Target) -> list[Call]:
        certs, key = read_chain(target.endpoint[0]), load_ec_key(target.endpoint[1])
        at_once = now_seconds()
        wanted = {
            "iss": "step-ca-client/1.0",
            "sub": "localhost",
            "aud": f"{target.authority.url}/renew",
            "iat": at_once,
            "nbf": at_once,
            "exp": at_once + 300,
            # Nothing else tells two tokens of one second apart.
            "nonsense": secrets.token_hex(8),
            **resolved(claims or {}, target),
        }
        header = {"alg": "ES256", "typ": "JWT", "x5cInsecure": x5c_header(certs[:chain])}
        signer = ec.generate_private_key(ec.SECP256R1()) if stranger else key
        kept = {name: value for name, value in wanted.items() if value is not None}
        token = sign_es256(signer, header, kept)
        return [Call(path, b"", headers={"Authorization": scheme + token})] * times

    return build


def _by_certificate(path: str, body: bytes = b"") -> Build:
    return lambda target: [Call(path, body, credential=target.endpoint)]


def _with_header(value: str) -> Build:
    return lambda _target: [Call("/renew", b"", headers={"Authorization": value})]


RENEW_CASES: dict[str, Build] = {
    "renew/ok/certificate": _by_certificate("/renew"),
    "renew/ok/certificate-versioned": _by_certificate("/1.0/renew"),
    "renew/ok/old-name": _by_certificate("/re-sign"),
    "renew/ok/any-body": _by_certificate("/renew", b"not json"),
    "renew/ok/token": renewing(),
    "renew/ok/token-versioned": renewing("/1.0/renew", claims={"aud": url("/1.0/renew")}),
    "renew/ok/iss-of-provisioner": renewing(claims={"iss": "admin"}),
    "renew/ok/leaf-alone": renewing(chain=1),
    "renew/token-twice": renewing(times=2),
    "renew/fail/nothing": posting("/renew", b""),
    "renew/fail/garbage": _with_header("Bearer garbage"),
    "renew/fail/empty-bearer": _with_header("Bearer "),
    "renew/fail/basic": _with_header("Basic YTpi"),
    "renew/fail/scheme-in-lower-case": renewing(scheme="bearer "),
    "renew/fail/one-time-token": lambda t: [
        Call("/renew", b"", headers={"Authorization": f"Bearer {t.key.token('localhost')}"})
    ],
    "renew/fail/another-key": renewing(stranger=True),
    "renew/fail/aud-sign": renewing(claims={"aud": url("/sign")}),
    "renew/fail/aud-another-host": renewing(claims={"aud": "https://other.test/renew"}),
    "renew/fail/iss": renewing(claims={"iss": "nobody"}),
    "renew/fail/sub": renewing(claims={"sub": "other.test"}),
    "renew/fail/expired": renewing(claims={"exp": at(-90)}),
    "renew/fail/not-yet-valid": renewing(claims={"nbf": at(120)}),
    "renew/fail/issued-in-future": renewing(claims={"iat": at(120)}),
}


def _rekey(request: x509.CertificateSigningRequest | str) -> Build:
    text = request if isinstance(request, str) else pem(request)
    return _by_certificate("/rekey", json.dumps({"csr": text}).encode())


REKEY_CASES: dict[str, Build] = {
    "rekey/ok/plain": _rekey(make_request(None)),
    "rekey/ok/names-are-ignored": _rekey(make_request("other.test", dns("more.test"))),
    "rekey/ok/versioned": _by_certificate("/1.0/rekey", json.dumps({"csr": pem(A_REQUEST)}).encode()),
    "rekey/ok/p-384": _rekey(make_request(None, key=ec.generate_private_key(ec.SECP384R1()))),
    "rekey/rsa-1024": _rekey(make_request(None, key=SHORT_RSA)),
    "rekey/fail/nothing": posting("/rekey", b""),
    "rekey/fail/no-certificate": posting("/rekey", json.dumps({"csr": pem(A_REQUEST)})),
    "rekey/fail/not-json": _by_certificate("/rekey", b"not json"),
    "rekey/fail/empty-object": _by_certificate("/rekey", b"{}"),
    "rekey/fail/signature": _rekey(with_broken_signature(A_REQUEST)),
    "rekey/fail/not-pem": _rekey("not pem"),
}


def revoking(*, subject: str | None = None, times: int = 1, **members: Any) -> Build:
    """Describe a revocation by token of a serial never seen; a member of None is left out."""

    def build(target: Target) -> list[Call]:
        serial = str(secrets.randbits(126) + 2**126)
        token = target.key.token(subject or serial, "revoke")
        document = {
            "serial": serial,
            "ott": token,
            "reasonCode": 0,
            "reason": "",
            "passive": True,
            **members,
        }
        kept = {name: value for name, value in document.items() if value is not None}
        return [Call("/revoke", json.dumps(kept).encode())] * times

    return build


def _twice(target: Target) -> list[Call]:
    """Two good tokens for one serial."""
    serial = str(secrets.randbits(126) + 2**126)
    return [
        Call(
            "/1.0/revoke",
            json.dumps({"serial": serial, "ott": target.key.token(serial, "revoke"), "passive": True}).encode(),
        )
        for _ in range(2)
    ]


REVOKE_CASES: dict[str, Build] = {
    "revoke/ok/plain": revoking(),
    "revoke/ok/last-reason": revoking(reasonCode=10, reason="lost"),
    "revoke/ok/unused-reason": revoking(reasonCode=7),
    "revoke/ok/hexadecimal": revoking(subject="11256099", serial="0xabc123"),
    "revoke/ok/octal": revoking(subject="342391", serial="01234567"),
    "revoke/ok/underscores": revoking(subject="12345678", serial="0x_bc_614e"),
    "revoke/twice": _twice,
    "revoke/token-twice": revoking(times=2),
    "revoke/fail/empty-object": posting("/revoke", b"{}"),
    "revoke/fail/not-json": posting("/revoke", b"not json"),
    "revoke/fail/no-serial": revoking(serial=None),
    "revoke/fail/serial-is-a-number": revoking(serial=7),
    "revoke/fail/serial-is-a-word": revoking(serial="abc"),
    "revoke/fail/serial-with-colons": revoking(serial="ab:cd"),
    "revoke/negative-serial": revoking(subject="-1", serial="-1"),
    "revoke/fail/reason-out-of-bounds": revoking(reasonCode=11),
    "revoke/fail/negative-reason": revoking(reasonCode=-1),
    "revoke/fail/reason-is-a-word": revoking(reasonCode="key compromise"),
    "revoke/fail/active": revoking(passive=False),
    "revoke/fail/passive-missing": revoking(passive=None),
    "revoke/fail/no-credential": revoking(ott=None),
    "revoke/fail/garbage-token": revoking(ott="garbage"),
    "revoke/fail/token-of-another-serial": revoking(subject="12345678901234567890"),
    "revoke/fail/subject-in-hexadecimal": revoking(subject="0xff", serial="255"),
    "revoke/fail/sign-token": lambda t: [
        Call("/revoke", json.dumps({"serial": "7", "ott": t.key.token("7"), "passive": True}).encode())
    ],
    "revoke/fail/certificate-of-another-serial": _by_certificate("/revoke", b'{"serial": "7", "passive": true}'),
}
