"""What an authority tells everyone: health, version, roots, intermediates, provisioners, escrowed keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from cryptography import x509
from fastapi import APIRouter, Request
from starlette.responses import Response

import stepless
from stepless.domain.authority import Authority, certificate_pem
from stepless.errors import MalformedRequest, NotFound
from stepless.http.json_response import json_response

# Python's own reader takes other digits, spaces and underscores too, and any size.
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_INT64: Final = 2**63


def info_routes(authority: Callable[[], Authority]) -> APIRouter:
    """The public routes; all of them answer HEAD too."""
    router = APIRouter()
    _add_state_routes(router)
    _add_certificate_routes(router, authority)
    _add_provisioner_routes(router, authority)
    return router


def _add_state_routes(router: APIRouter) -> None:
    @router.api_route("/health", methods=["GET", "HEAD"])
    async def health(_: Request) -> Response:
        return json_response({"status": "ok"})

    @router.api_route("/version", methods=["GET", "HEAD"])
    async def version(_: Request) -> Response:
        return json_response({"version": stepless.__version__})


def _add_certificate_routes(router: APIRouter, authority: Callable[[], Authority]) -> None:
    @router.api_route("/root/{sha256}", methods=["GET", "HEAD"])
    async def root(sha256: str) -> Response:
        found = authority().roots_by_fingerprint.get(sha256.lower().replace("-", ""))
        if found is None:
            raise NotFound(f'root certificate with fingerprint "{sha256[:128]}" was not found')
        return json_response({"ca": certificate_pem(found)})

    @router.api_route("/roots", methods=["GET", "HEAD"])
    async def roots(_: Request) -> Response:
        return _certificates(authority().roots)

    @router.api_route("/roots.pem", methods=["GET", "HEAD"])
    async def roots_pem(_: Request) -> Response:
        return _pem(authority().roots)

    @router.api_route("/federation", methods=["GET", "HEAD"])
    async def federation(_: Request) -> Response:
        current = authority()
        return _certificates((*current.roots, *current.federated_roots))

    @router.api_route("/intermediates", methods=["GET", "HEAD"])
    async def intermediates(_: Request) -> Response:
        return _certificates(item.certificate for item in authority().intermediates)

    @router.api_route("/intermediates.pem", methods=["GET", "HEAD"])
    async def intermediates_pem(_: Request) -> Response:
        return _pem(item.certificate for item in authority().intermediates)


def _add_provisioner_routes(router: APIRouter, authority: Callable[[], Authority]) -> None:
    @router.api_route("/provisioners", methods=["GET", "HEAD"])
    async def provisioners(request: Request) -> Response:
        text = request.query_params.get("limit", "")
        limit = int(text) if _INTEGER.fullmatch(text) else None
        if text and (limit is None or not -_INT64 <= limit < _INT64):
            raise MalformedRequest(f"limit '{text[:32]}' is not an integer")
        page, next_cursor = authority().page_of_provisioners(request.query_params.get("cursor", ""), limit or 0)
        return json_response({"provisioners": page, "nextCursor": next_cursor})

    @router.api_route("/provisioners/{key_id}/encrypted-key", methods=["GET", "HEAD"])
    async def encrypted_key(key_id: str) -> Response:
        return json_response({"key": authority().encrypted_key(key_id)})


def _certificates(certificates: Iterable[x509.Certificate]) -> Response:
    """201, not 200: step-ca answers so, and its clients know no better."""
    return json_response({"crts": [certificate_pem(certificate) for certificate in certificates]}, 201)


def _pem(certificates: Iterable[x509.Certificate]) -> Response:
    text = "".join(certificate_pem(certificate) for certificate in certificates)
    return Response(text, headers={"Content-Type": "application/x-pem-file"})
