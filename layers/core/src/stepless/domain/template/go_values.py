"""Go's values as templates see them: structs with exported fields, nil slices, numbers out of JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gotpl.errors import TemplateExecutionError
from gotpl.funcs.sprig._values import NilSlice
from gotpl.runtime.gofmt import sprintf
from typing_extensions import override

from stepless.errors import MalformedRequest

__all__ = ["GoStruct", "NilSlice", "from_json", "slice_of"]

_WEIGHT_OF_A_FIELD: Final = 16


def slice_of(items: Sequence[Any]) -> list[Any]:
    """A list; an empty one is Go's nil slice, which is ``null`` in JSON, as Go's parsers leave it."""
    return list(items) if items else NilSlice()


class GoStruct:
    """A Go struct: a template that names a field which it does not have fails, unlike with a map.

    Args:
        go_type: what ``typeOf`` says of it.
        fields: exported fields (and methods without arguments) by name.
        json: what ``toJson`` writes, by default nothing: then ``toJson`` fails. Dictionaries keep their order.
        text: what ``String()`` returns, for types that have it.
    """

    __slots__ = ("_json", "_text", "_weight", "fields", "go_type")

    def __init__(self, go_type: str, fields: Mapping[str, Any], *, json: Any = None, text: str | None = None) -> None:
        """Keep the parts."""
        self.go_type = go_type
        self.fields = fields
        self._json = json
        self._text = text
        self._weight: int | None = None

    def __gotemplate_lookup__(self, field: str) -> Any:  # the engine's protocol
        """The value of a field, for the engine."""
        if field in self.fields:
            return self.fields[field]
        msg = f"can't evaluate field {field} in type {self.go_type}"
        raise TemplateExecutionError(msg)

    def __go_format_value__(self, kind: str, mode: str, *, nested: bool) -> str:  # as above
        """The value as ``printf`` shows it."""
        del mode, nested
        return self.go_type if kind == "type" else str(self)

    @override
    def __str__(self) -> str:
        if self._text is not None:
            return self._text
        return "{" + " ".join(sprintf("%v", value) for value in self.fields.values()) + "}"

    @property
    def weight(self) -> int:
        """How large it is when it is written out, about."""
        if self._weight is None:
            self._weight = _WEIGHT_OF_A_FIELD * len(self.fields) + sum(map(_weight, self.fields.values()))
        return self._weight

    def to_json(self) -> Any:
        """What ``toJson`` writes.

        Raises:
            TypeError: nothing is known of its JSON form.
        """
        if self._json is None:
            msg = f"{self.go_type} has no JSON form here"
            raise TypeError(msg)
        return self._json


def _weight(value: Any) -> int:
    if isinstance(value, GoStruct):
        return value.weight
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, list):
        return sum(map(_weight, value)) + len(value)
    return 1


def from_json(value: Any) -> Any:
    """A copy of a JSON value as Go decodes it: every number is a ``float64``.

    Raises:
        MalformedRequest: a number is beyond a ``float64``.
    """
    match value:
        case bool() | None | str() | float():
            return value
        case int():
            try:
                return float(value)
            except OverflowError as error:
                raise MalformedRequest("a number of the request is out of range") from error
        case dict():
            return {str(key): from_json(item) for key, item in value.items()}
        case list() | tuple():
            return [from_json(item) for item in value]
        case _:
            msg = f"{type(value).__name__} is not a JSON value"
            raise TypeError(msg)
