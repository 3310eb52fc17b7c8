import json

import pytest

from stepless.errors import KeyNotAllowed
from stepless.http.step_errors import render_error
from tests.fakes.certificate_requests import make_csr
from tests.fakes.deployment import Deployment
from tests.fakes.weak_keys import close_primes_key, request_for_nobodys_key, roca_key, rsa_key_with_exponent_3

WEAK_REQUESTS = {
    "ROCA": lambda: make_csr("leaf.example", key=roca_key()),
    "close together": lambda: make_csr("leaf.example", key=close_primes_key()),
    "exponent": lambda: make_csr("leaf.example", key=rsa_key_with_exponent_3()),
    "small order": lambda: request_for_nobodys_key(b"\x01" + bytes(31)),
}


@pytest.mark.parametrize("weakness", WEAK_REQUESTS)
def test_a_weak_key_gets_no_certificate_and_the_reason(weakness: str) -> None:
    ca = Deployment()
    with pytest.raises(KeyNotAllowed, match=weakness) as refused:
        ca.sign(WEAK_REQUESTS[weakness]())
    answer = render_error(refused.value)
    assert answer.status_code == 403
    assert json.loads(bytes(answer.body))["message"] == (
        f"The request was forbidden by the certificate authority: {refused.value.detail}."
    )
    assert len(ca.certificates) == 0
    assert ca.certificates.spent == {}
