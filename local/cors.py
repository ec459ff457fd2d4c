"""CORS headers and preflight answers, as an HTTP API makes them from its configuration."""

from __future__ import annotations

from fnmatch import fnmatchcase

from local.declarations import Cors
from local.events import Request


def headers(cors: Cors | None, request: Request) -> list[tuple[str, str]]:
    """Return the headers that every answer to this request carries."""
    origin = request.header("origin")
    if cors is None or not origin or not _allowed(cors, origin):
        return []
    answer = [("access-control-allow-origin", "*" if "*" in cors.origins else origin)]
    if cors.credentials:
        answer.append(("access-control-allow-credentials", "true"))
    if cors.expose:
        answer.append(("access-control-expose-headers", ",".join(cors.expose)))
    return answer


def is_preflight(cors: Cors | None, request: Request) -> bool:
    """Say whether the gateway answers this request by itself."""
    return (
        cors is not None
        and request.method == "OPTIONS"
        and bool(request.header("origin"))
        and bool(request.header("access-control-request-method"))
    )


def preflight_headers(cors: Cors, request: Request) -> list[tuple[str, str]]:
    """Return the headers of the answer to a preflight."""
    answer = headers(cors, request)
    if not answer:
        return []
    if cors.methods:
        answer.append(("access-control-allow-methods", ",".join(cors.methods)))
    if cors.headers:
        answer.append(("access-control-allow-headers", ",".join(cors.headers)))
    if cors.max_age is not None:
        answer.append(("access-control-max-age", str(cors.max_age)))
    return answer


def _allowed(cors: Cors, origin: str) -> bool:
    return any(pattern == "*" or fnmatchcase(origin, pattern) for pattern in cors.origins)
