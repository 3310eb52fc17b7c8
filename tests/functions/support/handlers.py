"""The functions as Lambda loads them: `functions/<folder>/app.py` and its `handler`."""

import importlib.util
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

from stepless.runtime.settings import FunctionSettings
from stepless.runtime.wiring import Wiring

ROOT = Path(__file__).parents[3]
FUNCTIONS = ROOT / "functions"
_number = itertools.count()


class LambdaContext:
    """The parts of Lambda's context object that handlers read."""

    function_name = "function"
    function_version = "$LATEST"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:function"

    def __init__(self) -> None:
        self.aws_request_id = str(uuid4())

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


def load_app(folder: str) -> ModuleType:
    """A module of its own, as in an environment that has just started."""
    path = FUNCTIONS / folder / "app.py"
    spec = importlib.util.spec_from_file_location(f"function_{folder}_{next(_number)}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True, slots=True)
class Environment:
    """One execution environment: a freshly loaded function, one event at a time."""

    handler: Callable[[dict[str, Any], Any], dict[str, Any]]

    @classmethod
    def start(cls, folder: str, wiring: Callable[[FunctionSettings], Wiring] | None = None) -> "Environment":
        """Load a function; `wiring` replaces the composition root, for tests that make parts fail."""
        handler = load_app(folder).handler
        if wiring is not None:
            handler._wiring = wiring  # noqa: SLF001 - the deployed app.py stays as it is, and is what is tested
        return cls(handler)

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """What the function returns to API Gateway."""
        return self.handler(event, LambdaContext())
