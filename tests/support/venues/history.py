"""One-minute candles drawn from a seed, and a fake Binance that shows them as its clock moves."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import formatdate
from functools import cache
from random import Random
from typing import Any

from aiohttp import web

from moniqo_core.domain.market.market import Candle
from moniqo_core.domain.market.minute_candles import MINUTE
from tests.support.venues.binance import FakeBinance, Given
from tests.support.venues.exchange import MARKETS, Exchange

D = Decimal
CENT = D("0.01")
MOST = 1000


@cache
def draw(seed: str, begin: datetime, minutes: int, quiet: float = 0.05) -> History:
    """Draw one candle for each minute with a trade from ``begin`` on. The same seed gives the same candles."""
    candles = {}
    for market in MARKETS:
        rng, price, drawn = Random(f"{seed} {market.symbol}"), market.price, list[Candle]()
        for number in range(minutes):
            prices = [price * D(1 + rng.gauss(0, 0.001)) for _ in range(4)]
            opened, *inner, closed = (price.quantize(CENT) for price in prices)
            around = (opened, closed, *inner)
            if rng.random() >= quiet:
                volume = D(rng.randrange(1, 5000)) / 1000
                start = begin + number * MINUTE
                drawn.append(Candle(start, opened, max(around), min(around), closed, volume))
                price = closed
        candles[market.symbol] = tuple(drawn)
    return History(candles)


class History:
    """Candles of each market in the order of time. Nothing changes them, so tests share them."""

    def __init__(self, candles: Mapping[str, tuple[Candle, ...]]) -> None:
        self.candles = candles
        self._starts = {symbol: [candle.start for candle in drawn] for symbol, drawn in candles.items()}

    def with_candle(self, symbol: str, candle: Candle) -> History:
        """Return a history with this candle, instead of the one of its minute if there is one."""
        others = [other for other in self.candles[symbol] if other.start != candle.start]
        return History({**self.candles, symbol: tuple(sorted([*others, candle]))})

    def shown(self, symbol: str, since: datetime, limit: int, now: datetime) -> list[Candle]:
        """Candles from ``since`` on. The last one is still open and has only begun."""
        starts = self._starts[symbol]
        found = self.candles[symbol][bisect_left(starts, since) : bisect_right(starts, now)]
        return [self._so_far(candle, now) for candle in found[:limit]]

    def price(self, symbol: str, now: datetime) -> Decimal:
        """Close of the last minute that is over."""
        over = bisect_right(self._starts[symbol], now - MINUTE)
        candles = self.candles[symbol]
        return candles[over - 1].close if over else candles[0].open

    def _so_far(self, candle: Candle, now: datetime) -> Candle:
        if candle.start + MINUTE <= now:
            return candle
        price = candle.open
        return Candle(candle.start, price, price, price, price, D("0.001"))


class HistoricalBinance(FakeBinance):
    """Shows a history at the time of ``clock``, which stamps its answers too."""

    def __init__(self, history: History, clock: Callable[[], datetime]) -> None:
        super().__init__(Exchange(fee_in_base=True))
        self.history = history
        self.clock = clock
        self.behind = timedelta(0)
        self.exchange.now = lambda: int(self._now().timestamp() * 1000)  # type: ignore[method-assign]
        self.own_book: tuple[list[list[str]], list[list[str]]] | None = None

    def _now(self) -> datetime:
        return self.clock() - self.behind

    async def _answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        now = self._now()
        self.exchange.prices = {symbol: self.history.price(symbol, now) for symbol in self.exchange.listed}
        answer = await super()._answer(request, handler)
        answer.headers["Date"] = formatdate(now.timestamp(), usegmt=True)
        return answer

    def _depth(self, given: Given) -> Any:
        if self.own_book is None:
            return super()._depth(given)
        return {"lastUpdateId": 1, "bids": self.own_book[0], "asks": self.own_book[1]}

    def _klines(self, given: Given) -> Any:
        if given["interval"] != "1m":
            return super()._klines(given)
        now, limit = self._now(), min(int(given.get("limit", 500)), MOST)
        since = now - limit * MINUTE
        if "startTime" in given:
            since = datetime.fromtimestamp(int(given["startTime"]) / 1000, UTC)
        return [_row(candle) for candle in self.history.shown(self._symbol(given), since, limit, now)]


def _row(candle: Candle) -> list[Any]:
    start = int(candle.start.timestamp() * 1000)
    numbers = [str(number) for number in candle[1:]]
    return [start, *numbers, start + 59_999, "0", 1, "0", "0", "0"]
