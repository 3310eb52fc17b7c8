"""Compares what two servers showed, but for the places where stepless differs on purpose.

The table of those is in `support/on_purpose.py`. The comparing tests demand equality outside of it,
and exactly its answers inside, so that neither side can drift.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.support.difference import Difference
from tests.interop.support.on_purpose import ON_PURPOSE

ABSENT = "absent"


def differing(reference: Any, stepless: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the path and both values of each place that is not the same.

    Dictionaries are entered by key, sequences of one length by index; two HTTP answers of another
    status are told in brief.
    """
    if _is_answer(reference) and _is_answer(stepless) and reference["status"] != stepless["status"]:
        yield path.removeprefix("/"), _brief(reference), _brief(stepless)
    elif isinstance(reference, dict) and isinstance(stepless, dict):
        for key in sorted({*reference, *stepless}, key=str):
            theirs, ours = reference.get(key, ABSENT), stepless.get(key, ABSENT)
            yield from differing(theirs, ours, f"{path}/{key}")
    elif isinstance(reference, list | tuple) and isinstance(stepless, list | tuple) and len(reference) == len(stepless):
        for index, (theirs, ours) in enumerate(zip(reference, stepless, strict=True)):
            yield from differing(theirs, ours, f"{path}/{index}")
    elif reference != stepless:
        yield path.removeprefix("/"), reference, stepless


def _is_answer(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("status"), int) and "body" in value


def _brief(answer: dict[str, Any]) -> str:
    """Return the status, and the message of an error."""
    body = answer["body"]
    if isinstance(body, dict):
        body = body.get("message", ", ".join(body))
    return f"{answer['status']} {body}"


def by_case() -> dict[str, Difference]:
    """Return the table by case."""
    return {case: difference for difference in ON_PURPOSE for case in difference.cases}


def compare(case: str, reference: object, stepless: object) -> None:
    """Fail unless both are the same, or differ exactly as the table says."""
    known = by_case().get(case)
    found = {path: (theirs, ours) for path, theirs, ours in differing(reference, stepless)}
    expected = {} if known is None else known.places
    if found == expected:
        return
    lines = [f"{case}: {known.reason if known else 'not in the table of differences'}"]
    for path in sorted({*found, *expected}):
        if found.get(path) != expected.get(path):
            lines += [f"at {path}:", *_both("found", found.get(path))]
            lines += _both("expected", expected.get(path))
    pytest.fail("\n".join(lines), pytrace=False)


def _both(label: str, values: tuple[Any, Any] | None) -> list[str]:
    if values is None:
        return [f"  {label} no difference"]
    return [f"  {label} step-ca  {values[0]!r}", f"  {label} stepless {values[1]!r}"]
