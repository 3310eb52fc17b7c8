"""The one family of refusals.

Each class is named for its outcome and knows nothing of HTTP: ``http.step_errors`` turns it into step's
``{"status","message"}``, and later dialects have tables of their own. ``detail`` is written for the caller and may be
shown; the cause travels with ``raise … from`` and goes to the log only.
"""

from __future__ import annotations


class CAError(Exception):
    """A request that the authority refuses or cannot serve.

    Args:
        detail: one sentence without a final dot, safe to show to the caller.
    """

    def __init__(self, detail: str) -> None:
        """Keep the detail; it is also the text of the exception."""
        super().__init__(detail)
        self.detail = detail

    @property
    def kind(self) -> str:
        """The stable name that logs and metrics carry."""
        return type(self).__name__


class MalformedRequest(CAError):
    """The request cannot be read: not JSON, a missing field, a field of the wrong type (RFC 9110 §15.5.1)."""


class BadCSR(MalformedRequest):
    """The certificate request is missing, unreadable, badly signed or of an unsupported kind (RFC 2986)."""


class InvalidValidity(MalformedRequest):
    """The requested dates contradict themselves or lie in the past (RFC 5280 §4.1.2.5)."""


class AlreadyRevoked(CAError):
    """The serial has a revocation already; its first reason and time stand (RFC 5280 §5.3)."""


class Conflict(CAError):
    """What was to be created exists already, or changed since it was read."""


class TooLarge(CAError):
    """The request is larger than this authority reads."""


class Unauthenticated(CAError):
    """Who asks could not be established: token or certificate missing, wrong, expired or used before.

    The detail is for the log: telling a stranger which check failed helps only an attacker.
    """


class BadRenewToken(CAError):
    """A renew token that does not hold; unlike for one-time tokens, step shows the reason."""


class RenewalRefused(CAError):
    """The certificate is genuine, yet may not be renewed; the detail is shown."""


class Forbidden(CAError):
    """Who asks is known, and may not have this."""


class NameNotAllowed(Forbidden):
    """A name of the request is not one that the credential or the policy permits."""


class KeyNotAllowed(Forbidden):
    """The public key is too weak."""


class ValidityNotAllowed(Forbidden):
    """The requested lifetime is outside of what the provisioner's claims or credential permit."""


class NotFound(CAError):
    """What the path names does not exist here."""


class NotSupported(CAError):
    """The protocol knows this request, and this authority does not offer it."""


class Unavailable(CAError):
    """A service that the authority depends on did not answer in time; the same request may be sent again."""

    retry_after_seconds = 2


class IdentityProviderUnavailable(Unavailable):
    """An identity provider, without which a provisioner cannot verify its tokens, does not do its work now.

    The detail is shown: who logs in there is the one to know. It names the provisioner.
    """

    retry_after_seconds = 10


class WebhookDenied(Forbidden):
    """A webhook that enriches requests does not allow this one; its reason is shown, as step-ca shows it."""


class CertificateNotAuthorized(Forbidden):
    """A webhook that authorizes certificates does not allow this one; the detail is for the log, as in step-ca."""


class WebhookUnavailable(Unavailable):
    """A webhook, without whose word a provisioner does not issue, does not do its work now.

    The detail is shown: it names webhook and provisioner, which are public. step-ca answers 403.
    """

    retry_after_seconds = 10


class TemplateFailed(CAError):
    """A certificate template could not be executed, or exceeded a limit; the detail has the place, for the log."""


class BadTemplateOutput(TemplateFailed):
    """What a template rendered describes no certificate that may be issued; the detail says why, for the log."""


class IntegrityFailure(CAError):
    """Something stored or produced by the authority is not what it must be; nothing is handed out."""
