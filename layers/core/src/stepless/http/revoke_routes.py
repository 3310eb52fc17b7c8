"""POST /revoke."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import Response

from stepless.domain.serial import serial_hex
from stepless.http.client_certificate import client_certificate
from stepless.http.json_response import json_response
from stepless.http.step_app import limited_body
from stepless.http.step_schemas import RevokeBody, read_body
from stepless.services.revoke import RevokeCertificate, RevokeRequest


def revoke_routes(revoke: Callable[[], RevokeCertificate], note: Callable[..., None]) -> APIRouter:
    """POST /revoke, by token or by the certificate itself."""
    router = APIRouter()

    @router.post("/revoke")
    async def post_revoke(request: Request) -> Response:
        body = read_body(RevokeBody, await limited_body(request))
        wish = RevokeRequest(body.serial, body.ott, body.reasoncode, body.reason, body.passive)
        serial = revoke()(wish, None if body.ott else client_certificate(request))
        note(serial=serial_hex(serial), reason_code=body.reasoncode)
        return json_response({"status": "ok"})

    return router
