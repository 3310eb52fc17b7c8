"""Raw POST /sign: names, keys, dates and bindings."""

import hashlib
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.fakes.weak_keys import close_primes_key, request_for_nobodys_key, roca_key, rsa_key_with_exponent_3
from tests.interop.support.provisioners import b64url
from tests.interop.support.raw_calls import Build, Resolve, instant, signing
from tests.interop.support.requests_for import RequestKey, dns, make_request

A_REQUEST = make_request("a.test", dns("a.test"))
SEVERAL = ["a.test", "10.1.2.3", "me@x.test", "spiffe://x/y"]
# A key that only a test would make: too short on purpose.
SHORT_RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505  # the key to refuse
GOOD_RSA = rsa.generate_private_key(65537, 2048)


def _names(
    token_sans: Sequence[str],
    request_sans: Sequence[x509.GeneralName],
    common_name: str | None = "a.test",
    subject: str = "a.test",
) -> Build:
    """Describe a request for `request_sans` with a token for `token_sans`."""
    csr = make_request(common_name, request_sans)
    return signing(subject, request=csr, claims={"sans": list(token_sans)})


def _key(key: RequestKey) -> Build:
    return signing(request=make_request("a.test", dns("a.test"), key))


def _dates(**members: str | Resolve) -> Build:
    return signing(body=members)


def _cnf(request: x509.CertificateSigningRequest) -> Mapping[str, Any]:
    """Return the claim that binds a token to a request (RFC 7800 §3.1, in step's way)."""
    digest = hashlib.sha256(request.public_bytes(Encoding.DER)).digest()
    return {"cnf": {"x5rt#S256": b64url(digest)}}


def _ip(text: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(text))


NAME_CASES: dict[str, Build] = {
    "names/ok/request-without-names": _names(SEVERAL, [], None),
    "names/ok/name-from-sans": _names(["a.test", "b.test"], dns("a.test", "b.test"), "b.test"),
    "names/ok/one-type-left-out": _names(SEVERAL, dns("a.test")),
    "names/ok/other-order": _names(["a.test", "b.test"], dns("b.test", "a.test")),
    "names/ok/named-twice": _names(["a.test"], dns("a.test", "a.test")),
    "names/ok/token-names-twice": _names(["a.test", "a.test"], dns("a.test")),
    "names/ok/wildcard": _names(["*.a.test"], dns("*.a.test"), "*.a.test", "*.a.test"),
    "names/ok/several": _names(SEVERAL, []),
    "names/ok/order-of-types": _names(list(reversed(SEVERAL)), []),
    "names/ok/ipv6": _names(["2001:db8::1"], [_ip("2001:db8::1")]),
    "names/ok/host-and-port-is-a-uri": _names(["localhost:8080"], []),
    "names/ok/address-and-port-is-dns": _names(["127.0.0.1:80"], []),
    "names/ok/upper-case": _names(["A.test"], dns("A.test"), "A.test", "A.test"),
    "names/ok/underscore": _names(["_a.test"], dns("_a.test")),
    "names/ok/no-dots": _names(["a"], dns("a")),
    "names/ok/long-common-name": _names(["a.test"], [], None, "a" * 65),
    "names/ok/space-in-common-name": _names(["me@x.test"], [], None, "A Person"),
    "names/ok/letters-in-common-name": _names(["me@x.test"], [], None, "Zoë Ångström"),
    "names/empty-among-sans": _names(["a.test", ""], dns("a.test")),
    "names/trailing-dot": _names(["a.test."], dns("a.test."), "a.test.", "a.test."),
    "names/space-inside": _names(["a b"], [], None, "a b"),
    "names/not-ascii": _names(["bücher.test"], [], None, "bücher.test"),
    "names/fail/other-common-name": _names(["a.test"], dns("a.test"), "b.test"),
    "names/fail/common-name-in-other-case": _names(["a.test"], dns("a.test"), "A.test"),
    "names/fail/dns-missing": _names(["a.test", "b.test"], dns("a.test")),
    "names/fail/dns-in-other-case": _names(["a.test"], dns("A.test")),
    "names/fail/ip": _names(SEVERAL, [_ip("10.1.2.4")]),
    "names/fail/email": _names(SEVERAL, [x509.RFC822Name("you@x.test")]),
    "names/fail/uri": _names(SEVERAL, [x509.UniformResourceIdentifier("spiffe://x/z")]),
    "names/fail/ip-not-in-token": _names(["a.test"], [*dns("a.test"), _ip("10.1.2.3")]),
    "key/ok/rsa-2048": _key(GOOD_RSA),
    "key/ok/p-384": _key(ec.generate_private_key(ec.SECP384R1())),
    "key/ok/p-521": _key(ec.generate_private_key(ec.SECP521R1())),
    "key/ok/ed25519": _key(ed25519.Ed25519PrivateKey.generate()),
    "key/p-224": _key(ec.generate_private_key(ec.SECP224R1())),
    "key/fail/rsa-1024": _key(SHORT_RSA),
    "key/rsa-2047": _key(rsa.generate_private_key(65537, 2047)),  # noqa: S505  # the key to refuse
    "key/rsa-e-3": _key(rsa_key_with_exponent_3()),
    "key/rsa-close-primes": _key(close_primes_key()),
    "key/rsa-roca": _key(roca_key()),
    "key/ed25519-of-nobody": signing(request=request_for_nobodys_key(b"\x01" + bytes(31), "a.test")),
    "key/fail/secp256k1": _key(ec.generate_private_key(ec.SECP256K1())),
    "dates/ok/one-hour": _dates(notAfter="1h0m0s"),
    "dates/ok/fraction": _dates(notAfter="1.5h"),
    "dates/ok/the-maximum": _dates(notAfter="24h"),
    "dates/ok/the-minimum-less-backdate": _dates(notAfter="4m"),
    "dates/ok/start-in-the-past": _dates(notBefore="-1h", notAfter="2h"),
    "dates/ok/start-in-the-future": _dates(notBefore="1h"),
    "dates/ok/instants": _dates(notBefore=instant(3600), notAfter=instant(7200)),
    "dates/ok/instants-with-zone": _dates(notBefore=instant(3600, ".5+00:00"), notAfter=instant(7200, "+00:00")),
    "dates/past-the-issuer": _dates(notBefore="2090-01-01T00:00:00Z", notAfter="2090-01-01T01:00:00Z"),
    "dates/fail/under-the-minimum": _dates(notAfter="3m59s"),
    "dates/fail/over-the-maximum": _dates(notAfter="24h0m1s"),
    "dates/fail/past": _dates(notAfter="-1h"),
    "dates/fail/past-instant": _dates(notAfter="2020-01-01T00:00:00Z"),
    "dates/fail/end-before-start": _dates(notBefore="2h", notAfter="-1h"),
    "dates/fail/year-9999": _dates(notAfter="9999-12-31T23:59:59Z"),
    "dates/fail/huge-duration": _dates(notAfter="9999999h"),
    "binding/ok/this-request": signing(request=A_REQUEST, claims=_cnf(A_REQUEST)),
    "binding/fail/another-request": signing(claims=_cnf(A_REQUEST)),
    "binding/ok/empty": signing(claims={"cnf": {}}),
    "binding/unknown-method": signing(claims={"cnf": {"jkt": "x"}}),
}
