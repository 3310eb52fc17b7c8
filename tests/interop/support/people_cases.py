"""Raw calls with the tokens of a real identity provider."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.interop.support.raw_calls import Build, Call
from tests.interop.support.requests_for import dns, make_request, pem
from tests.interop.support.stage import Target


def _signing(
    login: str,
    common_name: str | None = "u@x.test",
    names: Sequence[x509.GeneralName] = (),
    *,
    request: x509.CertificateSigningRequest | None = None,
    path: str = "/sign",
    times: int = 1,
) -> Build:
    """Describe a POST /sign by somebody who has just signed in."""
    csr = request or make_request(common_name, names)

    def build(target: Target) -> list[Call]:
        body = {"csr": pem(csr), "ott": target.provider.id_token(login)}
        return [Call(path, json.dumps(body).encode())] * times

    return build


def _with_organization() -> x509.CertificateSigningRequest:
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
        x509.NameAttribute(NameOID.COMMON_NAME, "host.test"),
    ]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    builder = builder.add_extension(x509.SubjectAlternativeName(dns("host.test")), critical=False)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())


def _renewing(target: Target) -> list[Call]:
    """A person's certificate, shown by its holder."""
    client, name = target.client, f"person-{secrets.token_hex(4)}"
    files: tuple[Path, Path] = (client.path(f"{name}.crt"), client.path(f"{name}.key"))
    token = target.provider.id_token("123")
    client.step("ca", "certificate", "u@x.test", *files, "--token", token).succeed()
    return [Call("/renew", credential=files)]


def _revoking(login: str) -> Build:
    def build(target: Target) -> list[Call]:
        body = {"serial": str(secrets.randbits(126) + 2**126), "ott": target.provider.id_token(login), "passive": True}
        return [Call("/revoke", json.dumps(body).encode())]

    return build


PEOPLE_CASES: dict[str, Build] = {
    "people/ok/person": _signing("123"),
    "people/ok/versioned": _signing("123", path="/1.0/sign"),
    "people/ok/names-are-ignored": _signing("123", "evil.test", dns("evil.test")),
    "people/ok/no-names": _signing("123", None),
    "people/ok/odd-subject": _signing("auth0|7 b"),
    "people/ok/admin": _signing("root", "host.test", [*dns("b.test", "a.test"), x509.RFC822Name("m@y.test")]),
    "people/ok/admin-without-names": _signing("root", "host.test"),
    "people/ok/admin-without-common-name": _signing("root", None, dns("host.test")),
    "people/fail/outsider": _signing("outsider"),
    "people/fail/revoke": _revoking("123"),
    "people/fail/revoke-by-admin": _revoking("root"),
    "people/same-request-again": _signing("123", times=2),
    "people/unverified-address": _signing("unverified"),
    "people/no-address": _signing("nameless"),
    "people/admin-names-nobody": _signing("root", None),
    "people/admin-address-as-dns-name": _signing("root", "host.test", dns("10.0.0.1")),
    "people/admin-organization": _signing("root", request=_with_organization()),
    "people/renew": _renewing,
}
