"""Polygon's REST interface for shares, as https://polygon.io/docs/rest/stocks documents it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from aiohttp import web

from moniqo_core.domain.market.market import Candle
from tests.support.venues.exchange import Exchange
from tests.support.venues.server import FakeVenue

KEY = "a-key-of-polygon"
NANOSECOND = 10**9


class FakePolygon(FakeVenue):
    """Shows the test's prices, ``behind`` the time of ``clock``. ``plan`` is the status of its responses."""

    name = "polygon"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(Exchange(()))
        self.clock = clock
        self.behind = timedelta(0)
        self.plan = "OK"
        self.quotes: dict[str, tuple[str, str]] = {"AAPL": ("189.99", "190.01")}
        self.days: dict[str, dict[str, Any]] = {}
        self.bars: dict[str, dict[datetime, Candle]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v2/snapshot/locale/us/markets/stocks/tickers", self._all),
            web.get("/v2/snapshot/locale/us/markets/stocks/tickers/{ticker}", self._one),
            web.get("/v2/aggs/ticker/{ticker}/range/1/{span}/{since}/{until}", self._aggregates),
        ]

    def key_of(self, request: web.Request) -> str | None:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def credentials(self, **account: Any) -> dict[str, str]:
        return {"api_key": KEY}

    async def _answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.key_of(request) != KEY:
            return web.json_response({"status": "ERROR", "error": "Unknown API Key"}, status=401)
        return await super()._answer(request, handler)

    def _shown(self, ticker: str) -> dict[str, Any]:
        bid, ask = (float(price) for price in self.quotes[ticker])
        at = int((self.clock() - self.behind).timestamp() * NANOSECOND)
        quote = {"p": bid, "s": 40, "P": ask, "S": 30, "t": at}
        return {
            "ticker": ticker,
            "lastQuote": quote,
            "lastTrade": {"p": (bid + ask) / 2, "s": 5, "t": at},
            "updated": at,
            **self.days.get(ticker, {}),
        }

    async def _one(self, request: web.Request) -> web.Response:
        ticker = request.match_info["ticker"]
        if ticker not in self.quotes:
            return web.json_response({"status": "NotFound", "message": "Ticker not found."}, status=404)
        return web.json_response({"status": self.plan, "ticker": self._shown(ticker)})

    async def _all(self, request: web.Request) -> web.Response:
        wanted = request.query["tickers"].split(",")
        return web.json_response({"status": self.plan, "tickers": [self._shown(t) for t in self.quotes if t in wanted]})

    async def _aggregates(self, request: web.Request) -> web.Response:
        asked = request.match_info
        since, until = (datetime.fromtimestamp(int(asked[name]) / 1000, UTC) for name in ("since", "until"))
        bars = self.bars.get(asked["ticker"], {})
        found = [bar for start, bar in sorted(bars.items()) if since <= start <= min(until, self.clock() - self.behind)]
        if request.query["sort"] == "desc":
            found.reverse()
        results = [_bar(bar) for bar in found[: int(request.query["limit"])]]
        return web.json_response({"status": self.plan, "resultsCount": len(results), "results": results})

    def trade(self, ticker: str, start: datetime, minutes: int, price: str) -> None:
        """Let a share trade at a price, a cent up and down, for some minutes."""
        bars = self.bars.setdefault(ticker, {})
        for number in range(minutes):
            at = start + number * timedelta(minutes=1)
            middle, cent = Decimal(price), Decimal("0.01")
            bars[at] = Candle(at, middle, middle + cent, middle - cent, middle, Decimal(5000))


def _bar(bar: Candle) -> dict[str, Any]:
    names = ("o", "h", "l", "c", "v")
    return {"t": int(bar.start.timestamp() * 1000), **dict(zip(names, map(float, bar[1:]), strict=True)), "n": 1}
