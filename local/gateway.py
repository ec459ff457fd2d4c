"""The HTTP API: an ASGI application that behaves like API Gateway and calls the functions."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from local import cors, events
from local.authorizer import Authorizers, ForbiddenError, UnauthorizedError
from local.declarations import Route
from local.events import Request, Response, gateway_response
from local.pool import FunctionError, Pool
from local.routing import Router
from local.template import Template
from local.throttling import Throttling

Message = MutableMapping[str, Any]
MAXIMUM_BODY: Final = 10 * 1024 * 1024
MAXIMUM_HEADERS: Final = 10_240


class Gateway:
    """The ASGI application. It passes ``log`` one line for each request."""

    def __init__(self, template: Template, authorizers: Authorizers, pool: Pool, log: Callable[[str], None]) -> None:
        self._router = Router(template.routes)
        self._cors = template.cors
        self._authorizers = authorizers
        self._pool = pool
        self._log = log
        self._throttling = Throttling()
        self._running: set[asyncio.Task[Any]] = set()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one HTTP request."""
        started = time.perf_counter()
        body = await _read_body(receive)
        request = _request(scope, body or b"")
        request_id = base64.b64encode(os.urandom(11)).decode("ascii").replace("+", "-").replace("/", "_")
        if body is None:
            response = gateway_response(413, "Request Entity Too Large")
        else:
            response = await self._answer(request, request_id)
        headers = [*response.headers, ("apigw-requestid", request_id)]
        if not cors.is_preflight(self._cors, request):
            headers = [pair for pair in headers if not pair[0].startswith("access-control-")]
            headers += cors.headers(self._cors, request)
        await _send(send, request.method, Response(response.status, headers, response.body))
        took = (time.perf_counter() - started) * 1000
        self._log(f"{request.method} {request.raw_path} {response.status} {took:.0f} ms")

    async def _answer(self, request: Request, request_id: str) -> Response:
        if sum(len(name) + len(value) for name, value in request.headers) > MAXIMUM_HEADERS:
            return gateway_response(431, "Request Header Fields Too Large")
        if self._cors and cors.is_preflight(self._cors, request):
            return Response(204, cors.preflight_headers(self._cors, request), b"")
        match = self._router.match(request.method, request.raw_path)
        if match is None:
            return gateway_response(404, "Not Found")
        route, parameters = match
        if not self._throttling.admits(route):
            return gateway_response(429, "Too Many Requests")
        try:
            claims = await self._authorizers.authorize(route, request)
        except UnauthorizedError as error:
            return gateway_response(401, "Unauthorized", [("www-authenticate", error.challenge)])
        except ForbiddenError:
            return gateway_response(403, "Forbidden")
        event = events.http_event(
            request, route, parameters, request_id=request_id, now=datetime.now(UTC), claims=claims
        )
        return await self._integrate(route, event, request_id)

    async def _integrate(self, route: Route, event: dict[str, Any], request_id: str) -> Response:
        """Call the function.

        After the integration's time-out it keeps running, as on Lambda, but its answer is discarded.
        """
        task = asyncio.create_task(self._pool.invoke(route.function, event, request_id))
        self._running.add(task)
        task.add_done_callback(self._finished)
        try:
            return events.http_response(await asyncio.wait_for(asyncio.shield(task), route.timeout))
        except TimeoutError:
            return gateway_response(503, "Service Unavailable")
        except (FunctionError, ValueError, TypeError, AttributeError) as error:
            self._log(f"{route.function} failed: {error} (see functions.log)")
            return gateway_response(500, "Internal Server Error")

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()


async def _read_body(receive: Callable[[], Awaitable[Message]]) -> bytes | None:
    """Read the whole body, or return nothing if it is too large.

    It is always read to its end to keep the connection.
    """
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        size += len(message.get("body", b""))
        if size <= MAXIMUM_BODY:
            chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks) if size <= MAXIMUM_BODY else None


def _request(scope: Message, body: bytes) -> Request:
    return Request(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1").partition("?")[0],
        raw_query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]],
        body=body,
        client=(scope.get("client") or ("127.0.0.1", 0))[0],
        protocol=f"HTTP/{scope['http_version']}",
        port=(scope.get("server") or ("", 80))[1] or 80,
    )


async def _send(send: Callable[[Message], Awaitable[None]], method: str, response: Response) -> None:
    has_body = response.status not in (204, 304)
    headers = [(name.encode("latin-1", "replace"), value.encode("utf-8")) for name, value in response.headers]
    if has_body:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body if has_body and method != "HEAD" else b""})


def print_line(line: str) -> None:
    """Print one line at once, and ignore a terminal that was closed."""
    with suppress(OSError):
        print(line, flush=True)
