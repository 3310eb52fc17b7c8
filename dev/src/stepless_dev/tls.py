"""The gateway's TLS: the authority's own certificate, and client certificates for who has one.

As step-ca and as a custom domain with mutual TLS do it, except that a client certificate is optional: who
presents none is served; who presents one that does not verify is cut off in the handshake.
"""

import ssl
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Protocol


class EndpointCertificate(Protocol):
    """What `stepless.runtime.operator.open_endpoint` returns."""

    @property
    def chain_pem(self) -> bytes:
        """Leaf first, then intermediates."""
        raise NotImplementedError

    @property
    def key_pem(self) -> bytes:
        """The leaf's private key."""
        raise NotImplementedError

    @property
    def client_ca_pem(self) -> bytes:
        """Roots and intermediates: what client certificates are verified against."""
        raise NotImplementedError

    @property
    def root_pem(self) -> bytes:
        """The root that clients trust."""
        raise NotImplementedError

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the root, hexadecimal."""
        raise NotImplementedError

    @property
    def not_after(self) -> datetime:
        """End of the leaf."""
        raise NotImplementedError


class ReloadingContext:
    """`listening` goes to the server; every new handshake uses the certificate loaded last."""

    def __init__(self, endpoint: EndpointCertificate, folder: Path) -> None:
        """Loads the certificate; `folder` is private and on no backup (the key passes through it)."""
        self._folder = folder
        self.endpoint = endpoint
        self._current = _context(endpoint, folder)
        self.listening = _context(endpoint, folder)
        self.listening.sni_callback = self._choose

    def reload(self, endpoint: EndpointCertificate) -> None:
        """Open connections keep the certificate they began with."""
        self._current = _context(endpoint, self._folder)
        self.endpoint = endpoint

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _old: ssl.SSLContext) -> None:
        connection.context = self._current  # called for clients that send no name, too


def _context(endpoint: EndpointCertificate, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+CHACHA20:ECDHE+AESGCM")  # for TLS 1.2; 1.3 has no others
    context.set_alpn_protocols(["http/1.1"])
    # A resumed session would skip the verification of the client's certificate.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL
    # Intermediates are anchors by themselves: a client may send its leaf alone.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=endpoint.client_ca_pem.decode())
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".tls-") as file:  # mode 0600, gone at once
        file.write(endpoint.key_pem + b"\n" + endpoint.chain_pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context
