"""Certificate requests, names and dates that no certificate may have: refused with a reason, and no token is burnt."""

import ipaddress
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from tests.functions.support.authority import MotoAuthority
from tests.functions.support.signing import NAME, check_refused, sign
from tests.support.forge import csr_pem_of, make_csr, pem
from tests.support.refusal import check_refusal


def broken_signature() -> str:
    """A bit of the subject flipped: it parses, and the signature does not fit."""
    request = make_csr(NAME)
    der = bytearray(request.public_bytes(Encoding.DER))
    subject = request.subject.public_bytes()
    at = bytes(der).index(subject) + len(subject) - 1
    der[at] ^= 1
    return csr_pem_of(bytes(der))


def other_key_in() -> str:
    """Somebody else's public key, which the signer does not hold."""
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    der = make_csr(NAME, key=ours).public_bytes(Encoding.DER)
    point, other = (
        key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint) for key in (ours, theirs)
    )
    return csr_pem_of(der.replace(point, other))


def signed_with(key: Any, digest: Any = None) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    return pem(x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, digest))


def two_common_names() -> str:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in (NAME, "admin.test")]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    return pem(builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()))


def names(*general_names: x509.GeneralName) -> Callable[[], str]:
    return lambda: pem(make_csr(NAME, general_names))


BAD_REQUESTS: dict[str, tuple[Callable[[], str], tuple[int, ...]]] = {
    "no PEM": (lambda: "hello", (400,)),
    "a certificate": (lambda: pem(make_csr(NAME)).replace("CERTIFICATE REQUEST", "CERTIFICATE"), (400,)),
    "a private key": (lambda: pem(make_csr(NAME)).replace("CERTIFICATE REQUEST", "PRIVATE KEY"), (400,)),
    "no base64": (lambda: "-----BEGIN CERTIFICATE REQUEST-----\n????\n-----END CERTIFICATE REQUEST-----\n", (400,)),
    "empty DER": (lambda: csr_pem_of(b""), (400,)),
    "cut-off DER": (lambda: csr_pem_of(make_csr(NAME).public_bytes(Encoding.DER)[:-7]), (400,)),
    "more behind the DER": (lambda: csr_pem_of(make_csr(NAME).public_bytes(Encoding.DER) + b"\0"), (400,)),
    "DER of a gigabyte": (lambda: csr_pem_of(b"\x30\x84\x40\x00\x00\x00\x30\x00"), (400,)),
    "deep DER": (lambda: csr_pem_of(b"\x30\x80" * 10_000), (400,)),
    "70 KB": (lambda: pem(make_csr(NAME)) + "\n" * 70_000, (413,)),
    "a wrong signature": (broken_signature, (400,)),
    "another's key": (other_key_in, (400,)),
    "RSA 1024": (lambda: signed_with(rsa.generate_private_key(65_537, 1_024), hashes.SHA256()), (403,)),  # noqa: S505 - refused
    "P-224": (lambda: signed_with(ec.generate_private_key(ec.SECP224R1()), hashes.SHA256()), (400,)),
    "secp256k1": (lambda: signed_with(ec.generate_private_key(ec.SECP256K1()), hashes.SHA256()), (400,)),
    "DSA": (lambda: signed_with(dsa.generate_private_key(2_048), hashes.SHA256()), (400,)),
    "Ed448": (lambda: signed_with(ed448.Ed448PrivateKey.generate()), (400,)),
    "two common names": (two_common_names, (400,)),
    "another common name": (lambda: pem(make_csr("admin.test")), (403,)),
    "another name": (names(x509.DNSName(NAME), x509.DNSName("admin.test")), (403,)),
    "an address": (names(x509.IPAddress(ipaddress.ip_address("127.0.0.1"))), (403,)),
    "a mail address": (names(x509.RFC822Name("root@admin.test")), (403,)),
    "a URI": (names(x509.UniformResourceIdentifier("spiffe://admin")), (403,)),
    "a directory name": (names(x509.DirectoryName(x509.Name([]))), (400, 403)),
    "an object id": (names(x509.RegisteredID(NameOID.COMMON_NAME)), (400,)),
    "another kind of name": (names(x509.OtherName(NameOID.COMMON_NAME, b"\x0c\x01x")), (400,)),
    "101 names": (names(*[x509.DNSName(f"a{number}.test") for number in range(101)]), (400,)),
    "an empty name": (names(x509.DNSName("")), (400, 403)),
    "a name with NUL": (names(x509.DNSName("request.test\0.evil.test")), (400, 403)),
    "a name with a line break": (names(x509.DNSName("request.test\nDNS:evil.test")), (400, 403)),
}


@pytest.mark.parametrize("kind", BAD_REQUESTS)
def test_a_bad_request_is_refused_and_leaves_its_token_usable(kind: str, authority: MotoAuthority) -> None:
    make, statuses = BAD_REQUESTS[kind]
    token = authority.forge.token(NAME)
    check_refused(authority, {"csr": make(), "ott": token}, *statuses)
    assert sign(authority, {"csr": pem(make_csr(NAME)), "ott": token}).status == 201


@pytest.mark.parametrize("kind", [kind for kind, (_, statuses) in BAD_REQUESTS.items() if "name" not in kind])
def test_rekeying_refuses_the_same_keys(kind: str, authority: MotoAuthority) -> None:
    make, statuses = BAD_REQUESTS[kind]
    if kind in ("an address", "a mail address", "a URI"):
        statuses = (201,)  # names of the request do not matter here
    owner = authority.issue("owner.test").certificate
    answer = authority.warm("renew").call("POST", "/rekey", {"csr": make()}, certificate=owner)
    if statuses == (201,):
        assert answer.certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value == x509.SubjectAlternativeName([x509.DNSName("owner.test")])
    else:
        check_refusal(answer, statuses)


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65_537, 2_048),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["RSA 2048", "P-384", "P-521", "Ed25519"],
)
def test_the_other_keys_are_served(key: Any, authority: MotoAuthority) -> None:
    body = authority.forge.sign_body(NAME, csr=pem(make_csr(NAME, key=key)))
    assert sign(authority, body).certificate.public_key() == key.public_key()


def test_a_key_that_cannot_sign_cannot_be_certified() -> None:
    """Why X25519 has no row above: such a request cannot be made, by anyone."""
    with pytest.raises(TypeError):
        signed_with(x25519.X25519PrivateKey.generate())


BAD_NAMES = {
    "101": [f"a{number}.test" for number in range(101)],
    "not a list": "request.test",
    "numbers": [1],
    "null": [None],
    "nested": [["request.test"]],
    "blank": [" "],
    "a dot": ["."],
    "two dots": ["a..test"],
    "a leading dot": [".test"],
    "a leading hyphen": ["-a.test"],
    "white space": ["a b.test"],
    "a line break": ["a.test\nevil.test"],
    "NUL": ["a.test\0evil.test"],
    "unicode": ["münchen.test"],
    "emoji": ["\U0001f512.test"],
    "right to left": ["\u202etset.a"],
    "full-width": ["\uff41.test"],
    "a label of 64": ["a" * 64 + ".test"],
    "254 characters": [".".join(["a" * 49] * 5) + ".test"],
    "100000 characters": ["a" * 100_000],
    "two wildcards": ["*.*.test"],
    "a wildcard inside": ["a.*.test"],
    "a star": ["a*.test"],
    "an address with a zone": ["fe80::1%eth0"],
    "a network": ["10.0.0.0/8"],
    "a mail address without host": ["root@"],
    "a mail address without name": ["@a.test"],
    "two at signs": ["a@b@c.test"],
    "a scheme alone": ["http:"],
    "a bracket": ["http://[::1"],
    "a script": ["<script>alert(1)</script>"],
    "braces": ["{0}.test"],
}


@pytest.mark.parametrize("kind", BAD_NAMES)
def test_a_token_with_absurd_names_is_refused(kind: str, authority: MotoAuthority) -> None:
    token = authority.forge.token(NAME, sans=BAD_NAMES[kind])
    check_refused(authority, {"csr": pem(make_csr(NAME, [])), "ott": token}, 400, 401, 403)


@pytest.mark.parametrize("subject", ["", "x" * 65, "a\0b", "a\nb", "\u202egnp", 1, None, ["a.test"], {"a": 1}, True])
def test_a_token_with_an_absurd_subject_is_refused(subject: Any, authority: MotoAuthority) -> None:
    token = authority.forge.sign({**authority.forge.claims(NAME), "sub": subject, "sans": [NAME]})
    check_refused(authority, {"csr": pem(make_csr(None, [x509.DNSName(NAME)])), "ott": token}, 400, 401, 403)


def test_a_hundred_names_are_served(authority: MotoAuthority) -> None:
    sans = [f"a{number}.test" for number in range(100)]
    answer = sign(authority, {"csr": pem(make_csr(NAME, [])), "ott": authority.forge.token(NAME, sans=sans)})
    assert answer.status == 201
    found = answer.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert len(list(found)) == 100
