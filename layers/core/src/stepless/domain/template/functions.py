"""The functions that certificate templates may call: Go's built-in ones, Sprig's pure ones, and step's own.

Sprig's functions that read the machine (``env``, ``expandenv``, ``getHostByName``) or work with keys and passwords
(``genPrivateKey``, ``genCA``, ``bcrypt``, ``encryptAES`` and their like) are not there: a template that names one does
not compile. What is there is counted (``budget``), whatever it does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from gotpl.funcs.sprig import text_func_map
from gotpl.runtime.results import unwrap_function_result

# The built-in functions have no public name; the engine's version is pinned by hash.
from gotpl.runtime.sync_vm import _builtin_functions
from gotpl.runtime.values import INVALID, UNTYPED_NIL

from stepless.domain.template import asn1_values, go_json, times
from stepless.domain.template.budget import CURRENT, weigh
from stepless.domain.template.go_values import NilSlice
from stepless.domain.template.growth import ESTIMATES
from stepless.domain.template.regex import normalize

_SPRIG: Final = """
    abbrev abbrevboth add add1 add1f addf adler32sum all any append atoi b32dec b32enc b64dec b64enc base biggest
    camelcase cat ceil chunk clean coalesce compact concat contains deepCopy deepEqual default dict dig dir div divf
    duration empty ext first float64 floor fromJson get has hasKey hasPrefix hasSuffix hello indent initial initials
    int int64 isAbs join kebabcase keys kindIs kindOf last list lower max maxf merge mergeOverwrite min minf mod mul
    mulf mustAppend mustChunk mustCompact mustDeepCopy mustFirst mustFromJson mustHas mustInitial mustLast mustMerge
    mustMergeOverwrite mustPrepend mustPush mustRegexFind mustRegexFindAll mustRegexMatch mustRegexReplaceAll
    mustRegexReplaceAllLiteral mustRegexSplit mustRest mustReverse mustSlice mustUniq mustWithout nindent nospace omit
    osBase osClean osDir osExt osIsAbs pick pluck plural prepend push quote randAlpha randAlphaNum randAscii randBytes
    randInt randNumeric regexFind regexFindAll regexMatch regexQuoteMeta regexReplaceAll regexReplaceAllLiteral
    regexSplit repeat replace rest reverse round semver semverCompare seq set sha1sum sha256sum sha512sum shuffle slice
    snakecase sortAlpha split splitList splitn squote sub subf substr swapcase ternary title toDecimal toString
    toStrings trim trimAll trimPrefix trimSuffix trimall trunc tuple typeIs typeIsLike typeOf uniq unset until
    untilStep untitle upper urlJoin urlParse uuidv4 values without wrap wrapWith
"""
# Sprig's `slice` takes the place of the built-in one, as in Go.
_BUILT_IN: Final = (
    "eq",
    "ge",
    "gt",
    "html",
    "index",
    "js",
    "le",
    "len",
    "lt",
    "ne",
    "not",
    "print",
    "printf",
    "println",
    "urlquery",
)
_REGEX: Final = tuple(name for name in _SPRIG.split() if "egex" in name and name != "regexQuoteMeta")
_PRINTING: Final = ("print", "printf", "println")


class Refused(Exception):
    """The template called ``fail``; the text is its message to the caller."""


def fail(message: str) -> str:
    """``fail``: end the rendering, and tell the caller why."""
    raise Refused(message)


def _equal(first: object, *others: object) -> bool:
    """``eq``: what is missing equals only what is missing too, instead of being of an incompatible type."""
    comparable = [other for other in others if _is_nil(other) == _is_nil(first)]
    if others and (not comparable or _is_nil(first)):
        return bool(comparable)
    return bool(_GO_BUILT_IN["eq"](first, *comparable))


def _not_equal(first: object, second: object) -> bool:
    """``ne``: the opposite of ``eq``."""
    return not _equal(first, second)


def _is_nil(value: object) -> bool:
    return value is None or value is INVALID or value is UNTYPED_NIL


def to_json(value: Any) -> str:
    """``toJson``: one line, ``<>&`` escaped; what the template does not have is ``null``."""
    return go_json.encode(value)


def to_raw_json(value: Any) -> str:
    """``toRawJson``: as ``toJson``, nothing escaped that need not be."""
    return go_json.encode(value, html_safe=False)


def to_pretty_json(value: Any) -> str:
    """``toPrettyJson``: as ``toJson``, indented."""
    return go_json.encode_pretty(value)


def duration_round(value: object) -> str:
    """``durationRound``: a duration, or the time since an instant, in its largest unit."""
    if isinstance(value, times.GoTime):
        age = CURRENT.get().now.timestamp() - value.time.unix()
        return str(_GO_SPRIG["durationRound"](f"{int(age)}s"))
    return str(_GO_SPRIG["durationRound"](value if isinstance(value, str) else ""))


_GO_BUILT_IN: Final[Mapping[str, Callable[..., object]]] = _builtin_functions("go")
_GO_SPRIG: Final[Mapping[str, Callable[..., object]]] = text_func_map()
_OWN: Final[Mapping[str, Callable[..., object]]] = {
    **times.FUNCTIONS,
    **asn1_values.FUNCTIONS,
    "fail": fail,
    "eq": _equal,
    "ne": _not_equal,
    "toJson": to_json,
    "mustToJson": to_json,
    "toRawJson": to_raw_json,
    "mustToRawJson": to_raw_json,
    "toPrettyJson": to_pretty_json,
    "mustToPrettyJson": to_pretty_json,
    "durationRound": duration_round,
}


def _normalized(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """A function of a regular expression; one that is wrong fails, also where Sprig would say that nothing matches."""

    @wraps(function)
    def run(pattern: str, text: str, *rest: Any) -> object:
        pattern = normalize(pattern)
        if name.endswith("Split") and pattern and not text:
            # Go has one empty part here, of an expression that is right.
            unwrap_function_result(_GO_SPRIG["mustRegexMatch"](pattern, text))
            return [""] if rest[0] else NilSlice()
        return function(pattern, text, *rest)

    return run


def _metered(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """The same function, that pays for its work: first, where its result is larger than its arguments."""
    estimate = ESTIMATES.get(name)
    # To most functions what is missing is Go's nil; those that print tell it from text by another value.
    nil = UNTYPED_NIL if name in _PRINTING else None

    # The engine reads arity and types of the arguments through the wrapper.
    @wraps(function)
    def run(*given: Any) -> object:
        rendering = CURRENT.get()
        arguments = tuple(nil if _is_nil(argument) else argument for argument in given)
        if estimate is not None:
            rendering.spend(estimate(arguments))
        rendering.spend(weigh(arguments))
        result = unwrap_function_result(function(*arguments))
        rendering.spend(weigh(result))
        return result

    return run


def function_map() -> dict[str, Callable[..., object]]:
    """Every function by its name in templates."""
    functions = {
        **{name: _GO_BUILT_IN[name] for name in _BUILT_IN},
        **{name: _GO_SPRIG[name] for name in _SPRIG.split()},
        **{name: _normalized(name, _GO_SPRIG[name]) for name in _REGEX},
        **_OWN,
    }
    return {name: _metered(name, function) for name, function in functions.items()}
