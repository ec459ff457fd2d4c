"""Serving a fake venue over HTTP in a separate thread, with the latency and the faults that the test sets."""

from __future__ import annotations

import asyncio
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from aiohttp import web

from tests.support.venues.exchange import Exchange

Kind = Literal["status", "hang", "drop", "malformed", "drip", "redirect", "empty"]


@dataclass
class Fault:
    """A fault of the next ``times`` matching requests, or of all of them for None.

    With ``after`` the request is carried out first, and only its answer is lost or replaced.
    """

    kind: Kind
    path: str = ""
    method: str | None = None
    key: str | None = None
    times: int | None = 1
    after: bool = False
    status: int = 500
    headers: dict[str, str] | None = None
    body: str = ""

    def fits(self, request: web.Request, key: str | None) -> bool:
        """Return whether the fault applies to this request."""
        if self.times == 0 or self.path not in request.path or self.method not in {None, request.method}:
            return False
        return self.key in {None, key}


class RefusalError(Exception):
    """The response to a refused request."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(answer.text)
        self.answer = answer


class FakeVenue(ABC):
    """One venue. Use it as ``with FakeBinance() as venue:`` and call ``venue.url``."""

    name: str
    balances_path: ClassVar[str]
    """The part of a path that only the call for balances has. The other paths are told apart in the same way."""
    markets_path: ClassVar[str]
    orders_path: ClassVar[str]
    """Where orders are placed. A fake of a venue that only reads has none."""
    cancel_path: ClassVar[str]
    """Where orders are cancelled, with ``cancel_method``."""
    cancel_method: ClassVar[str] = "POST"
    order_path: ClassVar[str]
    """Where one order is read, needed if placing an order does not return its state."""

    def __init__(self, exchange: Exchange, latency: float = 0.0) -> None:
        self.exchange = exchange
        self.latency = latency
        self.faults: list[Fault] = []
        self.trouble: Callable[[web.Request, str | None], Fault | None] | None = None
        self.seen: list[tuple[str, str]] = []
        self.rewrites: list[tuple[str, Callable[[Any], object]]] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._port = 0
        self._error: BaseException | None = None

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """The routes of the venue."""

    @abstractmethod
    def key_of(self, request: web.Request) -> str | None:
        """The API key of a request, not verified."""

    @abstractmethod
    def credentials(self, **account: Any) -> dict[str, str]:
        """Open an account and return the credential fields that connect it."""

    def start(self, port: int = 0) -> Self:
        self._port = port
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error
        return self

    def stop(self) -> None:
        if self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def __enter__(self) -> Self:
        return self if self._thread.is_alive() else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def break_with(self, kind: Kind, **given: Any) -> Fault:
        """Add a fault. Return it, and its ``times`` counts down."""
        fault = Fault(kind, **given)
        self.faults.append(fault)
        return fault

    def rewrite(self, path: str, change: Callable[[Any], object]) -> None:
        """Let ``change`` alter the JSON of every answer to paths with this ending from now on."""
        self.rewrites.append((path, change))

    def mend(self) -> None:
        """Remove every fault."""
        self.faults.clear()
        self.rewrites.clear()
        self.trouble = None

    def calls(self, path: str, method: str | None = None) -> int:
        """How many requests came for a path."""
        return sum(path in seen and method in {None, used} for used, seen in self.seen)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        app = web.Application(middlewares=[self._middleware])
        app.add_routes(self.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", self._port, backlog=1024)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        except OSError as error:
            self._error = error
            self._stop.set()
        finally:
            self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.seen.append((request.method, request.path))
        if self.latency:
            await asyncio.sleep(self.latency)
        fault = self._fault(request)
        if fault is None:
            return await self._answer(request, handler)
        if fault.after:
            await self._answer(request, handler)
        return await self._fail(request, fault)

    async def _answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            answer: web.StreamResponse = await handler(request)
        except RefusalError as refusal:
            return refusal.answer
        return self._rewritten(request, answer)

    def _rewritten(self, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        changes = [change for path, change in self.rewrites if request.path.endswith(path)]
        if not changes or not isinstance(answer, web.Response) or answer.text is None:
            return answer
        shown = json.loads(answer.text)
        for change in changes:
            change(shown)
        return web.json_response(shown)

    def _fault(self, request: web.Request) -> Fault | None:
        key = self.key_of(request)
        for fault in self.faults:
            if fault.fits(request, key):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None if self.trouble is None else self.trouble(request, key)

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        match fault.kind:
            case "status":
                return web.Response(status=fault.status, headers=fault.headers, text=fault.body)
            case "malformed":
                return web.Response(text=fault.body or '{"balances": [', content_type="application/json")
            case "empty":
                return web.json_response({})
            case "redirect":
                return web.Response(status=302, headers={"Location": fault.body})
            case "drop":
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            case "hang":
                await self._until_gone()
                return web.Response()
            case "drip":
                return await self._drip(request)

    async def _until_gone(self) -> None:
        assert self._stop is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                await self._stop.wait()

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        for _ in range(600):
            await answer.write(b" ")
            await asyncio.sleep(0.1)
        return answer
