"""One deliberate difference between the servers, and the texts that such differences quote."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LOGS = " Please see the certificate authority logs for more info."
UNAUTHORIZED = f"The request lacked necessary authorization to be completed.{LOGS}"
NOT_FOUND = f"The requested resource could not be found.{LOGS}"
BAD = "The request could not be completed: "
FORBIDDEN = "The request was forbidden by the certificate authority: "
ISSUED = "201 crt, ca, certChain, tlsOptions"
MESSAGE = "0/body/message"


@dataclass(frozen=True, slots=True)
class Difference:
    """Cases that differ in the same places: path in the observation, step-ca's value, stepless'."""

    cases: tuple[str, ...]
    places: Mapping[str, tuple[Any, Any]]
    reason: str


def refused(case: str, answer: str, reason: str) -> Difference:
    """Return a difference in which step-ca issues and stepless does not."""
    return Difference((case,), {"0": (ISSUED, answer)}, reason)
