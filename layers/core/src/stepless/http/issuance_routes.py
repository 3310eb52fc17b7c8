"""POST /sign, /renew, /re-sign, /rekey: what ends with a certificate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from stepless.domain.authority import certificate_pem
from stepless.domain.validity import RequestedValidity
from stepless.http.client_certificate import client_certificate
from stepless.http.json_response import json_response
from stepless.http.step_app import limited_body
from stepless.http.step_schemas import RekeyBody, SignBody, read_body, read_time
from stepless.services.issue import Issued, request_sha256
from stepless.services.renew import RenewalProof, RenewCertificate
from stepless.services.sign import SignCertificate, SignRequest

# What step-ca tells Go clients to use in later connections; the versions must be JSON numbers.
_TLS_OPTIONS: Final = {
    "cipherSuites": [
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ],
    "minVersion": 1.2,
    "maxVersion": 1.3,
    "renegotiation": False,
}
_BEARER: Final = "Bearer "
Note = Callable[..., None]


def sign_routes(sign: Callable[[], SignCertificate], note: Note) -> APIRouter:
    """POST /sign. ``note`` adds to the request's log event."""
    router = APIRouter()

    @router.post("/sign")
    async def post_sign(request: Request) -> Response:
        raw = await limited_body(request)
        body = read_body(SignBody, raw)
        wish = RequestedValidity(read_time(body.notbefore), read_time(body.notafter))
        wanted = SignRequest(
            body.csr, body.ott, wish, request_sha256(raw), body.templatedata, request_id=request.state.request_id
        )
        issued = sign()(wanted)
        return _certificate_response(issued, note)

    return router


def renew_routes(renew: Callable[[], RenewCertificate], note: Note) -> APIRouter:
    """POST /renew, its old name /re-sign, and /rekey."""
    router = APIRouter()

    @router.post("/renew")
    @router.post("/re-sign")
    async def post_renew(request: Request) -> Response:
        _, bearer, token = request.headers.get("authorization", "").partition(_BEARER)
        proof = RenewalProof(client_certificate(request), token if bearer else "")
        return _certificate_response(renew().renew(proof), note)

    @router.post("/rekey")
    async def post_rekey(request: Request) -> Response:
        certificate = client_certificate(request)
        # The certificate is looked at before the body, as step-ca does.
        csr = read_body(RekeyBody, await limited_body(request)).csr if certificate is not None else ""
        return _certificate_response(renew().rekey(certificate, csr), note)

    return router


def _certificate_response(issued: Issued, note: Note) -> Response:
    """201 with the leaf and its chain, without the root."""
    record, chain = issued.record, issued.authority.chain_pem
    leaf = certificate_pem(record.certificate)
    note(
        serial=f"{record.serial:x}",
        provisioner=record.provisioner.name if record.provisioner else "",
        not_after=record.certificate.not_valid_after_utc.isoformat(),
        identifiers=list(record.names),
        key_id=record.issuer_key_id,
    )
    body: dict[str, Any] = {
        "crt": leaf,
        "ca": chain[0],
        "certChain": [leaf, *chain],
        "tlsOptions": _TLS_OPTIONS,
    }
    return json_response(body, 201)
