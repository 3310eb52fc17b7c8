"""The handshake: versions, optional client certificates, a renewed endpoint certificate, slow clients."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509

from stepless_dev import front
from tests.dev.support.authorities import SERVER, Pair, TestAuthority
from tests.dev.support.running import Running


def served_serial(live: Running) -> int:
    connection = live.connect()
    connection.connect()
    with contextlib.closing(connection):
        assert isinstance(connection.sock, ssl.SSLSocket)
        der = connection.sock.getpeercert(binary_form=True)
        assert der is not None
        return x509.load_der_x509_certificate(der).serial_number


def test_the_endpoint_is_served_with_the_authoritys_own_certificate(live: Running) -> None:
    expected = x509.load_pem_x509_certificate(live.endpoints.current.chain_pem)
    assert served_serial(live) == expected.serial_number


def test_a_client_certificate_reaches_the_function(live: Running) -> None:
    client = live.ca.leaf("device.internal")
    event = live.call("GET", "/echo", client=client).json()["event"]
    found = event["requestContext"]["identity"]["clientCert"]
    assert found["clientCertPem"].encode() == client.certificate_pem
    assert found["subjectDN"] == "CN=device.internal"
    assert found["issuerDN"] == "CN=test intermediate"
    assert int(found["serialNumber"].replace(":", ""), 16) == client.certificate.serial_number
    not_after = client.certificate.not_valid_after_utc
    assert ssl.cert_time_to_seconds(found["validity"]["notAfter"]) == not_after.timestamp()


def test_a_certificate_of_the_root_itself_verifies(live: Running) -> None:
    assert live.call("GET", "/echo", client=live.ca.intermediate).status == 200


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda _: TestAuthority("stranger").leaf("x"), id="fail/foreign-authority"),
        pytest.param(lambda ca: ca.leaf("x", lifetime=-timedelta(days=1)), id="fail/expired"),
        pytest.param(lambda ca: ca.leaf("x", SERVER), id="fail/not-for-clients"),
    ],
)
def test_a_client_certificate_that_does_not_verify_ends_the_handshake(
    live: Running, make: Callable[[TestAuthority], Pair]
) -> None:
    # With TLS 1.3 the client learns of it when it first reads.
    with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
        live.call("GET", "/echo", client=make(live.ca))


def test_tls_1_1_is_refused(live: Running) -> None:
    context = live.tls()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(("localhost", live.local.port)) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize("name", ["localhost", None])
def test_a_renewed_certificate_is_served_to_new_connections_only(live: Running, name: str | None) -> None:
    old = live.connect()
    old.connect()
    before = served_serial(live)
    live.endpoints.current = live.ca.endpoint()
    live.run(live.local.reload_certificate())
    assert served_serial(live) != before
    context = live.tls()
    context.check_hostname = name is not None
    with (
        socket.create_connection(("localhost", live.local.port)) as plain,
        context.wrap_socket(plain, server_hostname=name) as tls,
    ):
        der = tls.getpeercert(binary_form=True)
        assert der is not None
        assert x509.load_der_x509_certificate(der).serial_number == served_serial(live)
    with contextlib.closing(old):
        old.request("GET", "/echo")
        assert old.getresponse().status == 200


def test_a_renewed_certificate_brings_its_pool_of_client_authorities(live: Running) -> None:
    successor = TestAuthority("successor")
    ours = live.endpoints.current
    with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
        live.call("GET", "/echo", client=successor.leaf("x"))
    pool = ours.client_ca_pem + successor.root.certificate_pem + successor.intermediate.certificate_pem
    fresh = live.ca.endpoint()
    live.endpoints.current = type(fresh)(
        fresh.chain_pem, fresh.key_pem, pool, fresh.root_pem, fresh.fingerprint, fresh.not_after
    )
    live.run(live.local.reload_certificate())
    try:
        assert live.call("GET", "/echo", client=successor.leaf("x")).status == 200
        assert live.call("GET", "/echo", client=live.ca.leaf("x")).status == 200
    finally:
        live.endpoints.current = live.ca.endpoint()
        live.run(live.local.reload_certificate())


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="fail/nothing"),
        pytest.param(b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX-A: ", id="fail/half-a-header"),
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf",
            id="fail/half-a-body",
        ),
    ],
)
def test_a_request_that_does_not_arrive_is_cut_off(live: Running, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(front, "READ_SECONDS", 0.5)
    with (
        socket.create_connection(("localhost", live.local.port), timeout=10) as plain,
        live.tls().wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        started = time.monotonic()
        tls.sendall(sent)
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            assert tls.recv(1) == b""
        assert 0.3 < time.monotonic() - started < 5


def drip(tls: ssl.SSLSocket) -> None:
    deadline = time.monotonic() + 5
    for byte in b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX-Header: " + b"x" * 1000:
        tls.sendall(bytes([byte]))
        time.sleep(0.05)
        assert time.monotonic() < deadline, "it is still listening"


def test_a_client_that_drips_its_request_is_cut_off(live: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "READ_SECONDS", 0.5)
    with (
        socket.create_connection(("localhost", live.local.port), timeout=10) as plain,
        live.tls().wrap_socket(plain, server_hostname="localhost") as tls,
        pytest.raises((ssl.SSLError, ConnectionError, OSError)),
    ):
        drip(tls)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"nonsense\r\n\r\n", id="fail/no-http"),
        pytest.param(b"GET /echo HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 20_000, id="fail/endless-header"),
        pytest.param(b"GET /e\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", id="fail/raw-utf-8-in-the-path"),
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            id="fail/two-lengths",
        ),
    ],
)
def test_what_is_no_request_gets_the_templates_400(live: Running, sent: bytes) -> None:
    with (
        socket.create_connection(("localhost", live.local.port), timeout=10) as plain,
        live.tls().wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        tls.sendall(sent)
        received = b""
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            while part := tls.recv(4096):
                received += part
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body == b'{"status": 400, "message": "bad request"}'


def test_two_requests_share_a_connection(live: Running) -> None:
    with contextlib.closing(live.connect()) as connection:
        for path in ("/echo", "/items/2"):
            connection.request("GET", path)
            response = connection.getresponse()
            assert (response.status, bool(response.read())) == (200, True)
