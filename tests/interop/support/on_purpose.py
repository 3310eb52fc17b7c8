"""Every place where stepless answers otherwise than step-ca on purpose, with the reason.

`docs/step-compat.md` lists the same cases and reasons for people; a test holds the two together.
"""

from tests.interop.support.difference import Difference
from tests.interop.support.on_purpose_certificates import PROFILES, RENEWALS, REQUESTS
from tests.interop.support.on_purpose_people import PEOPLE
from tests.interop.support.on_purpose_tokens import READING, TOKENS

ON_PURPOSE: tuple[Difference, ...] = (*READING, *TOKENS, *REQUESTS, *RENEWALS, *PROFILES, *PEOPLE)
