"""The application, which passes an API Gateway event to a route and returns the answer.

FastAPI's middleware stack (error pages, body limits, telemetry) is left out. One class, :class:`Service`, does
everything that this service needs around its routes.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Any, Final, cast

from fastapi import APIRouter, FastAPI
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from moniqo_core import bootstrap, event_loop, observability
from moniqo_core.domain.errors import PayloadTooLargeError
from moniqo_core.http import problems
from moniqo_core.http.gateway.events import HttpApi
from moniqo_core.http.route import Route
from moniqo_core.http.whole_cycle import WholeCycle

MAX_BODY_BYTES: Final = 256 * 1024
SECONDS_TO_ANSWER: Final = 1.0

LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]

_DEFAULT_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000"),
    (b"x-content-type-options", b"nosniff"),
)


def api_router(prefix: str = "/api/v1") -> APIRouter:
    """Return a router for one function. The bodies of its routes are parsed strictly."""
    return APIRouter(prefix=prefix, route_class=Route, strict_content_type=False, redirect_slashes=False)


class Service(FastAPI):
    """The application around the routes. It answers errors as problem documents, and logs every answer with an id."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. An error becomes a problem document, unless the answer has already started."""
        started_at = time.perf_counter()
        request_id = _request_id(scope)
        answered = 0

        async def send_identified(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
                _add_headers(message["headers"], request_id)
            await send(message)

        scope["app"] = self
        code: str | None = None
        try:
            _refuse_large_body(scope)
            async with asyncio.timeout(_patience(scope)):
                await self._answering(scope)(scope, receive, send_identified)
        except Exception as error:
            if answered:
                raise
            code, answer = problems.answer(error, scope["path"], request_id)
            await answer(scope, receive, send_identified)
        _log(scope, request_id, answered, code, started_at)

    def _answering(self, scope: Scope) -> ASGIApp:
        """Return the route that matches a request. Without one it is the router, which refuses the request."""
        for route in self.routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return cast("Route", route).app  # ``handle`` would check the method a second time
        return self.router


def build_app(*routers: APIRouter) -> FastAPI:
    """Return the application that serves these routers.

    Routes are added one by one, because matching through an included router costs 13 us per request.
    """
    app = Service(openapi_url=None, redirect_slashes=False)
    for router in routers:
        app.router.routes.extend(router.routes)
    return app


def lambda_handler(router: APIRouter) -> LambdaHandler:
    """Return the Lambda handler of one function. It builds the application now, and the rest on the first event."""
    app = build_app(router)
    bootstrap.preload()
    gc.freeze()  # objects that exist by now are permanent, so the collector need not scan them again
    gc.set_threshold(50_000, 20, 100)
    is_configured = False

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        nonlocal is_configured
        event_loop.current()
        if not is_configured:
            bootstrap.configure_logging()
            is_configured = True
        observability.begin(context)
        request = HttpApi(event, context)
        return request(WholeCycle(request.scope, request.body)(app))

    return handler


def _request_id(scope: Scope) -> str:
    event = scope.get("aws.event")
    return event["requestContext"].get("requestId", "") if event else ""


def _patience(scope: Scope) -> float | None:
    """Return the seconds that a request may take, or None outside Lambda.

    They end before Lambda's own time-out, so that the caller gets an answer.
    """
    context = scope.get("aws.context")
    return context.get_remaining_time_in_millis() / 1000 - SECONDS_TO_ANSWER if context else None


def _refuse_large_body(scope: Scope) -> None:
    event = scope.get("aws.event") or {}
    body = event.get("body")
    if not body or len(body) <= MAX_BODY_BYTES // 4:  # even if every character takes four bytes
        return
    size = len(body) * 3 // 4 if event.get("isBase64Encoded") else len(body.encode("utf-8", "surrogatepass"))
    if size > MAX_BODY_BYTES:
        raise PayloadTooLargeError(
            f"The body has {size} bytes. The limit is {MAX_BODY_BYTES} bytes.", limit=MAX_BODY_BYTES
        )


def _add_headers(headers: list[tuple[bytes, bytes]], request_id: str) -> None:
    present = {name for name, _ in headers}
    headers.extend(header for header in _DEFAULT_HEADERS if header[0] not in present)
    headers.append((b"x-request-id", request_id.encode()))


def _log(scope: Scope, request_id: str, status: int, code: str | None, started_at: float) -> None:
    route = scope.get("route")
    observability.request(
        request_id=request_id,
        method=scope["method"],
        route=route.path if route is not None else None,
        status=status,
        error=code,
        duration_ms=round((time.perf_counter() - started_at) * 1000, 3),
        user_id=scope.get("moniqo.user_id"),
    )
