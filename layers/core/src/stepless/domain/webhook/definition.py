"""A provisioner's webhooks as its configuration states them (step's ``options.webhooks``)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from stepless.domain.key_set import check_address

# They are asked one after the other, and together they have the time of one request.
MAX_WEBHOOKS: Final = 8
_MAX_NAME_LENGTH: Final = 128
_MAX_CREDENTIAL_LENGTH: Final = 4_096
_MIN_SECRET_BYTES: Final = 16
_PUBLIC: Final = ("id", "name", "url", "kind", "certType", "disableTLSClientAuth")
_PUBLIC_KEYS: Final = frozenset(key.lower() for key in _PUBLIC)
_KEYS: Final = _PUBLIC_KEYS | {"secret", "bearertoken", "basicauth"}
_CERTIFICATE_TYPES: Final = frozenset({"ALL", "X509", "SSH"})
_TEXT: Final = re.compile(r"[\x21-\x7e]+")
_ACTION: Final = "{{"


class WebhookKind(StrEnum):
    """When a webhook is asked: before the certificate is designed, or when all of it but the signature is decided."""

    ENRICHING = "ENRICHING"
    AUTHORIZING = "AUTHORIZING"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A server that an administrator wants to be asked before a certificate is signed.

    ``secret`` keys the signature of what it is sent, ``authorization`` is the value of that header, empty for none.
    """

    name: str
    url: str
    kind: WebhookKind
    certificate_type: str
    secret: bytes = field(repr=False)
    id: str = ""
    authorization: str = field(default="", repr=False)

    @property
    def for_x509(self) -> bool:
        """Whether it is asked for X.509 certificates."""
        return self.certificate_type != "SSH"

    @property
    def has_template(self) -> bool:
        """Whether its address is a template."""
        return _ACTION in self.url


def read_webhooks(value: object) -> tuple[Webhook, ...]:
    """Read step's ``options.webhooks``, a list in the order of asking.

    A webhook that is not understood is refused: ignoring it would issue what its author meant to prevent.

    Raises:
        ValueError: it says which webhook and which key is missing, unknown, wrong or not supported.
    """
    if not value:
        return ()
    if not isinstance(value, list) or len(value) > MAX_WEBHOOKS:
        msg = f"options.webhooks: a list of at most {MAX_WEBHOOKS} is required"
        raise ValueError(msg)
    webhooks = tuple(_read(item, f"options.webhooks[{index}]") for index, item in enumerate(value))
    names = [webhook.name for webhook in webhooks]
    if len(set(names)) < len(names):
        msg = "options.webhooks: two have the same name"
        raise ValueError(msg)
    return webhooks


def _read(value: object, path: str) -> Webhook:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _wrong(path, "an object is required")
    given = {key.lower(): item for key, item in value.items() if item is not None}
    if unknown := given.keys() - _KEYS:
        raise _wrong(path, f"{', '.join(sorted(unknown))[:128]} is not known")
    if not isinstance(given.get("disabletlsclientauth", False), bool):
        raise _wrong(f"{path}.disableTLSClientAuth", "true or false is required")
    name = _text(given, "name", path)
    if not 0 < len(name) <= _MAX_NAME_LENGTH or not name.isprintable():
        raise _wrong(f"{path}.name", f"printable text of 1 to {_MAX_NAME_LENGTH} characters is required")
    hook_id = _text(given, "id", path)
    if hook_id and not _is_plain(hook_id, _MAX_NAME_LENGTH):
        raise _wrong(f"{path}.id", f"text of at most {_MAX_NAME_LENGTH} printable ASCII characters is required")
    return Webhook(
        name=name,
        url=_read_url(_text(given, "url", path), f"{path}.url"),
        kind=_read_kind(_text(given, "kind", path), f"{path}.kind"),
        certificate_type=_read_certificate_type(_text(given, "certType", path), f"{path}.certType"),
        secret=_read_secret(_text(given, "secret", path), f"{path}.secret"),
        id=hook_id,
        authorization=_read_authorization(given, path),
    )


def _read_kind(text: str, path: str) -> WebhookKind:
    try:
        return WebhookKind(text.upper())
    except ValueError as error:
        supported = " and ".join(WebhookKind)
        raise _wrong(path, f"{text[:64]!r} is not supported; supported are {supported}") from error


def _read_certificate_type(text: str, path: str) -> str:
    kind = text.upper() or "ALL"
    if kind not in _CERTIFICATE_TYPES:
        raise _wrong(path, f"{text[:64]!r} is none of {', '.join(sorted(_CERTIFICATE_TYPES))}")
    return kind


def _read_url(text: str, path: str) -> str:
    """An address; where it is a template the host is not part of it, so that no request decides who is called."""
    fixed, action, _ = text.partition(_ACTION)
    try:
        parts = check_address(fixed)
    except ValueError as error:
        raise _wrong(path, str(error)) from error
    if action and not parts.path:
        raise _wrong(path, "a template begins after the host: https://hooks.example/{{ .Token.sub }}")
    return text


def _read_secret(text: str, path: str) -> bytes:
    try:
        secret = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise _wrong(path, "standard base64 is required") from error
    if len(secret) < _MIN_SECRET_BYTES:
        raise _wrong(path, f"base64 of at least {_MIN_SECRET_BYTES} octets is required, as of: openssl rand -base64 48")
    return secret


def _read_authorization(given: Mapping[str, Any], path: str) -> str:
    token, basic = _text(given, "bearerToken", path), given.get("basicauth")
    if not basic:
        if token and not _is_plain(token, _MAX_CREDENTIAL_LENGTH):
            raise _wrong(f"{path}.bearerToken", "printable ASCII without spaces is required")
        return f"Bearer {token}" if token else ""
    if token:
        raise _wrong(path, "either bearerToken or basicAuth")
    if not isinstance(basic, Mapping) or not all(isinstance(key, str) for key in basic):
        raise _wrong(f"{path}.basicAuth", "an object is required")
    parts = {key.lower(): item for key, item in basic.items() if item is not None}
    user, password = (_text(parts, key, f"{path}.basicAuth") for key in ("username", "password"))
    pair = f"{user}:{password}"
    if parts.keys() - {"username", "password"} or ":" in user or not pair.isprintable():
        raise _wrong(f"{path}.basicAuth", "printable texts username, without a colon, and password are required")
    if len(pair) > _MAX_CREDENTIAL_LENGTH:
        raise _wrong(f"{path}.basicAuth", f"it is longer than {_MAX_CREDENTIAL_LENGTH} characters")
    return f"Basic {base64.b64encode(pair.encode()).decode()}" if pair != ":" else ""


def _text(given: Mapping[str, Any], key: str, path: str) -> str:
    value = given.get(key.lower(), "")
    if not isinstance(value, str):
        raise _wrong(f"{path}.{key}", "text is required")
    return value


def _is_plain(text: str, length: int) -> bool:
    return len(text) <= length and _TEXT.fullmatch(text) is not None


def _wrong(path: str, what: str) -> ValueError:
    return ValueError(f"{path}: {what}")


def without_secrets(options: object) -> object:
    """A provisioner's ``options``, of whatever form, with what everybody may read of its webhooks (step's own list)."""
    if not isinstance(options, Mapping):
        return None
    return {key: _public_list(item) if _is_webhooks(key) else item for key, item in options.items()}


def _is_webhooks(key: object) -> bool:
    return str(key).lower() == "webhooks"


def _public_list(value: object) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return [
        {key: part for key, part in item.items() if str(key).lower() in _PUBLIC_KEYS}
        for item in items
        if isinstance(item, Mapping)
    ]
