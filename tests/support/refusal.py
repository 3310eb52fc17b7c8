"""What every refusal looks like, whoever makes it: the function, the gateway, or the HTTP parser."""

import re
from collections.abc import Collection

from tests.support.https import Answer

# Traces of the program that do not help whoever reads them, and help whoever attacks.
_INSIDE = re.compile(
    r"Traceback|File \"|\.py\b|line \d+|Error\(|Exception|<[a-z]+ object| object at 0x|pydantic|botocore|cryptography|"
    r"fastapi|starlette|asn1|OpenSSL|dynamodb|kms:|arn:aws|stepless\.",
    re.IGNORECASE,
)


def check_refusal(answer: Answer | None, statuses: Collection[int], what: str = "") -> None:
    """A documented status, step's error body, a message for people, and nothing of the inside."""
    assert answer is not None, f"{what}: no answer"
    assert answer.status in statuses, f"{what}: {answer.status} {answer.body[:300]!r}"
    assert answer.headers["content-type"] == "application/json", what
    body = answer.json()
    assert body.keys() == {"status", "message"}, f"{what}: {body}"
    assert body["status"] == answer.status, what
    assert re.match(r"\w.{10,}", body["message"], re.DOTALL), f"{what}: {body}"
    # What is quoted of the request is escaped: nothing of it reaches a terminal as it was sent.
    assert answer.body.decode("ascii").removesuffix("\n").isprintable(), f"{what}: {body}"
    assert len(body["message"]) < 1_000, f"{what}: the message repeats what was sent"
    found = _INSIDE.search(body["message"])
    assert found is None, f"{what}: {found} in {body['message']!r}"
