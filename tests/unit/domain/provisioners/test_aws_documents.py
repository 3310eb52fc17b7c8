"""The settings of AWS provisioners: age, keys, and what is refused."""

import base64
from importlib.resources import files
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from stepless.domain.claims import Claims
from stepless.domain.provisioners import Grant, Provisioner, parse_provisioner
from stepless.domain.provisioners.aws import _amazon_keys
from stepless.domain.token import parse_token
from stepless.errors import Unauthenticated
from tests.fakes.clock import NOW
from tests.fakes.clouds import Amazon
from tests.fakes.ephemeral_ca import make_ca, sign_leaf
from tests.fakes.private_keys import p256

AWS = Amazon()


def provisioner_of(**changes: object) -> Provisioner:
    return parse_provisioner("id-1", {**AWS.document, **changes}, Claims())


def verify(token: str, **changes: object) -> Grant:
    provisioner, parsed = provisioner_of(**changes), parse_token(token)
    assert provisioner.key_source(parsed, now=NOW) is None
    return provisioner.verify(parsed, now=NOW)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


# --- age


@pytest.mark.parametrize(
    ("age", "started", "allowed"),
    [
        ("1h", "2026-02-01T09:30:30Z", True),
        ("30m1s", "2026-02-01T09:30:30Z", True),
        ("29m", "2026-02-01T09:30:30Z", False),
        ("29m", "2026-02-01T10:30:30+01:00", False),
        ("1h", None, False),
        ("1h", "yesterday", False),
        ("1h", 7, False),
        ("0s", "1999-01-01T00:00:00Z", True),
        (None, None, True),
    ],
)
def test_an_instance_is_young_enough(age: str | None, started: object, *, allowed: bool) -> None:
    token = AWS.token(AWS.identity(pendingTime=started))
    if allowed:
        verify(token, instanceAge=age)
    else:
        with pytest.raises(Unauthenticated, match="older than"):
            verify(token, instanceAge=age)


# --- the keys of AWS


def test_amazons_own_keys_verify_where_no_others_are_given() -> None:
    assert len(_amazon_keys()) == 15
    with pytest.raises(Unauthenticated, match="not signed by AWS"):
        verify(AWS.token(), iidCertificates=None)


def test_the_data_are_the_certificates_that_amazon_signed_itself() -> None:
    pem = files("stepless.domain.provisioners").joinpath("data/aws_certificates.pem").read_bytes()
    certificates = x509.load_pem_x509_certificates(pem)
    assert len(certificates) == 33
    for certificate in certificates:
        key = certificate.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        algorithm = certificate.signature_hash_algorithm
        assert algorithm is not None
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, padding.PKCS1v15(), algorithm)


def test_keys_of_ones_own_replace_amazons() -> None:
    keys = parse_provisioner("id", {**AWS.document, "iidRoots": "/etc/iid.pem"}, Claims())
    assert keys.verify(parse_token(AWS.token()), now=NOW).principal == "i-0abc"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"accounts": None}, "accounts: at least one", id="fail/no-accounts"),
        pytest.param({"accounts": []}, "accounts: at least one", id="fail/empty-accounts"),
        pytest.param({"accounts": [""]}, "accounts: must be a list", id="fail/empty-account"),
        pytest.param({"accounts": "123"}, "accounts: must be a list", id="fail/accounts-are-text"),
        pytest.param({"Accounts": ["1"]}, "Accounts: is spelled accounts", id="fail/another-spelling"),
        pytest.param({"disablecustomsans": True}, "is spelled disableCustomSANs", id="fail/switch-in-another-spelling"),
        pytest.param({"disableCustomSANs": "true"}, "must be true or false", id="fail/switch-is-text"),
        pytest.param({"disableTrustOnFirstUse": 1}, "must be true or false", id="fail/switch-is-a-number"),
        pytest.param({"imdsVersions": ["v3"]}, "imdsVersions: 'v3'", id="fail/imds"),
        pytest.param({"instanceAge": "x"}, "duration", id="fail/age"),
        pytest.param({"instanceAge": "-1h"}, "instanceAge: cannot be negative", id="fail/negative-age"),
        pytest.param({"instanceAge": 3600}, "instanceAge: must be text", id="fail/age-is-a-number"),
        pytest.param({"iidRoots": "/x", "iidCertificates": None}, "iidRoots: is a file", id="fail/file"),
        pytest.param({"iidCertificates": "?"}, "iidCertificates: base64", id="fail/certificates-not-base64"),
        pytest.param({"iidCertificates": "aGVsbG8="}, "iidCertificates: base64", id="fail/no-certificates"),
        pytest.param(
            {"iidCertificates": encoded(sign_leaf(make_ca().issuing, p256()).public_bytes(Encoding.PEM))},
            "with RSA keys",
            id="fail/ec-certificate",
        ),
    ],
)
def test_refuses_a_document_and_says_which_field_is_wrong(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        provisioner_of(**changes)


def test_settings_that_are_the_clients_are_kept() -> None:
    assert provisioner_of(imdsVersions=["v2"]).document["imdsVersions"] == ["v2"]
