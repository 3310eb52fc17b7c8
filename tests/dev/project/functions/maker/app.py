"""A custom resource: answers CloudFormation at the address that it gives."""

import json
import urllib.request
from typing import Any


def handler(event: dict[str, Any], _context: Any) -> None:
    properties = event["ResourceProperties"]
    refused = properties["Greeting"] == "refuse"
    data = {
        "Status": "FAILED" if refused else "SUCCESS",
        "Reason": "told to",
        "PhysicalResourceId": "thing",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Made": f"{event['RequestType']} {properties['Greeting']} {','.join(properties['Names'])}"},
    }
    request = urllib.request.Request(event["ResponseURL"], json.dumps(data).encode(), method="PUT")
    with urllib.request.urlopen(request, timeout=5):  # the embedded AWS
        pass
