"""The vocabulary of the raw cases: calls described once, made for each server."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cryptography import x509

from tests.interop.support.http_client import Caller
from tests.interop.support.observation import of_answer
from tests.interop.support.requests_for import dns, make_request, pem
from tests.interop.support.stage import Target
from tests.interop.support.tokens import now_seconds

Resolve = Callable[[Target], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `credential` is a chain and key to show as client certificate."""

    path: str
    body: bytes | None = None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    credential: tuple[Path, Path] | None = None


Build = Callable[[Target], list[Call]]


def observe(build: Build, target: Target) -> list[dict[str, object]]:
    """Make the calls in their order and return what was seen of each.

    An answer with the very bytes of an earlier 201 is marked: it is the same certificate again.
    """
    seen: list[dict[str, object]] = []
    created: set[bytes] = set()
    for call in build(target):
        caller = Caller(target.authority, *(call.credential or (None, None)))
        answer = caller.call(call.method, call.path, call.body, call.headers)
        if answer.body in created:
            seen.append({"status": answer.status, "body": "the same certificate again"})
            continue
        if answer.status == HTTPStatus.CREATED and call.method == "POST":
            created.add(answer.body)
        seen.append(of_answer(answer, target))
    return seen


def at(seconds: int) -> Resolve:
    """Return a NumericDate so far from now."""
    return lambda _target: now_seconds() + seconds


def instant(seconds: int, ending: str = "Z") -> Resolve:
    """Return an RFC 3339 time so far from now, in UTC, with any fraction and zone written after it."""

    def resolve(_target: Target) -> str:
        moment = datetime.fromtimestamp(now_seconds() + seconds, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + ending

    return resolve


def url(path: str) -> Resolve:
    """Return a URL of the authority."""
    return lambda target: target.authority.url + path


def resolved(values: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Replace each callable by what it gives for this target."""
    return {name: v(target) if callable(v) else v for name, v in values.items()}


def get(path: str | Resolve, method: str = "GET") -> Build:
    """Describe a call without a body."""
    return lambda t: [Call(path(t) if callable(path) else path, None, method)]


def posting(path: str, body: bytes | str, *, times: int = 1) -> Build:
    """Describe a POST of exactly these bytes."""
    data = body if isinstance(body, bytes) else body.encode()
    return lambda _target: [Call(path, data)] * times


def signing(
    subject: str = "a.test",
    *,
    request: x509.CertificateSigningRequest | str | None = None,
    claims: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    times: int = 1,
) -> Build:
    """Describe a POST /sign that would succeed but for what is given.

    A callable among the values is called with the target; a claim or member of None is left out.
    """
    csr = make_request(subject, dns(subject)) if request is None else request

    def build(target: Target) -> list[Call]:
        wanted = target.key.claims(subject, "sign", **resolved(claims or {}, target))
        token = target.key.sign(wanted, **resolved(header or {}, target))
        document = {
            "csr": csr if isinstance(csr, str) else pem(csr),
            "ott": token,
            **resolved(body or {}, target),
        }
        kept = {name: value for name, value in document.items() if value is not None}
        return [Call("/sign", json.dumps(kept).encode())] * times

    return build
