"""HTTP as no client means it: the documented refusal for each, no 5xx, and the gateway goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.support.cloud import Cloud
from tests.support.bad_bodies import BadBody, large, odd_texts, unreadable, wrong_types
from tests.support.forge import P256, Forge, make_csr, pem
from tests.support.gateway import Gateway
from tests.support.https import Answer, Caller
from tests.support.refusal import check_refusal

TEXTS = {"/sign": ("csr", "ott", "notBefore", "notAfter"), "/rekey": ("csr",), "/revoke": ("serial", "ott")}
CLIENT_ERRORS = range(400, 500)


@pytest.fixture(scope="module")
def owner(gateway: Gateway, forge: Forge, tmp_path_factory: pytest.TempPathFactory) -> Caller:
    """Shows a client certificate."""
    key = ec.generate_private_key(P256)
    answer = gateway.caller.post("/sign", forge.sign_body("owner.test", csr=pem(make_csr("owner.test", key=key))))
    folder = tmp_path_factory.mktemp("owner")
    return gateway.caller.with_certificate(folder, Path(gateway.facts["root"]), [answer.certificate], key)


@pytest.fixture(autouse=True)
def alive(gateway: Gateway) -> Iterator[None]:
    """Whatever was sent, the next client is served."""
    yield
    assert gateway.caller.get("/health").json() == {"status": "ok"}


def good_body(path: str, forge: Forge) -> dict[str, Any]:
    if path == "/sign":
        return forge.sign_body("bad.test")
    return {"csr": pem(make_csr("x.test"))} if path == "/rekey" else forge.revoke_body(4711)


@pytest.mark.parametrize("path", TEXTS)
def test_a_bad_body_is_refused(path: str, owner: Caller, forge: Forge, cloud: Cloud) -> None:
    good = good_body(path, forge)
    before = cloud.recorded(), cloud.spent()
    cases: list[BadBody] = [*unreadable(good), *wrong_types(good, TEXTS[path]), *odd_texts(good, TEXTS[path])]
    for case in cases:
        check_refusal(owner.post(path, case.data), case.statuses, case.name)
    assert (cloud.recorded(), cloud.spent()) == before


@pytest.mark.parametrize("megabytes", [4, 10, 11])
@pytest.mark.parametrize("path", ["/sign", "/renew", "/rekey", "/revoke", "/1.0/sign"])
def test_a_large_body_is_too_large(path: str, megabytes: int, owner: Caller) -> None:
    answer = owner.post(path, large(megabytes).data)
    if path == "/renew" and megabytes == 4:
        assert answer.status == 201  # reads no body
        return
    check_refusal(answer, (413,))


@pytest.mark.parametrize("path", ["/health", "/roots", "/provisioners"])
def test_a_body_where_none_is_read_changes_nothing(path: str, gateway: Gateway) -> None:
    assert gateway.caller.call("GET", path, b"[" * 100_000).status in (200, 201)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "\xff", "a" * 5_000])
def test_the_content_type_does_not_matter(content_type: str, gateway: Gateway, forge: Forge) -> None:
    """As for step-ca: what the body is decides."""
    headers = {"Content-Type": content_type}
    body = json.dumps(forge.sign_body("type.test")).encode()
    assert gateway.caller.call("POST", "/sign", body, headers).status == 201
    check_refusal(gateway.caller.call("POST", "/sign", b"\xff\xfe", headers), (400,))


NO_SUCH_PATHS = (
    "//sign", "/sign/", "/./sign", "/%2e/sign", "/%2e%2e/sign", "/x/../sign", "/1.0//sign", "//1.0/sign",
    "/1.0/../sign", "/1.0/%2e%2e/sign", "/1.0/./sign", "/SIGN", "/Sign", "/%73ign", "/sig%6e", "/sign%20",
    "/sign%00", "/sign%2f",
    "/sign;x", "/sign;/", "/sign%3f", "/sign%23", "/sign.json", "/sign,", "/2.0/sign", "/1.0/1.0/sign", "/1%2e0/sign",
    "\\sign", "/", "/*", "/sign\\", "/..%2fsign", "/%252e/sign", "/live/sign", "/sign/sign", "/_ministack/health",
    "/2015-03-31/functions", "/.env", "/docs", "/openapi.json", "/%ff%fe", "/%", "/%zz", "/" + "a" * 5_000,
    "/" + "a/" * 2_000,
)  # fmt: skip


@pytest.mark.parametrize("path", NO_SUCH_PATHS, ids=lambda path: path[:30])
def test_a_path_that_only_looks_like_a_route_is_none(path: str, gateway: Gateway, forge: Forge) -> None:
    body = json.dumps(forge.sign_body("path.test")).encode()
    request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    check_refusal(gateway.caller.raw(request), (400, 404), path)


@pytest.mark.parametrize(
    "method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "post", "Post", "X" * 100, "M-SEARCH"]
)
@pytest.mark.parametrize("path", ["/sign", "/renew", "/1.0/rekey", "/revoke"])
def test_a_method_that_a_route_does_not_have_is_refused(method: str, path: str, gateway: Gateway) -> None:
    answer = gateway.caller.raw(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert answer is not None
    assert answer.status in (400, 404, 405)
    if method != "HEAD":
        check_refusal(answer, (400, 404, 405))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "get"])
@pytest.mark.parametrize("path", ["/health", "/provisioners", "/root/x", "/1.0/roots.pem"])
def test_what_is_only_read_cannot_be_written(method: str, path: str, gateway: Gateway) -> None:
    check_refusal(gateway.caller.raw(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()), (404, 405))


def request(line: str = "POST /sign HTTP/1.1", *headers: str, body: bytes = b"") -> bytes:
    """A request of exactly these lines."""
    return "\r\n".join([line, *headers, "", ""]).encode("latin-1") + body


H = "Host: localhost"
# Answered, and with a 4xx; the connection is closed where its bytes may mean two things.
ODD_REQUESTS: dict[str, bytes] = {
    "CONNECT": request("CONNECT localhost:443 HTTP/1.1", H),
    "CONNECT a route": request("CONNECT /sign HTTP/1.1", H),
    "an absolute target": request("POST https://localhost/sign HTTP/1.1", H, "Content-Length: 2", body=b"{}"),
    "an absolute target elsewhere": request("POST https://evil.test/sign HTTP/1.1", H, "Content-Length: 2", body=b"{}"),
    "a target of another scheme": request("POST file:///sign HTTP/1.1", H),
    "an asterisk": request("OPTIONS * HTTP/1.1", H),
    "no target": request("POST HTTP/1.1", H),
    "two targets": request("POST /sign /health HTTP/1.1", H),
    "a fragment": request("POST /sign#health HTTP/1.1", H),
    "no version": request("POST /sign", H),
    "HTTP/0.9": b"GET /health\r\n\r\n",
    "HTTP/1.0": request("POST /sign HTTP/1.0", "Content-Length: 2", body=b"{}"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": request("POST /sign HTTP/9.9", H),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "NUL": b"\0" * 100 + b"\r\n\r\n",
    "no host": request(),
    "two hosts": request("POST /sign HTTP/1.1", H, "Host: evil.test"),
    "both lengths": request(
        "POST /sign HTTP/1.1", H, "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "two lengths": request("POST /sign HTTP/1.1", H, "Content-Length: 2", "Content-Length: 4", body=b"{}{}"),
    "a list of lengths": request("POST /sign HTTP/1.1", H, "Content-Length: 2, 4", body=b"{}{}"),
    "a negative length": request("POST /sign HTTP/1.1", H, "Content-Length: -1"),
    "a length with a sign": request("POST /sign HTTP/1.1", H, "Content-Length: +2", body=b"{}"),
    "a hexadecimal length": request("POST /sign HTTP/1.1", H, "Content-Length: 0x2", body=b"{}"),
    "a gigantic length": request("POST /sign HTTP/1.1", H, "Content-Length: " + "9" * 18),
    "an absurd length": request("POST /sign HTTP/1.1", H, "Content-Length: " + "9" * 5_000),
    "an unknown encoding": request("POST /sign HTTP/1.1", H, "Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "gzip and chunked": request("POST /sign HTTP/1.1", H, "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked twice": request("POST /sign HTTP/1.1", H, "Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "identity": request("POST /sign HTTP/1.1", H, "Transfer-Encoding: identity", body=b"0\r\n\r\n"),
    "two encodings": request(
        "POST /sign HTTP/1.1", H, "Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=b"0\r\n\r\n"
    ),
    "a chunk without size": request("POST /sign HTTP/1.1", H, "Transfer-Encoding: chunked", body=b"x\r\n\r\n"),
    "a negative chunk": request("POST /sign HTTP/1.1", H, "Transfer-Encoding: chunked", body=b"-1\r\n\r\n"),
    "a gigantic chunk": request("POST /sign HTTP/1.1", H, "Transfer-Encoding: chunked", body=b"f" * 30 + b"\r\n"),
    "chunked": request("POST /sign HTTP/1.1", H, "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"),
    "chunked with a trailer": request(
        "POST /sign HTTP/1.1", H, "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\nX-Client-Cert: x\r\n\r\n"
    ),
    "a space before the colon": request("POST /sign HTTP/1.1", H, "Content-Length : 2", body=b"{}"),
    "a folded header": request("POST /sign HTTP/1.1", H, "X: a", " b", "Content-Length: 2", body=b"{}"),
    "a header without a name": request("POST /sign HTTP/1.1", H, ": x"),
    "a header without a colon": request("POST /sign HTTP/1.1", H, "X"),
    "NUL in a header": request("POST /sign HTTP/1.1", H, "X: a\0b"),
    "a carriage return in a header": request("POST /sign HTTP/1.1", H, "X: a\rb"),
    "bare line feeds": b"POST /sign HTTP/1.1\nHost: localhost\nContent-Length: 2\n\n{}",
    "a header of 9 KB": request("POST /sign HTTP/1.1", H, "X: " + "x" * 9_000, "Content-Length: 2", body=b"{}"),
    "a header of 11 KB": request("POST /sign HTTP/1.1", H, "X: " + "x" * 11_000),
    "a header of 1 MB": request("POST /sign HTTP/1.1", H, "X: " + "x" * 1_000_000),
    "2000 headers": request("POST /sign HTTP/1.1", H, *[f"X-{number}: y" for number in range(2_000)]),
    "a target of 100 KB": request("GET /" + "x" * 100_000 + " HTTP/1.1", H),
    "a query of 9 KB": request("POST /sign?" + "x=y&" * 2_200 + " HTTP/1.1", H, "Content-Length: 2", body=b"{}"),
    "an upgrade": request(
        "POST /sign HTTP/1.1", H, "Connection: Upgrade", "Upgrade: h2c, websocket", "Content-Length: 0"
    ),
}


@pytest.mark.parametrize("kind", ODD_REQUESTS)
def test_odd_http_is_refused(kind: str, gateway: Gateway, cloud: Cloud) -> None:
    before = len(cloud.items("CertificatesTableName"))
    check_refusal(gateway.caller.raw(ODD_REQUESTS[kind]), CLIENT_ERRORS, kind)
    assert len(cloud.items("CertificatesTableName")) == before


def test_a_request_that_is_hidden_behind_another_is_not_served(gateway: Gateway, forge: Forge, cloud: Cloud) -> None:
    """Request smuggling: whichever of two lengths the front believed, the rest is not a request of its own."""
    hidden = json.dumps(forge.sign_body("smuggled.test")).encode()
    inner = request("POST /sign HTTP/1.1", H, f"Content-Length: {len(hidden)}", body=hidden)
    before = cloud.recorded()
    for outer in (
        request(
            "POST /revoke HTTP/1.1",
            H,
            f"Content-Length: {len(inner) + 5}",
            "Transfer-Encoding: chunked",
            body=b"0\r\n\r\n",
        ),
        request("POST /revoke HTTP/1.1", H, "Content-Length: 0", f"Content-Length: {len(inner)}"),
        request("POST /revoke HTTP/1.1", H, "Transfer-Encoding: xchunked", f"Content-Length: {len(inner)}"),
        request(
            "POST /revoke HTTP/1.1",
            H,
            "Transfer-Encoding : chunked",
            f"Content-Length: {len(inner)}",
            body=b"0\r\n\r\n",
        ),
    ):
        gateway.caller.raw(outer + inner)
    assert cloud.recorded() == before


HOSTS = (
    "evil.test", "localhost@evil.test", "evil.test#localhost", "", "a" * 5_000, "[::1", "[::2]", "\xff", "../..", "a b",
    "a:b:c",
)  # fmt: skip


def sign_at(host: str, gateway: Gateway, body: dict[str, Any]) -> Answer | None:
    data = json.dumps(body).encode()
    head = request("POST /sign HTTP/1.1", f"Host: {host}", f"Content-Length: {len(data)}")
    return gateway.caller.raw(head + data)


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: repr(host[:20]))
def test_the_host_header_decides_nothing(host: str, gateway: Gateway, forge: Forge) -> None:
    """A token for another authority does not become one for this by a header, and ours stays ours."""
    foreign = forge.sign_body("host.test", ott=forge.token("host.test", aud=f"https://{host}/1.0/sign"))
    check_refusal(sign_at(host, gateway, foreign), (400, 401), "a token for the host")
    ours = sign_at(host, gateway, forge.sign_body("host.test"))
    assert ours is not None
    assert ours.status in (201, 400)  # 400 where it is no host at all


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:9000", "[::1]:9000", "[::1]"])
def test_every_name_of_the_authority_is_served(host: str, gateway: Gateway, forge: Forge) -> None:
    """A port in a token's audience is not looked at, as in step-ca."""
    answer = sign_at(
        host, gateway, forge.sign_body("host.test", ott=forge.token("host.test", aud=f"https://{host}/sign"))
    )
    assert answer is not None
    assert answer.status == 201, answer.body


def test_headers_of_proxies_change_nothing(owner: Caller, gateway: Gateway) -> None:
    for name in (
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
        "Forwarded",
    ):
        for value in ("/sign", "POST", "127.0.0.1", "host=evil.test", "x" * 2_000):
            assert gateway.caller.call("GET", "/health", headers={name: value}).json() == {"status": "ok"}
    assert owner.post("/renew", b"", {"X-HTTP-Method-Override": "GET"}).status == 201


def test_no_header_grants_a_client_certificate(gateway: Gateway, forge: Forge) -> None:
    certificate = pem(gateway.caller.post("/sign", forge.sign_body("header.test")).certificate).replace("\n", "%0A")
    for name in (
        "X-Client-Cert",
        "X-Amzn-Mtls-Clientcert",
        "X-SSL-CERT",
        "SSL_CLIENT_CERT",
        "Client-Cert",
        "X-Forwarded-Client-Cert",
    ):
        for path in ("/renew", "/rekey", "/revoke"):
            check_refusal(gateway.caller.post(path, {"serial": "1", "passive": True}, {name: certificate}), (400,))


@pytest.mark.parametrize("value", ["x" * 129, "a b", "\xff", "<script>", "a,b", ""])
def test_a_request_id_that_is_none_is_not_repeated(value: str, gateway: Gateway) -> None:
    answer = gateway.caller.call("GET", "/health", headers={"X-Request-Id": value})
    assert answer.headers["x-request-id"] != value
    assert len(answer.headers["x-request-id"]) == 36
