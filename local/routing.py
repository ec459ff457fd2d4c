"""Chooses the route of a request, in the same order of preference as an HTTP API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from local.declarations import Route


class Router:
    """Finds a route. A literal part beats a parameter, a parameter beats `{proxy+}`, and a method beats ANY."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = sorted(
            ((_parts(route.path), route) for route in routes),
            key=lambda pair: (_rank(pair[0]), pair[1].method == "ANY"),
        )

    def match(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]] | None:
        """Return the route and its decoded path parameters for a percent-encoded path, or nothing."""
        parts = _parts(raw_path)
        for pattern, route in self._routes:
            if route.method not in (method, "ANY"):
                continue
            parameters = _fit(pattern, parts)
            if parameters is not None:
                return route, parameters
        return None


def _parts(path: str) -> list[str]:
    return path.split("/")[1:]


def _is_greedy(part: str) -> bool:
    return part.startswith("{") and part.endswith("+}")


def _is_parameter(part: str) -> bool:
    return part.startswith("{") and part.endswith("}")


def _rank(pattern: list[str]) -> list[int]:
    return [2 if _is_greedy(part) else 1 if _is_parameter(part) else 0 for part in pattern]


def _fit(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for index, part in enumerate(pattern):
        if _is_greedy(part):
            rest = "/".join(parts[index:])
            return {**parameters, part[1:-2]: unquote(rest)} if rest else None
        if index >= len(parts):
            return None
        if _is_parameter(part):
            if not parts[index]:
                return None
            parameters[part[1:-1]] = unquote(parts[index])
        elif part != unquote(parts[index]):
            return None
    return parameters if len(pattern) == len(parts) else None
