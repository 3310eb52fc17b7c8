"""Reads the JSON that a template rendered: keys without regard to case, wrong types refused with their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from cryptography import x509

from stepless.domain.json_text import load_object
from stepless.domain.template.asn1_values import decode_base64
from stepless.errors import BadTemplateOutput, MalformedRequest

MAX_ITEMS: Final = 128
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object at a place of the output; ``null`` counts as missing, unknown keys are ignored."""

    values: Mapping[str, Any]
    path: str = ""

    @classmethod
    def of_text(cls, text: str) -> Fields:
        """The first JSON value of an output, which must be an object; what follows it is ignored, as in step-ca.

        Raises:
            BadTemplateOutput: it is not, or is nested too deeply.
        """
        try:
            return cls(load_object(text.encode()))
        except (MalformedRequest, UnicodeEncodeError) as error:
            raise BadTemplateOutput("the template did not render a JSON object") from error

    @classmethod
    def of(cls, value: object, path: str) -> Fields:
        """An object inside of the output."""
        if not isinstance(value, dict):
            raise BadTemplateOutput(f"{path}: an object is required")
        return cls({key.lower(): item for key, item in value.items()}, path)

    def at(self, key: str) -> str:
        """The place of a key, for messages."""
        return f"{self.path}.{key}" if self.path else key

    def get(self, key: str) -> Any:
        """A value as it is, ``None`` when it is missing."""
        return self.values.get(key.lower())

    def _typed(self, key: str, kind: type[_Value], what: str) -> _Value | None:
        value = self.get(key)
        if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise BadTemplateOutput(f"{self.at(key)}: {what} is required")
        return value

    def text(self, key: str) -> str:
        """A text, empty when it is missing."""
        return self._typed(key, str, "text") or ""

    def flag(self, key: str) -> bool:
        """A truth value, false when it is missing."""
        return self._typed(key, bool, "true or false") or False

    def number(self, key: str) -> int:
        """A whole number, 0 when it is missing."""
        return self._typed(key, int, "a whole number") or 0

    def items(self, key: str) -> list[Any]:
        """A list, empty when it is missing."""
        items = self._typed(key, list, "a list") or []
        if len(items) > MAX_ITEMS:
            raise BadTemplateOutput(f"{self.at(key)}: {len(items)} items, {MAX_ITEMS} is the most")
        return items

    def objects(self, key: str) -> list[Fields]:
        """A list of objects."""
        return [Fields.of(item, f"{self.at(key)}[{index}]") for index, item in enumerate(self.items(key))]

    def texts(self, key: str) -> list[str]:
        """A text or a list of texts; empty ones are left out."""
        value = self.get(key)
        items = [value] if isinstance(value, str) else self.items(key)
        # Go reads `null` inside of a list as an empty text.
        if not all(isinstance(item, str | None) for item in items):
            raise BadTemplateOutput(f"{self.at(key)}: text or a list of texts is required")
        return [item for item in items if item]

    def read(self, key: str, value: str, reader: Callable[[str], _Value]) -> _Value:
        """A text through a reader that raises ``ValueError``."""
        try:
            return reader(value)
        except ValueError as error:
            raise BadTemplateOutput(f"{self.at(key)}: {value[:64]!r} cannot be read") from error

    def data(self, key: str) -> bytes:
        """Base64 as octets, empty when it is missing."""
        return self.read(key, self.text(key), decode_base64)

    def oids(self, key: str) -> list[x509.ObjectIdentifier]:
        """An object identifier or a list of them."""
        return [self.read(key, text, x509.ObjectIdentifier) for text in self.texts(key)]
