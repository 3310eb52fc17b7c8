"""Which function a request goes to, as API Gateway decides it."""

from dataclasses import dataclass
from urllib.parse import unquote

from stepless_dev.template import Route


class NoRouteError(Exception):
    """No path of the template matches."""


class WrongMethodError(Exception):
    """A path matches, but not for this method; `allowed` lists those that it has."""

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(", ".join(allowed))
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Match:
    """A route and the values of its path parameters, percent-decoded once."""

    route: Route
    parameters: dict[str, str]


class RouteTable:
    """The template's routes: a literal segment is preferred to `{name}`, and that to `{name+}`."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._literal: dict[str, dict[str, Route]] = {}
        patterns: dict[str, dict[str, Route]] = {}
        for route in routes:
            table = patterns if "{" in route.path else self._literal
            table.setdefault(route.path, {})[route.method] = route
        self._patterns = sorted(
            ((path.split("/"), methods) for path, methods in patterns.items()),
            key=lambda entry: [_rank(segment) for segment in entry[0]],
        )

    def match(self, method: str, raw_path: str) -> Match:
        """The route of a request; `raw_path` as it was sent, still encoded, without the query.

        Raises:
            NoRouteError: there is no such path.
            WrongMethodError: it has no such method.
        """
        methods, parameters = self._find(raw_path)
        route = methods.get(method) or methods.get("ANY")
        if route is None:
            raise WrongMethodError(sorted(methods))
        return Match(route, parameters)

    def _find(self, raw_path: str) -> tuple[dict[str, Route], dict[str, str]]:
        if raw_path in self._literal:
            return self._literal[raw_path], {}
        segments = raw_path.split("/")
        for pattern, methods in self._patterns:
            parameters = _parameters(pattern, segments)
            if parameters is not None:
                return methods, parameters
        raise NoRouteError(raw_path)


def _rank(segment: str) -> tuple[int, str]:
    if not segment.startswith("{"):
        return 0, segment
    return (2 if segment.endswith("+}") else 1), segment


def _parameters(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for position, wanted in enumerate(pattern):
        rest = segments[position:]
        if not rest or (wanted.startswith("{") and not rest[0]):
            return None
        if wanted.endswith("+}"):
            return found | {wanted[1:-2]: unquote("/".join(rest))}
        if wanted.startswith("{"):
            found[wanted[1:-1]] = unquote(rest[0])
        elif wanted != rest[0]:
            return None
    return found if len(segments) == len(pattern) else None
