"""Spoils valid bytes and valid JSON in many small ways, the same ways for the same seed."""

import random  # noqa: TID251 - reproducible on purpose; nothing here is a secret
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, 2**31, 2**63, 10**40, 1e308, "", " ", "\0", "x", "x" * 3_000, "\u202e",
    "\U0001f512", "é", "../..", "{}", "%s", "*", "a@b", "http:", "127.0.0.1", "::1", "null", "2026-01-01T00:00:00Z",
    "https://localhost:9000/1.0/sign", "https://localhost/1.0/revoke", [], {}, [[]], [None], [0], [""], {"": ""},
    [{}] * 3, {"a": {"b": {"c": []}}},
)  # fmt: skip
_LENGTHS = (0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0x83, 0x84, 0x88, 0xFE, 0xFF)
_TAGS = (
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x16, 0x17, 0x18, 0x1E, 0x30, 0x31, 0x82, 0x87, 0xA0, 0xA3,
    0xBF,
)  # fmt: skip


class Mutator:
    """A source of mutations."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - see above

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self._random.random() < share

    def pick(self, values: tuple[Any, ...]) -> Any:
        """Any of some values."""
        return self._random.choice(values)

    def bytes(self, data: bytes) -> bytes:
        """One to three changes: bits, bytes, lengths, tags, repetitions, cuts."""
        changed = bytearray(data)
        for _ in range(self._random.choice((1, 1, 1, 2, 3))):
            self._change(changed)
        return bytes(changed)

    def _change(self, data: bytearray) -> None:
        at = self._random.randrange(len(data)) if data else 0
        end = min(len(data), at + self._random.choice((1, 2, 4, 16, 64)))
        match self._random.randrange(9):
            case 0 if data:
                data[at] ^= 1 << self._random.randrange(8)
            case 1 if data:
                data[at] = self._random.randrange(256)
            case 2 if data:
                data[at] = self._random.choice(_LENGTHS)
            case 3 if data:
                data[at] = self._random.choice(_TAGS)
            case 4:
                del data[at:end]
            case 5:
                data[at:at] = data[at:end]
            case 6:
                data[at:at] = self._random.randbytes(self._random.choice((1, 2, 8)))
            case 7:
                data[at:end] = bytes(end - at)
            case _:
                del data[at:]

    def text(self, text: str) -> str:
        """The same for text of single bytes."""
        return self.bytes(text.encode("latin-1")).decode("latin-1")

    def json(self, value: dict[str, Any]) -> dict[str, Any]:
        """A member replaced, removed, added, doubled under another case, or wrapped."""
        changed = dict(value)
        for _ in range(self._random.choice((1, 1, 2))):
            name = self._random.choice(sorted(changed) or [""])
            match self._random.randrange(5):
                case 0 | 1:
                    changed[name] = self._random.choice(ODD_VALUES)
                case 2:
                    changed.pop(name, None)
                case 3:
                    changed[name.swapcase()] = self._random.choice(ODD_VALUES)
                case _:
                    changed[name] = [changed.get(name)]
        return changed
