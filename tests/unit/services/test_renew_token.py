from datetime import timedelta
from typing import Any

import pytest

from stepless.errors import BadRenewToken, RenewalRefused, Unauthenticated, Unavailable
from tests.fakes.clock import NOW
from tests.fakes.deployment import Deployment
from tests.fakes.ephemeral_ca import CLIENT_AUTH, CLIENT_PROFILE, KEY_ENCIPHERMENT, make_ca, sign_leaf
from tests.fakes.faults import Faults
from tests.fakes.jose import assemble, hmac_jws, jws, twin_es256, unsigned_jws
from tests.fakes.private_keys import SUBJECT_KEYS, p256
from tests.fakes.tokens import HOST, renew_token, x5c_header

AT = int(NOW.timestamp())
OPAQUE = "^error validating renew token$"


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_a_token_of_its_key_proves_a_certificate(kind: str) -> None:
    ca, key = Deployment(), SUBJECT_KEYS[kind]()
    old = ca.leaf(key)
    new = ca.renew(token=renew_token(old, key)).record
    assert new.predecessor == old.serial_number
    assert new.certificate.public_key() == key.public_key()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": f"https://{HOST}/1.0/renew"}, id="ok/versioned-audience"),
        pytest.param({"aud": [f"https://{HOST}:9000/renew"]}, id="ok/audience-list-with-port"),
        pytest.param({"aud": "https://[::1]:9000/renew"}, id="ok/ipv6-audience"),
        pytest.param({"iss": "admin"}, id="ok/issuer-is-the-provisioner"),
        pytest.param({"exp": None}, id="ok/no-expiry"),
        pytest.param({"exp": None, "nbf": None, "iat": None}, id="ok/no-times"),
        pytest.param({"jti": "x"}, id="ok/with-an-id"),
    ],
)
def test_takes_the_forms_that_step_takes(changes: dict[str, Any]) -> None:
    ca, key = Deployment(), p256()
    ca.renew(token=renew_token(ca.leaf(key), key, **changes))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"sub": "other"}, r"invalid subject claim \(sub\)", id="fail/subject"),
        pytest.param({"sub": None}, r"invalid subject claim \(sub\)", id="fail/no-subject"),
        pytest.param({"exp": AT - 61}, r"token is expired \(exp\)", id="fail/expired"),
        pytest.param({"nbf": AT + 62}, r"token not valid yet \(nbf\)", id="fail/not-yet"),
        pytest.param({"iat": AT + 62}, r"token issued in the future \(iat\)", id="fail/future"),
        pytest.param({"exp": AT + 9999}, "lives longer", id="fail/long"),
        pytest.param({"exp": "x"}, "exp is not a date", id="fail/odd-date"),
        pytest.param({"aud": f"https://{HOST}/sign"}, r"invalid audience claim \(aud\)", id="fail/sign-audience"),
        pytest.param({"aud": "https://other.example/renew"}, r"invalid audience claim \(aud\)", id="fail/other-host"),
        pytest.param({"aud": "step-certificate-authority"}, r"invalid audience claim \(aud\)", id="fail/literal"),
        pytest.param({"aud": None}, r"invalid audience claim \(aud\)", id="fail/no-audience"),
        pytest.param({"iss": "clients"}, r"invalid issuer claim \(iss\)", id="fail/another-provisioner"),
        pytest.param({"iss": None}, r"invalid issuer claim \(iss\)", id="fail/no-issuer"),
    ],
)
def test_names_the_claim_that_is_wrong(changes: dict[str, Any], text: str) -> None:
    ca, key = Deployment(), p256()
    with pytest.raises(BadRenewToken, match=f"^error validating renew token: .*{text}"):
        ca.renew(token=renew_token(ca.leaf(key), key, **changes))
    assert len(ca.certificates) == 1


CLAIMS = {"sub": "leaf.example", "iss": "step-ca-client/1.0", "aud": f"https://{HOST}/renew", "exp": AT + 300}


def test_says_nothing_of_a_token_that_proves_nothing() -> None:
    ca, key = Deployment(), p256()
    leaf = ca.leaf(key)
    chain = x5c_header([leaf])
    foreign = sign_leaf(make_ca("Ephemeral").issuing, key)
    may_not_sign = sign_leaf(ca.ca.issuing, key, extensions=[(KEY_ENCIPHERMENT, True), (CLIENT_AUTH, False)])
    tokens = {
        "garbage": "x.y.z",
        "no-chain": jws({}, CLAIMS, key),
        "empty-chain": jws({"x5cInsecure": []}, CLAIMS, key),
        "secure-chain": jws({"x5c": chain}, CLAIMS, key),
        "another-key": renew_token(leaf, p256()),
        "another-authority": renew_token(foreign, key),
        "intermediate": jws({"x5cInsecure": x5c_header([ca.ca.intermediate_certificate])}, CLAIMS, key),
        "may-not-sign": renew_token(may_not_sign, key),
        "unsigned": unsigned_jws({"x5cInsecure": chain}, CLAIMS),
        "hmac": hmac_jws({"x5cInsecure": chain}, CLAIMS, b"x"),
        "another-algorithm": assemble({"alg": "ES384", "x5cInsecure": chain}, CLAIMS, key, "ES256"),
        "leaf-is-second": jws({"x5cInsecure": x5c_header([ca.ca.intermediate_certificate, leaf])}, CLAIMS, key),
    }
    for name, token in tokens.items():
        with pytest.raises(BadRenewToken, match=OPAQUE):
            ca.renew(token=token)
        assert len(ca.certificates) == 1, name


def test_a_certificate_without_common_name_is_proven_by_any_subject() -> None:
    ca, key = Deployment(), p256()
    unknown = sign_leaf(ca.ca.issuing, key, common_name="", extensions=CLIENT_PROFILE)
    # It passes the token's checks, and is not on record.
    with pytest.raises(Unauthenticated, match="provisioner is not one"):
        ca.renew(token=renew_token(unknown, key, sub="anything"))


def test_the_client_certificate_counts_and_the_token_beside_it_does_not() -> None:
    ca = Deployment()
    leaf = ca.leaf()
    assert ca.renew(leaf, token="garbage").record.predecessor == leaf.serial_number


def test_an_expired_certificate_proves_itself_and_is_then_refused() -> None:
    ca, key = Deployment(), p256()
    old = ca.leaf(key)
    ca.later(hours=25)
    at = AT + 25 * 3600
    token = renew_token(old, key, iat=at, nbf=at, exp=at + 300)
    with pytest.raises(RenewalRefused, match="certificate expired on"):
        ca.renew(token=token)
    ca.set_provisioners(**{"p-admin": {**ca.admin.document, "claims": {"allowRenewalAfterExpiry": True}}})
    assert ca.renew(token=token).record.predecessor == old.serial_number


def test_a_token_renews_once_and_a_repeat_gets_the_same_certificate() -> None:
    ca, key = Deployment(), p256()
    token = renew_token(ca.leaf(key), key)
    first = ca.renew(token=token).record
    assert ca.renew(token=token).record.der == first.der
    assert len(ca.certificates) == 2


def test_a_token_written_in_another_way_is_the_same_token() -> None:
    ca, key = Deployment(), p256()
    token = renew_token(ca.leaf(key), key)
    ca.renew(token=token)
    with pytest.raises(Unauthenticated, match="used before"):
        ca.renew(token=twin_es256(token))


def test_the_mark_outlives_the_token() -> None:
    for exp, least in ((AT + 300, 360), (None, 3660)):
        ca, key = Deployment(), p256()
        leaf = ca.leaf(key)
        ca.certificates.spent.clear()
        ca.renew(token=renew_token(leaf, key, exp=exp))
        (spent,) = ca.certificates.spent.values()
        assert spent.spend.expires_at >= NOW + timedelta(seconds=least) - timedelta(seconds=1)


@pytest.mark.parametrize("moment", [2, 3], ids=["before-the-write", "answer-lost-after-the-write"])
def test_a_renewal_can_be_sent_again_after_an_outage(moment: int) -> None:
    ca, key = Deployment(faults=Faults(at=moment)), p256()
    leaf = ca.leaf(key)
    token = renew_token(leaf, key)
    with pytest.raises(Unavailable):
        ca.renew(token=token)
    assert ca.renew(token=token).record.predecessor == leaf.serial_number
    assert len(ca.certificates) == 2
