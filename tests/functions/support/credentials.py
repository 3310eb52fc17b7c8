"""What each route asks for, everything that is not it, and what it looks like when it is there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.functions.support.authority import URL, Issued, MotoAuthority
from tests.support.forge import P256, b64url, compact_jws, make_csr, now_seconds, pem, renew_token


class Needs(StrEnum):
    """Who may use a route."""

    NOTHING = "anyone may read it"
    SIGN_TOKEN = "a one-time token of a provisioner, for signing"
    CERTIFICATE_OR_RENEW_TOKEN = "a client certificate, or a token signed with its key"
    CERTIFICATE = "a client certificate"
    CERTIFICATE_OR_REVOKE_TOKEN = "a client certificate of the serial, or a token of a provisioner for it"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request to a route that somebody might make."""

    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    certificate: x509.Certificate | None = None


# A client cannot say in HTTP who it is: these are where proxies of this world put certificates.
CERTIFICATE_HEADERS = (
    "X-Client-Cert", "X-Amzn-Mtls-Clientcert", "X-Amzn-Mtls-Clientcert-Leaf", "X-Amzn-Tls-Client-Cert",
    "X-SSL-CERT", "X-SSL-Client-Cert", "SSL_CLIENT_CERT", "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert",
    "X-ARR-ClientCert", "Client-Cert", "X-Client-Certificate", "X-Apigateway-Event", "X-Amzn-Request-Context",
)  # fmt: skip


def certificate_in_headers(certificate: x509.Certificate) -> dict[str, str]:
    """The certificate in every header that somebody might read it from."""
    header_form = quote(pem(certificate))
    return dict.fromkeys(CERTIFICATE_HEADERS, header_form)


def certificate_in_body(certificate: x509.Certificate) -> dict[str, Any]:
    """The certificate where the event has it, but in the body."""
    identity = {"clientCert": {"clientCertPem": pem(certificate)}}
    return {"requestContext": {"identity": identity}, "identity": identity, "clientCertPem": pem(certificate)}


def stranger(like: x509.Certificate) -> Issued:
    """A certificate with the names and the serial of ours, from a CA with the same name and another key."""
    key, ca_key = ec.generate_private_key(P256), ec.generate_private_key(P256)
    builder = (
        x509.CertificateBuilder()
        .issuer_name(like.issuer)
        .subject_name(like.subject)
        .public_key(key.public_key())
        .serial_number(like.serial_number)
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))  # noqa: TID251 - judged by a running function
        .not_valid_after(datetime.now(UTC) + timedelta(hours=1))  # noqa: TID251 - judged by a running function
    )
    for extension in like.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return Issued(builder.sign(ca_key, hashes.SHA256()), key, {})


def _bad_tokens(authority: MotoAuthority, subject: str, operation: str) -> Iterator[tuple[str, str]]:
    forge = authority.forge
    other = "revoke" if operation == "sign" else "sign"
    header = {"alg": "ES256", "kid": forge.kid, "typ": "JWT"}
    none = b64url(b'{"alg":"none","typ":"JWT"}')
    claims = forge.claims(subject, operation)
    good = forge.token(subject, operation)
    yield "no token", ""
    yield "garbage", "garbage"
    yield "garbage in three parts", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"
    yield "without signature", good.rpartition(".")[0] + "."
    yield "unsigned", f"{none}.{good.split('.')[1]}."
    yield "unsigned with a signature", f"{none}.{good.split('.')[1]}.{good.split('.')[2]}"
    yield "signed with another key", compact_jws(ec.generate_private_key(P256), header, claims)
    yield "for another operation", forge.token(subject, other)
    yield "for another authority", forge.token(subject, operation, aud=f"https://evil.test/1.0/{operation}")
    yield "for nobody", forge.token(subject, operation, aud=None)
    yield "of another issuer", forge.token(subject, operation, iss="nobody")
    yield "expired", forge.token(subject, operation, **_times(-7200, -3600))
    yield "not valid yet", forge.token(subject, operation, **_times(3600, 3900))
    yield "that never expires", forge.token(subject, operation, exp=None)
    yield "that lives for a day", forge.token(subject, operation, **_times(0, 86_400))
    yield "without subject", forge.token(subject, operation, sub=None)


def _times(start: int, end: int) -> dict[str, int]:
    at = now_seconds()
    return {"iat": at + start, "nbf": at + start, "exp": at + end}


def _bad_certificates(authority: MotoAuthority, owner: Issued) -> Iterator[tuple[str, x509.Certificate]]:
    current = authority.wiring.source_authority()
    yield "of a stranger", stranger(owner.certificate).certificate
    yield "of the root", current.roots[0]
    yield "of the intermediate", current.issuing.certificate


def refused(needs: Needs, authority: MotoAuthority, owner: Issued) -> Iterator[tuple[str, Attempt]]:
    """Everything that must not get an answer, by name. Bodies are otherwise such that it would succeed."""
    build = {
        Needs.SIGN_TOKEN: _refused_sign,
        Needs.CERTIFICATE_OR_RENEW_TOKEN: _refused_renew,
        Needs.CERTIFICATE: _refused_rekey,
        Needs.CERTIFICATE_OR_REVOKE_TOKEN: _refused_revoke,
    }.get(needs, _nothing_refused)
    yield from build(authority, owner)


def _nothing_refused(_authority: MotoAuthority, _owner: Issued) -> Iterator[tuple[str, Attempt]]:
    yield from ()


def _refused_sign(authority: MotoAuthority, owner: Issued) -> Iterator[tuple[str, Attempt]]:
    csr = pem(make_csr("refused.test"))
    yield "no body", Attempt()
    yield "no token at all", Attempt({"csr": csr})
    yield "a client certificate instead", Attempt({"csr": csr}, certificate=owner.certificate)
    yield (
        "a token in the header",
        Attempt({"csr": csr}, {"Authorization": f"Bearer {authority.forge.token('refused.test')}"}),
    )
    for name, token in _bad_tokens(authority, "refused.test", "sign"):
        yield f"a token {name}", Attempt({"csr": csr, "ott": token})


def _refused_renew(authority: MotoAuthority, owner: Issued) -> Iterator[tuple[str, Attempt]]:
    yield from _without_certificate(lambda: b"", owner)
    for name, certificate in _bad_certificates(authority, owner):
        yield f"a certificate {name}", Attempt(certificate=certificate)
    thief = stranger(owner.certificate)
    other_key = ec.generate_private_key(P256)
    for name, token in {
        "garbage": "garbage",
        "a one-time token": authority.forge.token("owner.test", "renew"),
        "a token of a stranger": renew_token(thief.certificate, thief.key, URL),
        "a token with another key": renew_token(owner.certificate, other_key, URL),
        "a token for another authority": renew_token(owner.certificate, owner.key, "https://evil.test"),
        "a token for signing": renew_token(owner.certificate, owner.key, URL, aud=f"{URL}/sign"),
        "a token for any authority": renew_token(owner.certificate, owner.key, URL, aud="step-certificate-authority"),
        "a token of another subject": renew_token(owner.certificate, owner.key, URL, sub="other.test"),
        "an expired token": renew_token(owner.certificate, owner.key, URL, **_times(-7200, -3600)),
    }.items():
        yield name, Attempt(headers={"Authorization": f"Bearer {token}"})
    good = renew_token(owner.certificate, owner.key, URL)
    yield "a token of another scheme", Attempt(headers={"Authorization": f"Basic {good}"})
    yield "a token in the body", Attempt({"ott": good, "token": good})


def _refused_rekey(authority: MotoAuthority, owner: Issued) -> Iterator[tuple[str, Attempt]]:
    csr = pem(make_csr("owner.test"))
    yield from _without_certificate(lambda: {"csr": csr}, owner)
    for name, certificate in _bad_certificates(authority, owner):
        yield f"a certificate {name}", Attempt({"csr": csr}, certificate=certificate)
    token = renew_token(owner.certificate, owner.key, URL)
    yield "a renew token", Attempt({"csr": csr}, {"Authorization": f"Bearer {token}"})
    yield "a one-time token", Attempt({"csr": csr, "ott": authority.forge.token("owner.test")})


def _refused_revoke(authority: MotoAuthority, owner: Issued) -> Iterator[tuple[str, Attempt]]:
    serial = str(owner.certificate.serial_number)
    body = {"serial": serial, "passive": True}
    yield from _without_certificate(lambda: body, owner)
    for name, certificate in _bad_certificates(authority, owner):
        yield f"a certificate {name}", Attempt(body, certificate=certificate)
    yield "a certificate of another serial", Attempt({**body, "serial": "12345"}, certificate=owner.certificate)
    for name, token in _bad_tokens(authority, serial, "revoke"):
        if token:
            yield f"a token {name}", Attempt({**body, "ott": token})
    yield "a token of another serial", Attempt({**body, "ott": authority.forge.token("12345", "revoke")})
    yield "a bad token beside the certificate", Attempt({**body, "ott": "garbage"}, certificate=owner.certificate)


def _without_certificate(body: Callable[[], Any], owner: Issued) -> Iterator[tuple[str, Attempt]]:
    yield "no client certificate", Attempt(body())
    yield "a certificate in headers", Attempt(body(), certificate_in_headers(owner.certificate))
    given = body()
    yield "a certificate in the body", Attempt({**(given or {}), **certificate_in_body(owner.certificate)})


def accepted(needs: Needs, authority: MotoAuthority, owner: Issued) -> Iterator[tuple[str, Attempt]]:
    """What must succeed, so that the refusals above prove something. Each may be used once."""
    certificate, key = owner.certificate, owner.key
    match needs:
        case Needs.NOTHING:
            yield "nothing", Attempt()
        case Needs.SIGN_TOKEN:
            yield "a token", Attempt(authority.forge.sign_body("refused.test"))
        case Needs.CERTIFICATE_OR_RENEW_TOKEN:
            yield "a certificate", Attempt(certificate=certificate)
            yield "a token", Attempt(headers={"Authorization": f"Bearer {renew_token(certificate, key, URL)}"})
        case Needs.CERTIFICATE:
            yield "a certificate", Attempt({"csr": pem(make_csr("x.test"))}, certificate=certificate)
        case Needs.CERTIFICATE_OR_REVOKE_TOKEN:
            other = authority.issue("other-owner.test").certificate
            own = {"serial": str(other.serial_number), "passive": True}
            yield "a certificate", Attempt(own, certificate=other)
            yield "a token", Attempt(authority.forge.revoke_body(authority.issue("b.test").certificate.serial_number))
