"""A provisioner's certificate template as its configuration states it (step's ``options.x509``)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MAX_TEMPLATE_LENGTH: Final = 32_768
MAX_DATA_LENGTH: Final = 32_768
MAX_DATA_DEPTH: Final = 16
_KEYS: Final = frozenset({"template", "templatefile", "templatedata", "allowca"})
# What the default template would take from the data.
_READ_BY_DEFAULT: Final = ("Subject", "SANs")


@dataclass(frozen=True, slots=True)
class CertificateTemplate:
    """The text of a Go template, and variables of the configuration.

    ``allow_ca`` lets it make certificates of a CA. step-ca lets every template do that; here the configuration must say
    so beside the template, because one careless ``isCA`` makes every holder of a token an authority.
    """

    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    allow_ca: bool = False


def read_x509_options(options: object) -> CertificateTemplate | None:
    """Read step's ``options.x509``; ``None`` when it leaves the default template in place.

    ``template`` is the text when it begins with ``{``, and otherwise standard base64 of one. ``templateData`` is an
    object of variables. ``allowCA`` is this product's own. The text is not compiled: ``check_template`` does that.

    Raises:
        ValueError: it says which key is unknown, wrong, too long, or not supported.
    """
    if options is None:
        return None
    if not isinstance(options, dict) or not all(isinstance(key, str) for key in options):
        raise _wrong("", "an object is required")
    given = {key.lower(): value for key, value in options.items() if value is not None}
    if unknown := set(given) - _KEYS:
        raise _wrong("", f"{', '.join(sorted(unknown))} is not known")
    if given.get("templatefile"):
        raise _wrong(".templateFile", "functions have no files: put the text into template")
    allow_ca = given.get("allowca", False)
    if not isinstance(allow_ca, bool):
        raise _wrong(".allowCA", "true or false is required")
    text, data = _read_text(given.get("template", "")), _read_data(given.get("templatedata", {}))
    if text:
        return CertificateTemplate(text, data, allow_ca)
    if any(name in data for name in _READ_BY_DEFAULT):
        # step-ca renders its default template with them; here that one is built in and takes nothing from outside.
        raise _wrong(".templateData", f"{' and '.join(_READ_BY_DEFAULT)} can only be set together with a template")
    return None


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(".template", "text is required")
    text = value.strip()
    if text and not text.startswith("{"):
        try:
            text = base64.b64decode(text, validate=True).decode("utf-8")
        except ValueError as error:
            raise _wrong(".template", "neither a template that begins with { nor base64 of one") from error
    if len(text) > MAX_TEMPLATE_LENGTH:
        raise _wrong(".template", f"it is longer than {MAX_TEMPLATE_LENGTH} characters")
    return text


def _read_data(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(".templateData", "an object is required")
    if not _is_shallow(value, MAX_DATA_DEPTH):
        raise _wrong(".templateData", f"it is nested deeper than {MAX_DATA_DEPTH} levels")
    if len(json.dumps(value)) > MAX_DATA_LENGTH:
        raise _wrong(".templateData", f"it is longer than {MAX_DATA_LENGTH} characters")
    return value


def _is_shallow(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    items = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(item, levels - 1) for item in items)


def _wrong(key: str, what: str) -> ValueError:
    return ValueError(f"options.x509{key}: {what}")
