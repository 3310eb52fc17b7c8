import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stepless.domain.claims import Claims
from stepless.domain.names import Name, NameType
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners import Grant, Provisioner, parse_provisioner
from stepless.domain.provisioners.instance import FOREVER
from stepless.domain.provisioners.model import RequestNames
from stepless.domain.token import parse_token
from stepless.errors import Unauthenticated
from tests.fakes.clock import NOW
from tests.fakes.clouds import Amazon
from tests.fakes.jose import assemble, hmac_jws, jws, public_jwk, unsigned_jws
from tests.fakes.private_keys import p256, rsa_key

AWS = Amazon()
AT = int(NOW.timestamp())
HOST_NAME = "ip-10-1-2-3.eu-west-1.compute.internal"
OWN_NAMES = (Name(NameType.DNS, HOST_NAME), Name(NameType.IP, "10.1.2.3"))


def provisioner_of(**changes: object) -> Provisioner:
    return parse_provisioner("id-1", {**AWS.document, **changes}, Claims())


def verify(token: str, **changes: object) -> Grant:
    provisioner, parsed = provisioner_of(**changes), parse_token(token)
    assert provisioner.key_source(parsed, now=NOW) is None
    return provisioner.verify(parsed, now=NOW)


def test_an_instance_may_have_the_names_that_it_asks_for_first() -> None:
    grant = verify(AWS.token())
    assert grant.request_names is RequestNames.GRANTED
    assert grant.common_names == ("vm.example",)
    assert (grant.template_subject, grant.template_names) == ("vm.example", None)
    assert grant.stamp == ProvisionerStamp(4, "amazon", "123456789012", ("InstanceID", "i-0abc"))
    assert grant.principal == "i-0abc"
    assert not grant.may_revoke
    assert not grant.reusable
    assert grant.spend_until == FOREVER
    provisioner = provisioner_of()
    assert (provisioner.lookup_id, provisioner.fragment) == ("aws/amazon", "aws/amazon")
    assert provisioner.stamp == ProvisionerStamp(4, "amazon")


@pytest.mark.parametrize("subject", ["i-0abc", "10.1.2.3", HOST_NAME])
def test_an_instance_may_have_its_own_names_only_where_others_are_off(subject: str) -> None:
    grant = verify(AWS.token(sub=subject), disableCustomSANs=True)
    assert grant.request_names is RequestNames.AMONG
    assert grant.common_names == (subject,)
    assert grant.names == grant.template_names == OWN_NAMES
    with pytest.raises(Unauthenticated, match="not a name of the instance"):
        verify(AWS.token(sub="vm.example"), disableCustomSANs=True)


def test_a_template_decides_instead_of_the_request() -> None:
    options = {"x509": {"template": "{}"}}
    assert verify(AWS.token(), options=options).request_names is RequestNames.IGNORED
    own = verify(AWS.token(sub="i-0abc"), options=options, disableCustomSANs=True)
    assert (own.request_names, own.template_names) == (RequestNames.AMONG, OWN_NAMES)


# --- once


def test_all_tokens_of_an_instance_are_one_right() -> None:
    first = verify(AWS.token())
    assert verify(AWS.token(jti="x", sub="other.example")).reuse_key == first.reuse_key
    assert verify(AWS.token(AWS.identity(imageId="ami-1"))).reuse_key == first.reuse_key
    assert verify(AWS.token(AWS.identity(instanceId="i-1"))).reuse_key != first.reuse_key
    other = parse_provisioner("id-2", AWS.document, Claims()).verify(parse_token(AWS.token()), now=NOW)
    assert other.reuse_key != first.reuse_key


def test_where_the_first_use_is_not_trusted_every_token_is_a_right() -> None:
    first = verify(AWS.token(), disableTrustOnFirstUse=True)
    assert not first.reusable
    assert first.spend_until == first.claims.expires_at
    assert verify(AWS.token(), disableTrustOnFirstUse=True).reuse_key == first.reuse_key
    assert verify(AWS.token(exp=AT + 301), disableTrustOnFirstUse=True).reuse_key != first.reuse_key


# --- attacks


IDENTITY = AWS.identity()
SIGNATURE = AWS.signature(IDENTITY)
CLAIMS = AWS.claims(IDENTITY, SIGNATURE)
FORGED_KEY = rsa_key(3072)
FORGED = FORGED_KEY.sign(IDENTITY, padding.PKCS1v15(), hashes.SHA256())
SHA1 = AWS.key.sign(IDENTITY, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - must be refused
PSS = AWS.key.sign(IDENTITY, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
OTHER_IDENTITY = AWS.identity(accountId="210987654321")


def amazon(document: object, signature: object) -> dict[str, object]:
    return {"amazon": {"document": document, "signature": signature}}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


_PEM = AWS.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
BAD_TOKENS = {
    "unsigned": unsigned_jws({}, CLAIMS),
    "hmac-with-nothing": hmac_jws({}, CLAIMS, b""),
    "hmac-with-the-document": hmac_jws({}, CLAIMS, IDENTITY),
    "hmac-with-the-signature-in-base64": hmac_jws({}, CLAIMS, encoded(SIGNATURE).encode()),
    "hmac-with-the-public-key": hmac_jws({}, CLAIMS, _PEM),
    "hmac-under-another-algorithm": hmac_jws({"alg": "HS512"}, CLAIMS, SIGNATURE),
    "signed-with-awss-own-key": jws({}, CLAIMS, AWS.key),
    "signed-with-a-key-in-the-header": jws({"jwk": public_jwk(FORGED_KEY)}, CLAIMS, FORGED_KEY),
    "signed-with-another-kind-of-key": assemble({"alg": "HS256"}, CLAIMS, p256(), "ES256"),
    "signature-of-somebody-else": hmac_jws({}, AWS.claims(IDENTITY, FORGED), FORGED),
    "signature-of-another-document": hmac_jws({}, AWS.claims(OTHER_IDENTITY, SIGNATURE), SIGNATURE),
    "signature-with-sha-1": hmac_jws({}, AWS.claims(IDENTITY, SHA1), SHA1),
    "signature-with-pss": hmac_jws({}, AWS.claims(IDENTITY, PSS), PSS),
    "empty-signature": hmac_jws({}, {**CLAIMS, **amazon(encoded(IDENTITY), "")}, b""),
    "empty-document": hmac_jws({}, {**CLAIMS, **amazon("", encoded(SIGNATURE))}, SIGNATURE),
    "signature-is-a-list": hmac_jws({}, {**CLAIMS, **amazon(encoded(IDENTITY), [1])}, SIGNATURE),
    "signature-is-not-base64": hmac_jws({}, {**CLAIMS, **amazon(encoded(IDENTITY), "?")}, SIGNATURE),
    "document-is-an-object": hmac_jws({}, {**CLAIMS, **amazon({}, encoded(SIGNATURE))}, SIGNATURE),
    "no-proof": AWS.token(amazon=None),
    "proof-is-text": AWS.token(amazon="x"),
    "another-issuer": AWS.token(iss="ec2.example"),
    "no-issuer": AWS.token(iss=None),
    "no-expiry": AWS.token(exp=None),
    "expired": AWS.token(exp=AT - 62),
    "lives-a-day": AWS.token(exp=AT + 86_400),
    "far-future-start": AWS.token(nbf=AT + 10**8, exp=AT + 10**8 + 300),
    "issued-in-the-future": AWS.token(iat=AT + 120),
    "no-subject": AWS.token(sub=None),
    "empty-subject": AWS.token(sub=""),
    "another-account": AWS.token(OTHER_IDENTITY),
    "no-account": AWS.token(AWS.identity(accountId=None)),
    "account-is-a-number": AWS.token(AWS.identity(accountId=123456789012)),
    "no-instance": AWS.token(AWS.identity(instanceId="")),
    "no-address": AWS.token(AWS.identity(privateIp=None)),
    "no-region": AWS.token(AWS.identity(region=None)),
    "document-is-a-list": AWS.token(b"[]"),
    "document-is-not-json": AWS.token(b"x"),
    "bound-to-a-key": AWS.token(cnf={"jkt": "x"}),
}


@pytest.mark.parametrize("case", BAD_TOKENS)
def test_refuses_a_token_that_does_not_hold(case: str) -> None:
    with pytest.raises(Unauthenticated):
        verify(BAD_TOKENS[case])


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"b64": False}])
def test_a_token_that_demands_an_extension_does_not_even_get_that_far(header: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match="extension"):
        parse_token(hmac_jws(header, CLAIMS, SIGNATURE))


def test_a_claim_that_is_there_twice_counts_once_and_the_last_one_does() -> None:
    forged = json.dumps(AWS.claims(OTHER_IDENTITY, FORGED)["amazon"])
    text = json.dumps(CLAIMS)
    assert verify(hmac_jws({}, f'{{"amazon": {forged}, {text[1:]}'.encode(), SIGNATURE)).principal == "i-0abc"
    with pytest.raises(Unauthenticated):
        verify(hmac_jws({}, f'{text[:-1]}, "amazon": {forged}}}'.encode(), SIGNATURE))


def test_the_signature_that_makes_the_token_cannot_be_written_in_another_way() -> None:
    token = AWS.token()
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(token[-1])
    twin = token[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last ^ 1]
    with pytest.raises(Unauthenticated, match="signature"):
        verify(twin)


def test_an_address_that_is_none_is_in_no_certificate() -> None:
    identity = AWS.identity(privateIp="evil.example")
    with pytest.raises(Unauthenticated, match="no IPv4 address"):
        verify(AWS.token(identity, sub="i-0abc"), disableCustomSANs=True)


def test_a_right_of_a_token_outlives_it_by_its_leeway_only_when_it_is_the_tokens() -> None:
    assert verify(AWS.token(), disableTrustOnFirstUse=True).spend_until == NOW.replace(microsecond=0) + timedelta(
        minutes=5
    )
