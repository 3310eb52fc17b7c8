"""How large a function's result, or its work, will be where its arguments do not bound it: asked before it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from stepless.domain.template.budget import weigh
from stepless.domain.template.regex import regex_size

_DIGITS: Final = re.compile(r"[0-9]{1,9}")
Estimate = Callable[[Sequence[Any]], int]


def _text(arguments: Sequence[Any], index: int) -> str:
    value = arguments[index] if index < len(arguments) else ""
    return value if isinstance(value, str) else ""


def _number(arguments: Sequence[Any], index: int) -> int:
    value = arguments[index] if index < len(arguments) else 0
    return abs(value) if isinstance(value, int) else 0


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple | dict) else 1


def _span(arguments: Sequence[Any]) -> int:
    """``untilStep`` and ``seq``: at most every number from the smallest to the largest of the arguments."""
    numbers = [value for value in arguments if isinstance(value, int)]
    return 20 * (max(numbers, default=0) - min([*numbers, 0])) + 20


def _regex(arguments: Sequence[Any]) -> int:
    """One search: every state, for every character."""
    return regex_size(_text(arguments, 0)) * (len(_text(arguments, 1)) + 1)


def _regex_all(arguments: Sequence[Any]) -> int:
    """Many searches, each to the end of the text at worst; a replacement may repeat what was found."""
    text, replacement = _text(arguments, 1), _text(arguments, 2)
    written = len(replacement) + replacement.count("$") * len(text)
    return (_regex(arguments) + written) * (len(text) + 1)


def _printf(arguments: Sequence[Any]) -> int:
    template = _text(arguments, 0)
    widths = sum(map(int, _DIGITS.findall(template)))
    if "*" in template:
        widths += sum(abs(value) for value in arguments[1:] if isinstance(value, int))
    # `%[1]s%[1]s…` writes one argument many times.
    return widths + template.count("%") * sum(map(_length, arguments[1:]))


def _wrap(arguments: Sequence[Any]) -> int:
    separator, text = (_text(arguments, 1), _text(arguments, 2)) if len(arguments) > 2 else ("\n", _text(arguments, 1))  # noqa: PLR2004  # width, separator, text
    return len(text) * (len(separator) + 2)


_BY_NAME: Final[Mapping[str, Estimate]] = {
    "repeat": lambda given: _number(given, 0) * len(_text(given, 1)),
    "indent": lambda given: _number(given, 0) * (_text(given, 1).count("\n") + 1),
    "replace": lambda given: (_text(given, 2).count(_text(given, 0)) + 1) * len(_text(given, 1)),
    "join": lambda given: len(_text(given, 0)) * _length(given[1] if len(given) > 1 else ""),
    "until": lambda given: 20 * _number(given, 0),
    "untilStep": _span,
    "printf": _printf,
    "wrap": _wrap,
    "regexMatch": _regex,
    "regexFindAll": _regex_all,
    "randAlpha": lambda given: _number(given, 0),
    # Every line is indented as deep as it is nested.
    "toPrettyJson": lambda given: 16 * weigh(given),
    # Each with each, to the depth of their contents.
    "uniq": lambda given: _length(given[0] if given else "") * weigh(given),
    "without": lambda given: len(given) * weigh(given[0] if given else ""),
}
_SAME: Final = {
    "indent": ("nindent",),
    "untilStep": ("seq",),
    "wrap": ("wrapWith",),
    "regexMatch": ("regexFind", "mustRegexMatch", "mustRegexFind"),
    "regexFindAll": (
        "regexSplit",
        "regexReplaceAll",
        "regexReplaceAllLiteral",
        "mustRegexFindAll",
        "mustRegexSplit",
        "mustRegexReplaceAll",
        "mustRegexReplaceAllLiteral",
    ),
    "randAlpha": ("randAlphaNum", "randAscii", "randNumeric", "randBytes"),
    "toPrettyJson": ("mustToPrettyJson",),
    "uniq": ("mustUniq",),
    "without": ("mustWithout",),
}
ESTIMATES: Final[Mapping[str, Estimate]] = {
    **_BY_NAME,
    **{other: _BY_NAME[name] for name, others in _SAME.items() for other in others},
}
