"""The CloudFormation custom resource ``Custom::Authority``: makes an authority when a stack is made.

It answers to the pre-signed URL that CloudFormation gives it; a stack that is deleted keeps its authority.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.request import Request, urlopen

from stepless.domain.authority import Authority
from stepless.errors import CAError
from stepless.runtime.observability import Observability
from stepless.runtime.settings import FunctionSettings
from stepless.runtime.wiring import Wiring
from stepless.services.bootstrap import FIRST_PROVISIONER, BootstrapRequest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_ANSWER_SECONDS: Final = 10


class AuthorityResource:
    """Creates on Create and on Update (both idempotent), and does nothing on Delete."""

    def __init__(self, name: str) -> None:
        """Nothing is connected before an event arrives."""
        self._name = name

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Serve one custom resource event; returns what was answered."""
        settings = FunctionSettings.from_environment()
        observability = Observability(self._name, settings.log_level)
        observability.begin(context)
        observability.note(event=str(event.get("RequestType", "")))
        try:
            answer = {"Status": "SUCCESS", "Data": self._serve(event, settings)}
        except Exception as error:  # noqa: BLE001 - CloudFormation waits an hour for an answer that does not come
            observability.report(error)
            reason = error.detail if isinstance(error, CAError) else "see the log of the bootstrap function"
            answer = {"Status": "FAILED", "Reason": reason}
        finally:
            observability.end()
        answer |= {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
        answer["PhysicalResourceId"] = settings.authority_id
        _reply(event["ResponseURL"], answer)
        return answer

    def _serve(self, event: dict[str, Any], settings: FunctionSettings) -> dict[str, str]:
        if event["RequestType"] == "Delete":
            return {}
        wiring = Wiring(settings)
        properties = event["ResourceProperties"]
        request = BootstrapRequest(
            authority_id=settings.authority_id,
            name=properties["AuthorityName"],
            dns_names=tuple(properties["DnsNames"]),
            provisioner_password=wiring.provisioner_password(),
        )
        return _data(wiring.bootstrap(request))


def _data(authority: Authority) -> dict[str, str]:
    return {
        "Fingerprint": next(iter(authority.roots_by_fingerprint)),
        "Provisioner": FIRST_PROVISIONER,
    }


def _reply(url: str, answer: dict[str, Any]) -> None:
    if not url.startswith(("https://", "http://127.0.0.1:")):
        msg = "a ResponseURL must be HTTPS (or loopback, under the local gateway)"
        raise ValueError(msg)
    body = json.dumps(answer).encode()
    request = Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - checked above
    with urlopen(request, timeout=_ANSWER_SECONDS):  # noqa: S310 - checked above
        pass
