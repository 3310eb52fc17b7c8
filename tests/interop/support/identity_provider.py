"""Runs a real OpenID provider on loopback, and signs people in at it."""

import contextlib
import html.parser
import http.cookiejar
import json
import secrets
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from typing_extensions import override

from tests.interop.support import process
from tests.interop.support.authority import free_port, pinned_context, wait_for_tls
from tests.interop.support.tools import Tools

START_SECONDS = 30.0
# Nobody listens there: what people are led to after they signed in is only read.
_NOWHERE = "http://127.0.0.1:1"
SECRET = "not-so-secret"
# Login, which is also the subject, and what the provider says of them.
PEOPLE: dict[str, dict[str, Any]] = {
    "123": {"email": "u@x.test", "email_verified": True},
    "auth0|7 b": {"email": "odd@x.test", "email_verified": True},
    "unverified": {"email": "v@x.test", "email_verified": False},
    "nameless": {},
    "outsider": {"email": "o@y.test", "email_verified": True},
    "root": {"email": "root@x.test", "email_verified": True, "groups": ["dev", "ops"]},
}
PROVISIONERS: dict[str, dict[str, Any]] = {
    "people": {
        "domains": ["x.test"],
        "admins": ["ops"],
        "scopes": ["openid", "email", "groups"],
        "listenAddress": ":0",
        "authParams": ["ui_locales=nl"],
    },
    "people-renewed": {"claims": {"disableRenewal": False}},
}


def _client(name: str) -> dict[str, Any]:
    device = "urn:ietf:params:oauth:grant-type:device_code"
    return {
        "client_id": name,
        "client_secret": SECRET,
        "redirect_uris": ["http://127.0.0.1"],
        "application_type": "native",
        "grant_types": ["authorization_code", device],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_post",
        "id_token_signed_response_alg": "ES256",
    }


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """Facts of the running provider; each provisioner is a client of the same name."""

    url: str
    root: Path
    tools: Tools

    @property
    def provisioners(self) -> list[dict[str, Any]]:
        """Its provisioners in the JSON shape of step's ca.json."""
        endpoint = f"{self.url}/.well-known/openid-configuration"
        fixed = {"type": "OIDC", "clientSecret": SECRET, "configurationEndpoint": endpoint}
        return [{**fixed, "name": name, "clientID": name, **more} for name, more in PROVISIONERS.items()]

    def id_token(self, login: str, client: str = "people") -> str:
        """Sign somebody in and return their ID token, as `step oauth` would get it."""
        wanted = {
            "client_id": client,
            "redirect_uri": _NOWHERE,
            "response_type": "code",
            "scope": "openid email groups",
            "nonce": secrets.token_hex(16),
            "prompt": "login",
        }
        led_to = self.sign_in(f"{self.url}/auth?{urlencode(wanted)}", login)
        exchange = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(led_to).query)["code"][0],
            "redirect_uri": _NOWHERE,
            "client_id": client,
            "client_secret": SECRET,
        }
        context = pinned_context(self.root)
        with urllib.request.urlopen(f"{self.url}/token", urlencode(exchange).encode(), context=context) as answer:
            token: str = json.load(answer)["id_token"]
        return token

    def sign_in(self, address: str, login: str) -> str:
        """Do what a person does with a browser: fill in every form that comes. Return where they were led to at last.

        That is the first address of another host, or the last page of the provider.
        """
        return _Browser(pinned_context(self.root), urlsplit(address).netloc).fill_in(address, login)


class _Browser:
    """Keeps cookies, and stops before it leaves the provider."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            _StayingAt(host),
        )

    def fill_in(self, address: str, login: str) -> str:
        data: bytes | None = None
        for _ in range(10):
            try:
                with self._opener.open(address, data) as page:
                    form, address = _Form(), page.url
                    form.feed(page.read().decode())
            except urllib.error.HTTPError as error:
                with error:
                    if "Location" in error.headers:
                        return str(error.headers["Location"])
                    raise AssertionError(f"the provider answers {error.code}: {error.read().decode()}") from error
            if form.action is None:
                return address
            address, data = urljoin(address, form.action), urlencode(form.filled_in(login)).encode()
        raise AssertionError("the provider has form after form")


class _StayingAt(urllib.request.HTTPRedirectHandler):
    def __init__(self, host: str) -> None:
        self._host = host

    @override
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).netloc != self._host:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass
class _Form(html.parser.HTMLParser):
    """The first form of a page."""

    action: str | None = None
    fields: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = given["action"]
        name = given.get("name")
        if tag == "input" and name is not None:
            self.fields[name] = given.get("value")

    def filled_in(self, login: str) -> dict[str, str]:
        """Return what is sent: what the page brought, and for each empty field what a person types there."""
        return {name: login if value is None else value for name, value in self.fields.items()}


def _make_certificate(tools: Tools, home: Path) -> None:
    create, plain = (tools.step, "certificate", "create"), ("--no-password", "--insecure")
    issuer = ("--ca", "root.crt", "--ca-key", "root.key")
    names = ("--san", "127.0.0.1", "--san", "localhost")
    environment = {"HOME": str(home), "PATH": process.SYSTEM_PATH}
    root = ("Provider", "root.crt", "root.key", *plain, "--profile", "root-ca")
    leaf = ("127.0.0.1", "idp.crt", "idp.key", *plain, *issuer, *names)
    for wanted in (root, leaf):
        process.run([*create, *wanted], cwd=home, env=environment).succeed()


@contextlib.contextmanager
def running(tools: Tools, home: Path) -> Iterator[IdentityProvider]:
    """Yield a started provider with a certificate of a CA of its own."""
    port = free_port()
    _make_certificate(tools, home)
    clients = [_client(name) for name in PROVISIONERS]
    (home / "settings.json").write_text(json.dumps({"people": PEOPLE, "clients": clients}))
    with (home / "server.log").open("w") as log:
        server = process.start(
            [
                *(process.find_program("node"), tools.oidc / "provider.js", "idp.crt", "idp.key"),
                *(str(port), "settings.json"),
            ],
            cwd=home,
            output=log,
        )
        try:
            wait_for_tls(port, home / "root.crt", alive=lambda: server.poll() is None, seconds=START_SECONDS)
            yield IdentityProvider(f"https://127.0.0.1:{port}", home / "root.crt", tools)
        finally:
            process.stop(server)
