"""Thousands of spoilt requests: a clean refusal or a certificate for exactly what the token grants, never a 5xx."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.functions.support.authority import URL, Issued, MotoAuthority
from tests.functions.support.events import make_event
from tests.functions.support.signing import NAME, sign
from tests.support.forge import P256, compact_jws, csr_pem_of, make_csr, now_seconds, pem, x5c
from tests.support.https import Answer
from tests.support.mutation import Mutator
from tests.support.refusal import check_refusal

CASES = 600  # of each kind
SECONDS = 6.0  # for each kind, on a machine that is busy with other things
FEWEST = 100
REFUSALS = (400, 401, 403, 413)


def der_length(data: bytes) -> bytes:
    """A DER length (X.690 §8.1.3)."""
    size = len(data)
    return bytes([size]) if size < 128 else bytes([0x82, size >> 8, size & 0xFF])


def resigned(tbs: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A request of any content with a signature that fits it."""
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    signature = b"\0" + key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    content = tbs + algorithm + b"\x03" + der_length(signature) + signature
    return b"\x30" + der_length(content) + content


def check_issued(answer: Answer) -> None:
    """A certificate has the names of the token, whatever the request was."""
    names = answer.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == [NAME]
    assert answer.certificate.subject.rfc4514_string() == f"CN={NAME}"


def check(answer: Answer, what: object) -> None:
    """Either is right; which one, only a reader of the spoilt bytes could say."""
    if answer.status == 201:
        check_issued(answer)
    else:
        check_refusal(answer, REFUSALS, repr(what)[:2_000])


def rounds() -> Iterator[int]:
    """Until there were enough, or there is no more time."""
    deadline = time.monotonic() + SECONDS
    for done in range(CASES):
        if done >= FEWEST and time.monotonic() > deadline:
            return
        yield done


def fuzz_signing(authority: MotoAuthority, spoil: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """POST /sign with a good body, spoilt; a new token when one was spent."""
    good = authority.forge.sign_body(NAME)
    for _ in rounds():
        body = spoil(good)
        answer = sign(authority, body)
        check(answer, body)
        if answer.status == 201:
            good = authority.forge.sign_body(NAME)


def test_requests_with_spoilt_bytes(authority: MotoAuthority) -> None:
    mutator = Mutator(1)
    der = make_csr(NAME).public_bytes(Encoding.DER)
    fuzz_signing(authority, lambda good: {**good, "csr": csr_pem_of(mutator.bytes(der))})


def test_requests_with_spoilt_content_and_a_good_signature(authority: MotoAuthority) -> None:
    mutator = Mutator(2)
    key = ec.generate_private_key(P256)
    sans = [x509.DNSName(NAME), x509.RFC822Name("a@request.test"), x509.UniformResourceIdentifier("spiffe://a/b")]
    plain, full = (make_csr(NAME, names, key).tbs_certrequest_bytes for names in (None, sans))

    def spoil(good: dict[str, Any]) -> dict[str, Any]:
        return {**good, "csr": csr_pem_of(resigned(mutator.bytes(mutator.pick((plain, full))), key))}

    fuzz_signing(authority, spoil)


def test_requests_with_spoilt_pem(authority: MotoAuthority) -> None:
    mutator = Mutator(3)
    fuzz_signing(authority, lambda good: {**good, "csr": mutator.text(good["csr"])})


def test_tokens_with_spoilt_text(authority: MotoAuthority) -> None:
    mutator = Mutator(4)
    fuzz_signing(authority, lambda good: {**good, "ott": mutator.text(good["ott"])})


def test_tokens_with_odd_claims_and_a_good_signature(authority: MotoAuthority) -> None:
    mutator = Mutator(5)
    forge = authority.forge

    def spoil(good: dict[str, Any]) -> dict[str, Any]:
        header: dict[str, Any] = {"alg": "ES256", "kid": forge.kid, "typ": "JWT"}
        claims = {**forge.claims(NAME), "sans": [NAME], "nbf": now_seconds(), "cnf": None}
        if mutator.chance(0.3):
            header = mutator.json(header)
        else:
            claims = mutator.json(claims)
        # What the token grants is what its own claims say: those cases are for the tests of names.
        if claims.get("sub") != NAME or claims.get("sans") not in ([NAME], None):
            claims |= {"sub": NAME, "sans": [NAME], "exp": mutator.pick((0, "x", None))}
        return {**good, "ott": compact_jws(forge.key, header, claims)}

    fuzz_signing(authority, spoil)


def test_tokens_with_spoilt_json_and_a_good_signature(authority: MotoAuthority) -> None:
    mutator = Mutator(6)
    forge = authority.forge
    header = {"alg": "ES256", "kid": forge.kid, "typ": "JWT"}

    def spoil(good: dict[str, Any]) -> dict[str, Any]:
        # A fixed name is what spoilt bytes may turn into another; as before, that is another test.
        claims = mutator.bytes(json.dumps(forge.claims("")).encode()).replace(b'"sub": ""', f'"sub": "{NAME}"'.encode())
        return {**good, "ott": compact_jws(forge.key, header, claims)}

    fuzz_signing(authority, spoil)


def test_bodies_with_spoilt_bytes(authority: MotoAuthority) -> None:
    mutator = Mutator(7)
    good = json.dumps(authority.forge.sign_body(NAME)).encode()
    for _ in rounds():
        body = mutator.bytes(good)
        answer = authority.warm("issue").call("POST", "/sign", body)
        check(answer, body)
        if answer.status == 201:
            good = json.dumps(authority.forge.sign_body(NAME)).encode()


@pytest.fixture
def owner(authority: MotoAuthority) -> Issued:
    return authority.issue(NAME)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_renew_tokens_with_spoilt_certificates(authority: MotoAuthority, owner: Issued) -> None:
    mutator = Mutator(8)
    der = owner.certificate.public_bytes(Encoding.DER)
    for _ in rounds():
        spoilt = mutator.bytes(der)
        text = base64.b64encode(spoilt).decode()
        chain: Any = mutator.pick(([text], text, [], [1], [text, *x5c(owner.certificate)], [mutator.text(text)]))
        at = now_seconds()
        claims = {"iss": "step-ca-client/1.0", "sub": NAME, "aud": f"{URL}/renew", "nbf": at, "exp": at + 60}
        token = compact_jws(owner.key, {"alg": "ES256", "x5cInsecure": chain}, claims)
        answer = authority.warm("renew").call("POST", "/renew", headers={"Authorization": f"Bearer {token}"})
        check_owner(answer, spoilt, der)


def check_owner(answer: Answer, spoilt: bytes, der: bytes) -> None:
    """Only the certificate on record, byte for byte, is its own proof."""
    if answer.status in (200, 201):
        assert spoilt == der
    else:
        check_refusal(answer, REFUSALS, spoilt.hex())


# A negative serial is something that the library warns of and a warning ends a test; in a function it goes to the log.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_client_certificates_with_spoilt_bytes(authority: MotoAuthority, owner: Issued) -> None:
    """They come from the TLS layer, which has verified them; a function looks again."""
    mutator = Mutator(9)
    der = owner.certificate.public_bytes(Encoding.DER)
    csr = pem(make_csr(NAME))
    for _ in rounds():
        path, folder = mutator.pick((("/renew", "renew"), ("/rekey", "renew"), ("/revoke", "revoke")))
        # Its serial is another one: an unspoilt certificate would end the test by revoking itself.
        body = {"csr": csr, "serial": "4711", "passive": True}
        event = make_event("POST", path, body, certificate=owner.certificate)
        spoilt = mutator.bytes(der)
        text = csr_pem_of(spoilt).replace("CERTIFICATE REQUEST", "CERTIFICATE")
        event["requestContext"]["identity"]["clientCert"]["clientCertPem"] = text
        check_owner(authority.warm(folder).deliver(event), spoilt, der)
