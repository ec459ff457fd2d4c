"""One-minute candles drawn from a seed, and a fake Binance that shows them as its clock moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import formatdate
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


class History:
    """One candle for each minute with a trade from ``begin`` on. The same seed gives the same candles."""

    def __init__(self, seed: str, begin: datetime, minutes: int, quiet: float = 0.05) -> None:
        self.candles: dict[str, dict[datetime, Candle]] = {}
        for market in MARKETS:
            rng, price, drawn = Random(f"{seed} {market.symbol}"), market.price, {}
            for number in range(minutes):
                start = begin + number * MINUTE
                prices = [price * D(1 + rng.gauss(0, 0.001)) for _ in range(4)]
                opened, *inner, closed = (price.quantize(CENT) for price in prices)
                around = (opened, closed, *inner)
                if rng.random() >= quiet:
                    volume = D(rng.randrange(1, 5000)) / 1000
                    drawn[start] = Candle(start, opened, max(around), min(around), closed, volume)
                    price = closed
            self.candles[market.symbol] = drawn

    def shown(self, symbol: str, since: datetime, limit: int, now: datetime) -> list[Candle]:
        """Candles from ``since`` on. The last one is still open and has only begun."""
        found = (candle for start, candle in sorted(self.candles[symbol].items()) if since <= start <= now)
        return [self._so_far(candle, now) for _, candle in zip(range(limit), found, strict=False)]

    def price(self, symbol: str, now: datetime) -> Decimal:
        """Close of the last minute that is over."""
        over = [candle for start, candle in self.candles[symbol].items() if start + MINUTE <= now]
        return max(over).close if over else next(iter(self.candles[symbol].values())).open

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
