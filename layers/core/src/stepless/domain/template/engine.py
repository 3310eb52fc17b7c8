"""Renders Go's ``text/template`` with Sprig, by the package ``gotpl``, within limits and without a way out.

Templates see the data that they are given: no file, no environment, no network, no key. Importing this module costs a
quarter of a second, so nothing imports it but the rendering of a custom template, and ``check_template``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final

from gotpl import Environment, ExecutionBudget, SandboxPolicy, Template, TemplateError, TemplateSyntaxError

from stepless.domain.template.budget import (
    CURRENT,
    MAX_FUNCTION_CALLS,
    MAX_ITERATIONS,
    MAX_OUTPUT_LENGTH,
    MAX_TEMPLATE_DEPTH,
    LimitExceeded,
    MeteredLimit,
    Rendering,
)
from stepless.domain.template.definition import MAX_TEMPLATE_LENGTH
from stepless.domain.template.functions import Refused, function_map
from stepless.errors import MalformedRequest, TemplateFailed

MAX_CACHED: Final = 64
# Of what `semver` returns; nothing else in a template has attributes of Python.
_VERSION_FIELDS: Final = ("Major", "Minor", "Patch", "Prerelease", "Metadata", "Original")
_MAX_LOG: Final = 512
# Everything that the engine and the functions are known to raise; a MalformedRequest of theirs passes.
_FAULTS: Final = (TemplateError, LimitExceeded, RecursionError, ArithmeticError, LookupError, TypeError, ValueError)


@cache
def _environment() -> Environment:
    functions = function_map()
    budget = ExecutionBudget(
        max_output_chars=MAX_OUTPUT_LENGTH,
        max_iterations=MeteredLimit(MAX_ITERATIONS),
        max_template_depth=MeteredLimit(MAX_TEMPLATE_DEPTH),
        max_function_calls=MAX_FUNCTION_CALLS,
    )
    # Without this policy a template could call the methods of Python's values.
    sandbox = SandboxPolicy(
        allow_functions=functions,
        allow_custom_lookup=True,
        allow_attributes=_VERSION_FIELDS,
        allow_methods=_VERSION_FIELDS,
        max_template_chars=MAX_TEMPLATE_LENGTH,
        default_budget=budget,
    )
    return Environment(functions=functions, sandbox=sandbox, budget=budget)


@lru_cache(maxsize=MAX_CACHED)
def compile_template(text: str) -> Template:
    """A template that can be rendered, the same one for the same text.

    Raises:
        ValueError: too long, nested too deeply, or not a template; it says at which line, and what is wrong.
    """
    if len(text) > MAX_TEMPLATE_LENGTH:
        msg = f"the template is longer than {MAX_TEMPLATE_LENGTH} characters"
        raise ValueError(msg)
    environment = _environment()
    try:
        return Template(
            text,
            functions=environment.functions,
            sandbox=environment.sandbox,
            budget=environment.budget,
        )
    except TemplateSyntaxError as error:
        msg = f"the template does not parse: line {error.line}: {_what(error)}"
        raise ValueError(msg) from error
    except RecursionError as error:
        msg = "the template is nested too deeply"
        raise ValueError(msg) from error


def _what(error: TemplateSyntaxError) -> str:
    return str(error).partition(f"{error.line}:{error.column}: ")[2] or str(error)


def render(text: str, data: Mapping[str, Any], *, now: datetime) -> str:
    """The text that a template makes of data, which it may change.

    Raises:
        MalformedRequest: the template called ``fail``; its message is shown to the caller.
        TemplateFailed: it does not parse, or failed, or exceeded a limit; the detail says where.
    """
    try:
        template = compile_template(text)
    except ValueError as error:
        raise TemplateFailed(str(error)) from error
    running = CURRENT.set(Rendering(now, len(text)))
    try:
        return template.render(data)
    except _FAULTS as error:
        if isinstance(error.__cause__, Refused) and str(error.__cause__):
            raise MalformedRequest(str(error.__cause__)) from error
        raise TemplateFailed(f"the certificate template failed: {error}"[:_MAX_LOG]) from error
    finally:
        CURRENT.reset(running)
