"""The snippet of the documentation, in a real nginx, with curl as the client."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.support import process
from tests.interop.support.authority import free_port, wait_for_tls
from tests.interop.support.step_client import StepClient
from tests.interop.support.tools import REPOSITORY

SNIPPET = REPOSITORY / "docs" / "snippets" / "nginx.conf"
# What an installed nginx has around the snippet; everything it writes stays in the test's folder.
AROUND = """
daemon off;
pid {home}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/snippet.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """The running web server, seen by curl."""

    client: StepClient
    port: int

    def status(self, *arguments: str | Path) -> str:
        """Return the HTTP status that curl sees, "000" when there was none."""
        outcome = process.run(
            [
                *(process.find_program("curl"), "-sS", "--max-time", "20", "-o", "page"),
                *("-w", "%{http_code}", "--cacert", self.client.authority.root, *arguments),
                f"https://localhost:{self.port}/",
            ],
            cwd=self.client.directory,
        )
        return outcome.stdout


def _write_configuration(client: StepClient, port: int) -> Path:
    home = client.path("nginx")
    (home / "html").mkdir(parents=True)
    (home / "html" / "index.html").write_text("welcome\n")
    chain, key = client.obtain("localhost", "server")
    text = SNIPPET.read_text()
    for theirs, ours in (
        ("/etc/nginx/tls/server.crt", str(chain)),
        ("/etc/nginx/tls/server.key", str(key)),
        ("/etc/nginx/tls/root_ca.crt", str(client.authority.root)),
        ("/var/www/html", str(home / "html")),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("www.example.internal", "localhost"),
    ):
        assert theirs in text
        text = text.replace(theirs, ours)
    (home / "snippet.conf").write_text(text)
    configuration = home / "nginx.conf"
    # Started as root, the workers would otherwise run as another user who cannot read the page.
    user = "user root;" if home.owner() == "root" else ""
    configuration.write_text(user + AROUND.format(home=home))
    return configuration


@contextlib.contextmanager
def _serving(client: StepClient) -> Iterator[Site]:
    port = free_port()
    configuration = _write_configuration(client, port)
    with client.path("nginx.log").open("w") as log:
        server = process.start(
            [process.find_program("nginx"), "-e", "stderr", "-c", configuration],
            cwd=client.directory,
            output=log,
        )
        try:
            root = client.authority.root
            wait_for_tls(port, root, alive=lambda: server.poll() is None, seconds=20)
            yield Site(client, port)
        finally:
            process.stop(server)


@pytest.fixture
def site(client: StepClient) -> Iterator[Site]:
    """Serve one page by nginx with a certificate of the authority."""
    with _serving(client) as running:
        yield running


def test_page_is_given_only_when_certificate_is_of_the_authority(site: Site) -> None:
    assert site.status() == "403"

    chain, key = site.client.obtain("caller.test", "caller")
    assert site.status("--cert", chain, "--key", key) == "200"
    assert site.client.path("page").read_text() == "welcome\n"


def test_page_is_still_given_when_certificate_was_renewed(site: Site) -> None:
    chain, key = site.client.obtain("caller.test", "caller")
    site.client.step("ca", "renew", "--force", chain, key).succeed()
    assert site.status("--cert", chain, "--key", key) == "200"


def test_caller_is_refused_when_certificate_is_of_another_authority(site: Site) -> None:
    site.client.step(
        *("certificate", "create", "caller.test", "o.crt", "o.key", "--profile", "self-signed"),
        *("--subtle", "--no-password", "--insecure"),
    ).succeed()
    assert site.status("--cert", "o.crt", "--key", "o.key") == "400"
    assert "welcome" not in site.client.path("page").read_text()
