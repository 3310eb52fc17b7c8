"""Raw POST /sign: bodies of every shape, and how often a token may be used."""

import json

from tests.interop.support.raw_calls import Build, Call, posting, signing
from tests.interop.support.requests_for import dns, make_request, pem, with_broken_signature
from tests.interop.support.stage import Target

A_REQUEST = make_request("a.test", dns("a.test"))
CERTIFICATE_BLOCK = pem(A_REQUEST).replace("CERTIFICATE REQUEST", "CERTIFICATE")
NEW_BLOCK = pem(A_REQUEST).replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
TEXT_BEFORE = f"Certificate Request:\n    Data: ...\n{pem(A_REQUEST)}"
GARBAGE_BLOCK = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"


def _members(target: Target) -> list[Call]:
    """Member names in another case, and members nobody knows."""
    document = {
        "CSR": pem(A_REQUEST),
        "Ott": target.key.token("a.test"),
        "NOTAFTER": "1h",
        "unknown": {"a": [1]},
    }
    return [Call("/sign", json.dumps(document).encode())]


def _trailing(target: Target) -> list[Call]:
    document = {"csr": pem(A_REQUEST), "ott": target.key.token("a.test")}
    return [Call("/sign", json.dumps(document).encode() + b"\n]]] more")]


def _duplicate(target: Target) -> list[Call]:
    document = json.dumps({"csr": pem(A_REQUEST), "ott": target.key.token("a.test")})
    return [Call("/sign", ('{"ott": "first",' + document[1:]).encode())]


def _after_refusal(target: Target) -> list[Call]:
    """The same good token, first with a request that must be refused."""
    token = target.key.token("a.test")
    wrong = make_request("a.test", dns("a.test", "b.test"))
    return [Call("/sign", json.dumps({"csr": pem(csr), "ott": token}).encode()) for csr in (wrong, A_REQUEST)]


def _another_request(target: Target) -> list[Call]:
    """The same good token with two requests that are both good."""
    token = target.key.token("a.test")
    other = make_request("a.test", dns("a.test"))
    return [Call("/sign", json.dumps({"csr": pem(csr), "ott": token}).encode()) for csr in (A_REQUEST, other)]


SIGN_BODY_CASES: dict[str, Build] = {
    "sign/ok/plain": signing(),
    "sign/ok/member-names-in-any-case": _members,
    "sign/ok/bytes-after-the-document": _trailing,
    "sign/ok/last-duplicate-wins": _duplicate,
    "sign/ok/template-data-without-template": signing(body={"templateData": {"ou": "Eng"}}),
    "sign/ok/null-dates": signing(body={"notBefore": None, "notAfter": ""}),
    "sign/fail/empty-body": posting("/sign", b""),
    "sign/fail/array": posting("/sign", b"[]"),
    "sign/fail/null": posting("/sign", b"null"),
    "sign/fail/string": posting("/sign", b'"csr"'),
    "sign/fail/invalid-utf-8": posting("/sign", b'{"csr": "\xff\xfe"}'),
    "sign/fail/csr-is-a-number": posting("/sign", b'{"csr": 7}'),
    "sign/fail/csr-is-empty": posting("/sign", b'{"csr": "", "ott": "x"}'),
    "sign/fail/csr-is-null": posting("/sign", b'{"csr": null, "ott": "x"}'),
    "sign/fail/csr-is-not-pem": posting("/sign", b'{"csr": "not pem", "ott": "x"}'),
    "sign/fail/csr-is-garbage-in-pem": signing(request=GARBAGE_BLOCK),
    "sign/ok/csr-under-another-label": signing(request=CERTIFICATE_BLOCK),
    "sign/ok/csr-under-its-old-label": signing(request=NEW_BLOCK),
    "sign/ok/csr-after-text": signing(request=TEXT_BEFORE),
    "sign/ok/csr-with-carriage-returns": signing(request=pem(A_REQUEST).replace("\n", "\r\n")),
    "sign/fail/csr-signature": signing(request=with_broken_signature(A_REQUEST)),
    "sign/fail/no-token": signing(body={"ott": None}),
    "sign/fail/empty-token": signing(body={"ott": ""}),
    "sign/fail/token-is-a-number": signing(body={"ott": 1}),
    "sign/fail/date-is-a-number": signing(body={"notAfter": 3600}),
    "sign/fail/date-is-a-word": signing(body={"notAfter": "tomorrow"}),
    "sign/fail/date-in-days": signing(body={"notAfter": "1d"}),
    "sign/token/same-request-again": signing(times=2),
    "sign/token/another-request": _another_request,
    "sign/token/after-refusal": _after_refusal,
}
