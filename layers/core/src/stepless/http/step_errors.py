"""step's error dialect: ``{"status","message"}``, one table for all refusals (step-ca's texts)."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from stepless import errors
from stepless.http.json_response import json_response

_SEE_LOGS: Final = "Please see the certificate authority logs for more info."
_DEFAULT_MESSAGE: Final = {
    400: f"The request could not be completed; malformed or missing data. {_SEE_LOGS}",
    401: f"The request lacked necessary authorization to be completed. {_SEE_LOGS}",
    403: f"The request was forbidden by the certificate authority. {_SEE_LOGS}",
    404: f"The requested resource could not be found. {_SEE_LOGS}",
    500: f"The certificate authority encountered an Internal Server Error. {_SEE_LOGS}",
    501: f"The requested method is not implemented by the certificate authority. {_SEE_LOGS}",
    503: "The certificate authority cannot serve the request at the moment. Please send it again.",
}
_BAD_REQUEST: Final = "The request could not be completed: {}."
_FORBIDDEN: Final = "The request was forbidden by the certificate authority: {}."
_UNAUTHORIZED: Final = "The request lacked necessary authorization to be completed: {}"

# Outcome → status and how its detail is shown; ``None`` keeps it in the log.
STEP_ERRORS: Final[dict[type[errors.CAError], tuple[int, str | None]]] = {
    errors.MalformedRequest: (400, _BAD_REQUEST),
    errors.BadCSR: (400, _BAD_REQUEST),
    errors.InvalidValidity: (400, _BAD_REQUEST),
    errors.AlreadyRevoked: (400, _BAD_REQUEST),
    errors.Unauthenticated: (401, None),
    errors.BadRenewToken: (401, "{}"),
    errors.RenewalRefused: (401, _UNAUTHORIZED),
    errors.Forbidden: (403, _FORBIDDEN),
    errors.NameNotAllowed: (403, _FORBIDDEN),
    errors.KeyNotAllowed: (403, _FORBIDDEN),
    errors.ValidityNotAllowed: (403, _FORBIDDEN),
    errors.WebhookDenied: (403, _FORBIDDEN),
    errors.CertificateNotAuthorized: (403, _FORBIDDEN.format("error creating certificate")),
    errors.NotFound: (404, "{}"),
    errors.Conflict: (409, "{}"),
    errors.TooLarge: (413, _BAD_REQUEST),
    errors.NotSupported: (501, None),
    errors.Unavailable: (503, None),
    errors.IdentityProviderUnavailable: (503, "{}"),
    errors.WebhookUnavailable: (503, "{}"),
    errors.TemplateFailed: (500, None),
    errors.BadTemplateOutput: (500, "error applying certificate template"),
    errors.IntegrityFailure: (500, None),
}


def error_response(status: int, message: str) -> Response:
    """An answer in step's error form."""
    return json_response({"status": status, "message": message}, status)


def render_error(error: Exception) -> Response:
    """The answer to a refusal; anything that is not a ``CAError`` is a 500 with fixed text."""
    status, template = STEP_ERRORS.get(type(error), (500, None)) if isinstance(error, errors.CAError) else (500, None)
    message = template.format(error) if template is not None else _DEFAULT_MESSAGE[status]
    response = error_response(status, message)
    if isinstance(error, errors.Unavailable):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response
