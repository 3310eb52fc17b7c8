"""The client certificate that API Gateway saw in the TLS handshake.

Only the event tells: there is no header for it, so a client cannot forge one.
"""

from __future__ import annotations

from cryptography import x509
from starlette.requests import Request

from stepless.services.renew import load_client_certificate


def client_certificate(request: Request) -> x509.Certificate | None:
    """The certificate of the TLS client, ``None`` when it showed none.

    That the handshake succeeded proves the key; who issued the certificate is for the service to check.

    Raises:
        Unauthenticated: it does not parse.
    """
    event = request.scope.get("aws.event") or {}
    identity = (event.get("requestContext") or {}).get("identity") or {}
    pem = (identity.get("clientCert") or {}).get("clientCertPem")
    return load_client_certificate(pem) if pem else None
