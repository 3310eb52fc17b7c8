"""The HTTPS listener: uvicorn's HTTP/1.1 protocol with client certificates, limits and deadlines."""

import asyncio
import contextlib
import socket
from typing import Any

import h11
from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from stepless_dev.events import ClientCertificate
from stepless_dev.gateway import MAX_HEADER_BYTES, Gateway
from stepless_dev.tls import ReloadingContext

READ_SECONDS = 15  # for the handshake, and for each request to arrive, as step-ca has it
IDLE_SECONDS = 60
STOP_SECONDS = 2


class GatewayProtocol(H11Protocol):
    """One connection."""

    _reading: asyncio.TimerHandle | None = None
    gateway: Gateway

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Notes who the client is: the handshake is over."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and (der := tls.getpeercert(binary_form=True)):
            self.app_state = {"client_certificate": ClientCertificate(der, tls.getpeercert())}
        self._expect_more()

    @override
    def data_received(self, data: bytes) -> None:
        """Gives a request `READ_SECONDS` from its first byte to its last."""
        super().data_received(data)
        complete = self.conn.their_state in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)
        if complete:
            self._stop_expecting()
        elif self._reading is None:
            self._expect_more()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the deadline."""
        self._stop_expecting()
        super().connection_lost(exc)

    @override
    def send_400_response(self, msg: str) -> None:  # uvicorn's own text is for logs
        """What is no HTTP, or too much of it, gets the template's answer to a bad request."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        response = self.gateway.own_response("DEFAULT_4XX", "-")
        headers = [(name, value) for name, value in response.headers if value != "-"]
        headers += [("Connection", "close"), ("Content-Length", str(len(response.body)))]
        for event in (
            h11.Response(status_code=response.status, headers=headers),
            h11.Data(data=response.body),
            h11.EndOfMessage(),
        ):
            output = self.conn.send(event)
            if output:
                self.transport.write(output)
        self.transport.close()

    def _expect_more(self) -> None:
        self._reading = self.loop.call_later(READ_SECONDS, self._give_up)

    def _stop_expecting(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _give_up(self) -> None:
        self._reading = None
        self.transport.abort()


class Front:
    """Serves the gateway on sockets that listen already."""

    def __init__(self, gateway: Gateway, tls: ReloadingContext) -> None:
        self._tls = tls
        self._state = ServerState()
        self._servers: list[asyncio.Server] = []
        self._config = Config(
            gateway,
            lifespan="off",
            ws="none",
            proxy_headers=False,  # nobody stands between us and the client
            log_config=None,
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            timeout_keep_alive=IDLE_SECONDS,
        )
        self._config.load()
        self._protocol = type("Protocol", (GatewayProtocol,), {"gateway": gateway})

    async def start(self, listeners: list[socket.socket]) -> None:
        """Begins to accept connections."""
        loop = asyncio.get_running_loop()

        def protocol() -> Any:
            return self._protocol(self._config, self._state, {}, loop)

        for listener in listeners:
            server = await loop.create_server(
                protocol,
                sock=listener,
                ssl=self._tls.listening,
                ssl_handshake_timeout=READ_SECONDS,
                ssl_shutdown_timeout=STOP_SECONDS,
            )
            self._servers.append(server)

    async def stop(self) -> None:
        """Stops accepting; requests in flight have `STOP_SECONDS` to finish."""
        for server in self._servers:
            server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=STOP_SECONDS)
        for connection in list(self._state.connections):
            with contextlib.suppress(AttributeError):
                connection.transport.abort()
