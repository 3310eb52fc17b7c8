r"""Go's regular expressions in the form that the engine understands as Go does, and a bound on their size.

The engine translates them to Python's syntax, and misses some of the differences: it takes ``\k`` for a letter, and the
classes ``[[:alpha:]_]`` and ``[]a]`` for others than they are. A check in a template must not go wrong silently.
"""

from __future__ import annotations

import re
from typing import Final

_REPEAT: Final = re.compile(r"\{([0-9]{1,6})(?:,([0-9]{0,6}))?\}")
_MAX_SIZE: Final = 1_000_000_000
_POSIX: Final = re.compile(r"\[:(\^?)([a-z]+):\]")
# On its own the engine knows the negation of a class too.
_NEGATED_POSIX: Final = re.compile(r"\[\[:\^[a-z]+:\]\]")
_OPENING: Final = re.compile(r"\[\^?")
_QUOTED: Final = re.compile(r"\\Q(.*?)(?:\\E|$)", re.DOTALL)
_OCTAL: Final = re.compile(r"\\([0-7]{3}|0[0-7]?)(?![0-7])")
_PROPERTY: Final = re.compile(r"\\[pP](?:\{\^?[A-Za-z_]+\}|[A-Z])")
_HEXADECIMAL: Final = re.compile(r"\\x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]{1,8}\})")
_CONTROL: Final = {"a": r"\x07", "f": r"\x0C", "v": r"\x0B", "t": r"\t", "n": r"\n", "r": r"\r"}
_CLASSES: Final = frozenset("dDsSwW")
_ASSERTIONS: Final = frozenset("bBAz")
# What Python's classes read as operations on sets.
_SET_OPERATORS: Final = frozenset("[&~|")
_POSIX_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": r"\x21-\x7E",
    "lower": "a-z",
    "print": r"\x20-\x7E",
    "punct": r"\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E",
    "space": r"\t\n\x0B\x0C\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}


def regex_size(pattern: str) -> int:
    """At least as many as the states of a regular expression: repetitions multiply what they repeat, also nested.

    A class is counted as if it were written out, which is more; so is everything that is not valid.
    """
    sizes, last, index = 1, 0, 0
    groups: list[int] = []
    while index < len(pattern):
        character = pattern[index]
        repeat = _REPEAT.match(pattern, index) if character == "{" else None
        if repeat is not None:
            # What is repeated twice in a row is repeated as a whole.
            last = min(last * max(int(repeat[1]), int(repeat[2] or 0), 1), _MAX_SIZE)
            sizes, index = sizes + last, repeat.end()
        elif character == "(":
            groups.append(sizes)
            sizes, index = 1, index + 1
        elif character == ")" and groups:
            last = sizes
            sizes, index = groups.pop() + last, index + 1
        else:
            last, index = 1, index + (2 if character == "\\" else 1)
            sizes += 1
        sizes = min(sizes, _MAX_SIZE)
    return sizes + sum(groups)


def normalize(pattern: str) -> str:
    """The same expression, written so that Go and the engine agree on it.

    Raises:
        ValueError: an escape or a class that Go does not know, or that the engine cannot be told.
    """
    output, index = [], 0
    while index < len(pattern):
        character = pattern[index]
        if character == "[":
            part, index = _class(pattern, index)
        elif character == "\\":
            part, index = _escape(pattern, index)
        elif character in "{}]":
            repeat = _REPEAT.match(pattern, index)
            part = repeat[0] if repeat is not None else f"\\{character}"
            index += len(repeat[0]) if repeat is not None else 1
        else:
            part, index = character, index + 1
        output.append(part)
    return "".join(output)


def _class(pattern: str, index: int) -> tuple[str, int]:
    """A bracketed class from its opening on, and where the pattern goes on."""
    negated = _NEGATED_POSIX.match(pattern, index)
    if negated is not None:
        return negated[0], negated.end()
    opening = _OPENING.match(pattern, index)
    assert opening is not None  # noqa: S101  # the caller saw the bracket
    output, index = [opening[0]], opening.end()
    while index < len(pattern):
        character, posix = pattern[index], _POSIX.match(pattern, index)
        if posix is not None:
            part, index = _posix(posix), posix.end()
        elif character == "]" and len(output) > 1:
            return f"{''.join(output)}]", index + 1
        elif character == "\\":
            part, index = _escape(pattern, index, inside=True)
        else:
            # A closing bracket in front is one of the class.
            part, index = f"\\{character}" if character in _SET_OPERATORS or character == "]" else character, index + 1
        output.append(part)
    raise _wrong("a class that does not end")


def _posix(posix: re.Match[str]) -> str:
    contents = _POSIX_CLASSES.get(posix[2])
    if contents is None or posix[1]:
        raise _wrong(f"the class {posix[0]}")
    return contents


def _escape(pattern: str, index: int, *, inside: bool = False) -> tuple[str, int]:
    """An escape, and where the pattern goes on."""
    following = pattern[index + 1 : index + 2]
    for known in (_PROPERTY, _HEXADECIMAL):
        match = known.match(pattern, index)
        if match is not None:
            return match[0], match.end()
    quoted, octal = _QUOTED.match(pattern, index), _OCTAL.match(pattern, index)
    if quoted is not None and not inside:
        return re.escape(quoted[1]), quoted.end()
    if octal is not None:
        return f"\\x{int(octal[1], 8):02X}", octal.end()
    if following in _CONTROL:
        return _CONTROL[following], index + 2
    punctuation = following.isascii() and following.isprintable() and not following.isalnum() and following not in " _"
    if following in _CLASSES or (following in _ASSERTIONS and not inside) or (following and punctuation):
        return f"\\{following}", index + 2
    raise _wrong(f"the escape \\{following}")


def _wrong(what: str) -> ValueError:
    return ValueError(f"error parsing regexp: {what} is not offered")
