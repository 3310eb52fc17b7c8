"""Root, intermediate, endpoint and leaf of both servers, field by field and by their encoding."""

import ssl

import pytest
from cryptography import x509

from tests.interop.support.authority import Kind
from tests.interop.support.certificate_facts import encoding, facts
from tests.interop.support.differences import compare
from tests.interop.support.http_client import Caller
from tests.interop.support.stage import Stage
from tests.interop.support.step_client import read_chain


def _endpoint(port: int) -> x509.Certificate:
    """Return the certificate that the server shows, unverified: its bytes are what counts here."""
    return x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", port)).encode())


def _described(stage: Stage, kind: Kind, name: str) -> dict[str, object]:
    target = stage.target(kind)
    root = target.authority.root_certificate
    pem = Caller(target.authority).get("/intermediates").json()["crts"][0]
    intermediate = x509.load_pem_x509_certificate(pem.encode())
    cert, issuer = {
        "root": lambda: (root, root),
        "intermediate": lambda: (intermediate, root),
        "endpoint": lambda: (_endpoint(target.authority.port), intermediate),
        "leaf": lambda: (read_chain(target.endpoint[0])[0], intermediate),
    }[name]()
    return {**facts(cert, issuer), "encoding": encoding(cert)}


@pytest.mark.parametrize("name", ["root", "intermediate", "endpoint", "leaf"])
def test_certificate_is_the_reference_servers_when_described(stage: Stage, name: str) -> None:
    reference = _described(stage, "step-ca", name)
    compare(f"profile/{name}", reference, _described(stage, "stepless", name))
