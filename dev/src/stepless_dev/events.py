"""API Gateway's REST events (payload version 1.0), and the answers that functions give to them."""

import base64
import binascii
import ssl
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from stepless_dev.aws import ACCOUNT
from stepless_dev.routes import Match

API_ID = "local"
STAGE = "live"

# Hop by hop, or consumed by the gateway.
_NOT_PASSED = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)  # fmt: skip
# What API Gateway renames because it sets the header itself.
_REMAPPED = frozenset({"connection", "content-length", "date", "server", "transfer-encoding", "www-authenticate"})
_BODILESS = (204, 304)


class MalformedResponseError(Exception):
    """A function's result is not an answer that API Gateway takes."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A verified client certificate, as the TLS layer gives it."""

    der: bytes
    fields: dict[str, Any]  # of `SSLObject.getpeercert()`

    def as_identity(self) -> dict[str, Any]:
        """`requestContext.identity.clientCert`; OpenSSL's date form is also API Gateway's."""
        return {
            "clientCertPem": ssl.DER_cert_to_PEM_cert(self.der),
            "subjectDN": _distinguished_name(self.fields["subject"]),
            "issuerDN": _distinguished_name(self.fields["issuer"]),
            "serialNumber": _colons(self.fields["serialNumber"]),
            "validity": {
                "notBefore": self.fields["notBefore"],
                "notAfter": self.fields["notAfter"],
            },
        }


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete."""

    method: str
    raw_path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    client_host: str
    port: int
    client_certificate: ClientCertificate | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def header(self, name: str) -> str:
        """The last value of a header, or ""."""
        values = [value for found, value in self.headers if found.lower() == name]
        return values[-1] if values else ""


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer; `headers` may repeat a name."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def to_event(request: Request, match: Match, trace_id: str, binary: tuple[str, ...]) -> dict[str, Any]:
    """The event that the route's function gets.

    Args:
        request: as it arrived.
        match: its route.
        trace_id: of X-Ray.
        binary: the API's binary media types; a body of one of them is base64, as on AWS. With
            `*/*` that is every body.
    """
    headers: dict[str, list[str]] = {}
    for name, value in _passed_headers(request, trace_id):
        headers.setdefault(name, []).append(value)
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    is_binary = bool(request.body) and _matches(request.header("content-type"), binary)
    return {
        "resource": match.route.path,
        "path": request.raw_path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {n: v[-1] for n, v in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.parameters or None,
        "stageVariables": None,
        "requestContext": _context(request, match),
        "body": _encode(request.body, is_binary=is_binary),
        "isBase64Encoded": is_binary,
    }


def _encode(body: bytes, *, is_binary: bool) -> str | None:
    if not body:
        return None
    return base64.b64encode(body).decode() if is_binary else body.decode(errors="replace")


def _passed_headers(request: Request, trace_id: str) -> list[tuple[str, str]]:
    """In the capitalisation of HTTP/1.1 clients: a REST API passes names on as they were sent."""
    passed = [
        ("-".join(part.capitalize() for part in name.split("-")), value)
        for name, value in request.headers
        if name.lower() not in _NOT_PASSED and not name.lower().startswith("x-forwarded-")
    ]
    passed += [
        ("X-Amzn-Trace-Id", trace_id),
        ("X-Forwarded-For", request.client_host),
        ("X-Forwarded-Port", str(request.port)),
        ("X-Forwarded-Proto", "https"),
    ]
    return passed


def _context(request: Request, match: Match) -> dict[str, Any]:
    now = datetime.now(UTC)  # noqa: TID251  # API Gateway stamps the request; it is nobody's clock
    domain = request.header("host").rsplit(":", 1)[0]
    identity: dict[str, Any] = {
        "accessKey": None, "accountId": None, "apiKey": None, "apiKeyId": None, "caller": None,
        "cognitoAuthenticationProvider": None, "cognitoAuthenticationType": None,
        "cognitoIdentityId": None, "cognitoIdentityPoolId": None, "principalOrgId": None,
        "sourceIp": request.client_host, "user": None, "userAgent": request.header("user-agent") or None,
        "userArn": None,
    }  # fmt: skip
    if request.client_certificate is not None:
        identity["clientCert"] = request.client_certificate.as_identity()
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.split(".")[0],
        "extendedRequestId": request.id,
        "httpMethod": request.method,
        "identity": identity,
        "path": request.raw_path,
        "protocol": "HTTP/1.1",
        "requestId": request.id,
        "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now.timestamp() * 1000),
        "resourceId": "local",
        "resourcePath": match.route.path,
        "stage": STAGE,
    }


def from_result(result: Any, request: Request) -> Response:
    """The HTTP answer that a function's result stands for.

    Raises:
        MalformedResponseError: API Gateway would answer 502.
    """
    if not isinstance(result, dict) or not isinstance(result.get("statusCode"), int | str):
        raise MalformedResponseError("no statusCode")
    try:
        status = int(result["statusCode"])
        body = (result.get("body") or "").encode()
        if result.get("isBase64Encoded"):
            body = base64.b64decode(body, validate=True)
        several = dict(result.get("multiValueHeaders") or {})
        single = dict(result.get("headers") or {})
    except (ValueError, TypeError, AttributeError, binascii.Error) as exc:
        raise MalformedResponseError(type(exc).__name__) from exc
    if not 200 <= status <= 599:  # noqa: PLR2004  # HTTP statuses
        raise MalformedResponseError(f"status {status}")
    repeated = {name.lower() for name in several}
    headers = [(n, v) for n, values in several.items() for v in values]
    headers += [(n, v) for n, v in single.items() if n.lower() not in repeated]
    return Response(
        status,
        [*_checked(headers), ("x-amzn-RequestId", request.id), ("x-amz-apigw-id", request.id)],
        b"" if status in _BODILESS else body,
    )


def _checked(headers: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    checked = []
    for name, value in headers:
        if name.lower() == "content-length":
            continue  # the gateway counts for itself
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not text.isprintable() or not name.isascii() or not name.isprintable():
            raise MalformedResponseError("header")
        renamed = f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name
        checked.append((renamed, text))
    return checked


def _matches(content_type: str, binary: tuple[str, ...]) -> bool:
    media = content_type.split(";", maxsplit=1)[0].strip().lower()
    return any(kind in ("*/*", media) for kind in binary)


def _distinguished_name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """RFC 4514 in the order of the certificate, as API Gateway shows it."""
    short = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU",
             "countryName": "C", "stateOrProvinceName": "ST", "localityName": "L"}  # fmt: skip
    return ",".join("+".join(f"{short.get(name, name)}={value}" for name, value in part) for part in parts)


def _colons(serial_hex: str) -> str:
    digits = serial_hex.lower()
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))
