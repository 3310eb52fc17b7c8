"""Raw calls to stepless and to the reference step-ca: the same status, type and body.

Where they differ on purpose the table in `support/on_purpose.py` says so.
"""

import pytest

from tests.interop.support.differences import compare
from tests.interop.support.other_cases import (
    READ_CASES,
    REKEY_CASES,
    RENEW_CASES,
    REVOKE_CASES,
)
from tests.interop.support.people_cases import PEOPLE_CASES
from tests.interop.support.raw_calls import observe
from tests.interop.support.sign_body_cases import SIGN_BODY_CASES
from tests.interop.support.sign_name_cases import NAME_CASES
from tests.interop.support.sign_token_cases import SIGN_TOKEN_CASES
from tests.interop.support.stage import Stage

CASES = {
    **READ_CASES,
    **SIGN_BODY_CASES,
    **SIGN_TOKEN_CASES,
    **NAME_CASES,
    **RENEW_CASES,
    **REKEY_CASES,
    **REVOKE_CASES,
    **PEOPLE_CASES,
}


# step-ca issues names that this library finds too long (RFC 5280 appendix A.1, ub-common-name).
@pytest.mark.filterwarnings("ignore:Attribute's length must be")
@pytest.mark.parametrize("case", CASES)
def test_answer_is_the_reference_servers_when_call_is_the_same(stage: Stage, case: str) -> None:
    build = CASES[case]
    reference = observe(build, stage.target("step-ca"))
    compare(case, reference, observe(build, stage.target("stepless")))
