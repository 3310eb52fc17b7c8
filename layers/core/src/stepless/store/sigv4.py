"""AWS Signature Version 4 for a POST of JSON to ``/``: all that DynamoDB's protocol needs of it.

The algorithm is AWS's, "Signature Version 4 signing process" in the IAM User Guide; the tests hold it to botocore's.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """Keys of a role or user; the session token is empty for keys that do not expire."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for."""

    region: str
    service: str


def sign(headers: dict[str, str], body: bytes, credentials: Credentials, scope: Scope, date: str) -> None:
    """Add date, session token and signature to the headers of a request, all of which are signed.

    Args:
        headers: names in lower case, ``host`` among them.
        body: as it will be sent.
        credentials: whose request it is.
        scope: region and service of the endpoint.
        date: now, in UTC, as ``20260131T235959Z``.
    """
    headers["x-amz-date"] = date
    if credentials.session_token:
        headers["x-amz-security-token"] = credentials.session_token
    names = sorted(headers)
    signed = ";".join(names)
    lines = "".join([f"{name}:{headers[name]}\n" for name in names])
    canonical = f"POST\n/\n\n{lines}\n{signed}\n{sha256(body).hexdigest()}"
    day = date[:8]
    where = f"{day}/{scope.region}/{scope.service}/aws4_request"
    text = f"{_ALGORITHM}\n{date}\n{where}\n{sha256(canonical.encode()).hexdigest()}"
    key = _signing_key(credentials.secret_access_key, day, scope)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{where}, SignedHeaders={signed}, Signature={signature}"
    )


@lru_cache(maxsize=4)
def _signing_key(secret: str, day: str, scope: Scope) -> bytes:
    """The same for a whole day."""
    key = f"AWS4{secret}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
