"""Two condition keys that ministack's IAM does not know, or gets wrong, put right in its own process.

`kms:EncryptionContext:<name>` is unknown to it, so that a statement with such a condition denies every
context; here it is what the request says. `aws:PrincipalArn` of an assumed role is the ARN of the session
there; on AWS it is the ARN of the role, path included, which key policies rely on.
"""

import contextvars
import json
from collections.abc import Awaitable, Callable
from typing import Any

from ministack import app
from ministack.core import iam_evaluator
from ministack.services import iam

_KMS_TARGET = "TrentService."
_CONTEXT_KEY = "kms:encryptioncontext:"

_encryption_context: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("encryption_context")


def install() -> None:
    """Once per process, before the first request."""
    app._dispatch_service_request = _remembering(app._dispatch_service_request)
    iam_evaluator._resolve_condition_key = _resolving(iam_evaluator._resolve_condition_key)


def _remembering(dispatch: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Keeps a KMS request's encryption context for the conditions that ask for it."""

    async def remembering(method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any) -> Any:
        if not headers.get("x-amz-target", "").startswith(_KMS_TARGET):
            return await dispatch(method, path, headers, body, *rest)
        token = _encryption_context.set(_context_of(body))
        try:
            return await dispatch(method, path, headers, body, *rest)
        finally:
            _encryption_context.reset(token)

    return remembering


def _context_of(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body).get("EncryptionContext")
    except (ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def _resolving(resolve: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    def resolving(key: str, context: Any) -> Any:
        lowered = key.lower()
        if lowered.startswith(_CONTEXT_KEY):
            return _encryption_context.get({}).get(key[len(_CONTEXT_KEY) :])
        if lowered == "aws:principalarn" and context.principal_type == "AssumedRole":
            return _role_arn(context.principal_arn, context.principal_account)
        return resolve(key, context)

    return resolving


def _role_arn(session_arn: str, account: str) -> str:
    role = iam._roles.get_scoped(account, None, session_arn.split("/")[1])
    return session_arn if role is None else str(role["Arn"])
