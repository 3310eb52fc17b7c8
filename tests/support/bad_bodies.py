"""Bodies that no client sends by mistake alone; each is for any route that reads JSON."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DEEP = 100_000


@dataclass(frozen=True, slots=True)
class BadBody:
    """Bytes, and the statuses that are right for them."""

    name: str
    data: bytes
    statuses: tuple[int, ...] = (400,)


def unreadable(good: dict[str, Any]) -> Iterator[BadBody]:
    """Not JSON, not UTF-8, not an object, or beyond limits; `good` is a body that the route reads."""
    text = json.dumps(good)
    yield BadBody("empty", b"")
    yield BadBody("white space", b" \n\t")
    yield BadBody("no JSON", b"hello")
    yield BadBody("a form", b"csr=1&ott=2")
    yield BadBody("markup", b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><x>&y;</x>")
    yield BadBody("cut off", text[:-1].encode())
    yield BadBody("a comma too many", (text[:-1] + ",}").encode())
    yield BadBody("single quotes", text.replace('"', "'").encode())
    for value in ("null", "true", "0", "-1.5", '"text"', "[]", "[{}]"):
        yield BadBody(f"JSON {value}", value.encode())
    yield BadBody("invalid UTF-8", text.encode().replace(b'"', b'"\xff\xfe', 1))
    yield BadBody("overlong UTF-8", text.encode().replace(b'"', b'"\xc0\xaf', 1))
    yield BadBody("a surrogate in UTF-8", text.encode().replace(b'"', b'"\xed\xa0\x80', 1))
    yield BadBody("UTF-16", text.encode("utf-16"))
    yield BadBody("UTF-32", text.encode("utf-32"))
    yield BadBody("NUL", b"\0" + text.encode())
    yield BadBody("NUL in a key", text.replace('"', '"\0', 1).encode())
    yield BadBody("only NUL", b"\0" * 1_000)
    yield BadBody("deep arrays", b"[" * DEEP + b"]" * DEEP)
    yield BadBody("deep arrays without end", b"[" * DEEP)
    yield BadBody("deep objects", b'{"a":' * 40_000 + b"1" + b"}" * 40_000)
    yield BadBody("deep beside the members", (text[:-1] + ',"x":' + "[" * 1_000 + "]" * 1_000 + "}").encode())
    yield BadBody("NaN", (text[:-1] + ',"x":NaN}').encode())
    yield BadBody("infinite", (text[:-1] + ',"x":-Infinity}').encode())
    yield BadBody("a number of 5000 digits", (text[:-1] + ',"x":' + "9" * 5_000 + "}").encode())
    yield BadBody("a lone surrogate", (text[:-1] + ',"x":"\\ud800"}').encode())
    yield BadBody("a lone surrogate in a key", (text[:-1] + ',"\\udfff":1}').encode())
    yield BadBody("300 KB", (text[:-1] + f',"x":"{"x" * 300_000}"}}').encode(), (413,))


def large(megabytes: int) -> BadBody:
    """A body of exactly so many megabytes."""
    return BadBody(f"{megabytes} MB", b'{"csr":"' + b"x" * (megabytes * 1024 * 1024 - 10) + b'"}', (413,))


WRONG_TYPES: tuple[Any, ...] = (0, 1.5, True, [], ["x"], {}, {"x": "y"})


def wrong_types(good: dict[str, Any], texts: tuple[str, ...]) -> Iterator[BadBody]:
    """Members that are text, as something else."""
    for member in texts:
        for value in WRONG_TYPES:
            yield BadBody(f"{member} as {json.dumps(value)}", json.dumps({**good, member: value}).encode())


ODD_TEXTS = {
    "blank": " ",
    "NUL": "\0",
    "text with NUL": "abc\0def",
    "line breaks": "\r\n\r\n",
    "a path": "../../etc/passwd",
    "braces": "{0.__class__} {} %s %n",
    "right to left": "\u202egnp",
    "emoji": "\U0001f512" * 10,
    "long": "x" * 70_000,
}


def odd_texts(good: dict[str, Any], texts: tuple[str, ...]) -> Iterator[BadBody]:
    """Members with text that is none of their kind."""
    for member in texts:
        for name, value in ODD_TEXTS.items():
            body = json.dumps({**good, member: value}).encode()
            yield BadBody(f"{member} as {name}", body, (400, 401, 403, 413))
