"""Webhooks without a network: documents of them, and the port that asks their servers."""

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from stepless.domain.webhook import WebhookAnswer, WebhookCall
from stepless.errors import WebhookUnavailable
from stepless.services.ports import Webhooks

if TYPE_CHECKING:
    from tests.fakes.deployment import Deployment

SECRET: Final = b"a webhook's secret, of 40 octets or more"
ALLOW: Final = WebhookAnswer(allow=True)
PEOPLE: Final = "https://hooks.example/people"
GATE: Final = "https://hooks.example/gate"
# Takes what the first of the two says.
TEMPLATE: Final = """{
  "subject": {"commonName": {{ toJson .Subject.CommonName }}, "organizationalUnit": {{ toJson .Webhooks.people.ou }}},
  "sans": {{ toJson .SANs }}, "keyUsage": "digitalSignature", "extKeyUsage": ["clientAuth"],
  "policyIdentifiers": "1.2.3.4", "basicConstraints": {"isCA": false},
  "extensions": [{"id": "1.2.3.4.5", "value": "BQA="}]
}"""


def webhook_document(name: str = "people", **changes: Any) -> dict[str, Any]:
    """A webhook in step's JSON form."""
    return {
        "id": "8a9e4b0e-2f5c-4b7f-9f0e-4a6b9d0f7c11",
        "name": name,
        "url": f"https://hooks.example/{name}",
        "kind": "ENRICHING",
        "certType": "ALL",
        "secret": base64.b64encode(SECRET).decode(),
        **changes,
    }


def use_webhooks(ca: "Deployment", *webhooks: dict[str, Any], template: str = "", **x509_options: Any) -> None:
    """Give both provisioners webhooks, and perhaps a template."""
    options: dict[str, Any] = {"webhooks": list(webhooks)}
    if template:
        options["x509"] = {"template": template, **x509_options}
    added = {"options": options}
    ca.set_provisioners(**{"p-admin": {**ca.admin.document, **added}, "p-clients": {**ca.clients.document, **added}})


def enriching(name: str = "people", **changes: Any) -> dict[str, Any]:
    """One that is asked first."""
    return webhook_document(name, **changes)


def authorizing(name: str = "gate", **changes: Any) -> dict[str, Any]:
    """One that is asked last."""
    return webhook_document(name, kind="AUTHORIZING", **changes)


class MemoryWebhooks:
    """Servers that answer what a test says, by address; a test may look at ``calls`` and ``seconds``."""

    def __init__(self) -> None:
        self.answers: dict[str, WebhookAnswer] = {}
        self.calls: list[WebhookCall] = []
        self.seconds: list[float] = []
        self.before: Callable[[], object] = lambda: None

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What the servers were told."""
        return [json.loads(call.body) for call in self.calls]

    def ask(self, call: WebhookCall, seconds: float) -> WebhookAnswer:
        """What a server says; see the port."""
        self.before()
        self.calls.append(call)
        self.seconds.append(seconds)
        answer = self.answers.get(call.url)
        if answer is None:
            raise WebhookUnavailable(f"{call.label} is away")
        return answer


_: type[Webhooks] = MemoryWebhooks
