"""Whatever arrives, only a refusal or a certificate comes out (house rule: unknown means refused)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.validity import RequestedValidity
from stepless.errors import CAError
from stepless.http.step_schemas import RevokeBody, SignBody, read_body, read_time
from stepless.services.issue import request_sha256
from stepless.services.renew import RenewalProof
from stepless.services.revoke import RevokeRequest
from stepless.services.sign import SignRequest
from tests.fakes.certificate_requests import csr_pem, make_csr
from tests.fakes.clock import NOW
from tests.fakes.deployment import Deployment
from tests.fakes.private_keys import p256
from tests.fakes.tokens import HOST, renew_token, step_claims

CA = Deployment(claims={"maxTLSCertDuration": "2562047h"})
KEY = p256()
LEAF = CA.leaf(KEY)
AT = int(NOW.timestamp())
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_NAMES = st.text(max_size=20) | st.emails() | st.ip_addresses().map(str) | st.sampled_from(["*.a", "a:b", "\ud800"])
_CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        "iss": _JSON,
        "sub": _JSON | _NAMES,
        "aud": _JSON | st.sampled_from([f"https://{HOST}/sign#x5c/clients", ["step-certificate-authority"]]),
        "sans": st.lists(_NAMES, max_size=4) | _JSON,
        "exp": st.integers(AT - 100, AT + 4000) | _JSON,
        "nbf": _JSON,
        "iat": _JSON,
        "jti": _JSON | st.just("\ud800"),
        "cnf": _JSON | st.fixed_dictionaries({"x5rt#S256": st.text(max_size=6) | st.just("\ud800")}),
    },
)
_HEADERS = st.dictionaries(
    st.sampled_from(["kid", "typ", "crit", "b64", "x5c", "jwk", "alg", "cty"]), _JSON, max_size=3
)
_TIMES = st.text(max_size=12) | st.sampled_from(
    ["1h", "-1h", "1930-01-01T00:00:00Z", "2562047h", "9999-12-31T23:59:59Z"]
)
_CSRS = st.builds(csr_pem, st.builds(make_csr, st.sampled_from(["", "leaf.example", "x"]), key=st.just(KEY)))


def ott(changes: dict[str, Any], header: dict[str, Any]) -> str:
    claims = step_claims("admin", "leaf.example", f"https://{HOST}/1.0/sign", **changes)
    return CA.admin.sign(claims, **header)


_OTTS = st.builds(ott, _CLAIMS, st.just({}) | _HEADERS) | st.text(max_size=20)
_SIGN_BODIES = st.fixed_dictionaries(
    {"csr": _CSRS | _JSON, "ott": _OTTS | _JSON}, optional={"notBefore": _TIMES | _JSON, "notAfter": _TIMES | _JSON}
)
_BODIES = st.binary(max_size=60) | (_SIGN_BODIES | _JSON).map(json.dumps).map(str.encode)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # of what is refused here
@given(_BODIES)
def test_any_sign_body_is_issued_or_refused(raw: bytes) -> None:
    before = len(CA.certificates)
    try:
        body = read_body(SignBody, raw)
        requested = RequestedValidity(read_time(body.notbefore), read_time(body.notafter))
        issued = CA.signs(SignRequest(body.csr, body.ott, requested, request_sha256(raw)))
    except CAError:
        assert len(CA.certificates) == before
        return
    assert CA.certificates.get(issued.record.serial) is not None
    issued.record.certificate.verify_directly_issued_by(CA.ca.intermediate_certificate)


def renewal(changes: dict[str, Any]) -> str:
    return renew_token(LEAF, KEY, **changes)


@given(st.text() | st.builds(renewal, _CLAIMS))
def test_any_renew_token_is_honoured_or_refused(token: str) -> None:
    try:
        issued = CA.renew(token=token)
    except CAError:
        return
    assert issued.record.predecessor == LEAF.serial_number


@given(st.text())
def test_any_text_is_no_request_and_no_renew_token(csr: str) -> None:
    with pytest.raises(CAError):
        CA.renews.rekey(LEAF, csr)
    with pytest.raises(CAError):
        CA.renews.renew(RenewalProof(None, csr))


_SERIALS = st.text(max_size=8) | st.integers(-5, 2**161).map(str) | st.integers(0, 2**161).map(hex)
_REVOKE_BODIES = st.fixed_dictionaries(
    {"serial": _SERIALS | _JSON, "passive": st.booleans() | _JSON},
    optional={"ott": _OTTS | _JSON, "reasonCode": st.integers(-1, 11) | _JSON, "reason": _JSON},
)


@given((_REVOKE_BODIES | _JSON).map(json.dumps).map(str.encode), st.booleans())
def test_any_revoke_body_is_done_or_refused(raw: bytes, with_certificate: bool) -> None:  # noqa: FBT001 - a drawn value
    try:
        body = read_body(RevokeBody, raw)
        wanted = RevokeRequest(body.serial, body.ott, body.reasoncode, body.reason, body.passive)
        serial = CA.revokes(wanted, LEAF if with_certificate else None)
    except CAError:
        return
    assert serial in CA.certificates.revocations
