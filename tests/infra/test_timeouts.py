"""The time of a signing function, which those that it calls have to share."""

from stepless.outbound.key_sets import FETCH_SECONDS
from stepless.services.webhooks import ALL_SECONDS
from stepless_dev.template import load_yaml
from tests.infra.templates import ROOT

GATEWAY_SECONDS = 29
# When a table does not answer (`stepless.runtime.aws`).
AWS_SECONDS = 4


def test_the_signer_can_tell_why_it_failed_before_anybody_gives_up() -> None:
    template = load_yaml(ROOT / "template.yaml")
    timeout = template["Resources"]["IssueFunction"]["Properties"]["Timeout"]
    assert FETCH_SECONDS + ALL_SECONDS + AWS_SECONDS < timeout < GATEWAY_SECONDS
