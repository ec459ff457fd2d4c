"""The simulated market as a price feed.

The price at a given time is the same for every reader, and no network is needed. The path consists of the 15-second
steps of :mod:`moniqo_core.feeds.random_walk`, and candles are made of these steps. Stocks have steps only during
sessions of their exchange. Between sessions the last price of the last session is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeVar

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import MarketDataError
from moniqo_core.domain.market import trading_hours
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries, series_of
from moniqo_core.domain.market.market import SIMULATED, Candle, Market, PathPoint, PriceLevel, Snapshot
from moniqo_core.domain.market.ticker import Quote24h, Ticker
from moniqo_core.domain.market.unknown_symbol import unknown_symbol
from moniqo_core.domain.money import ONE
from moniqo_core.feeds.random_walk import STEP_SECONDS, RandomWalk, SimulatedMarket, simulated_markets
from moniqo_core.feeds.simulated_ticker import quote_of

BOOK_LEVELS: Final = 20
CANDLES_KEPT: Final = 4096
"""Closed candles kept in memory. A candle of one day takes 5,760 steps to compute."""
MOST_STEPS: Final = 600_000
"""The steps that one answer with candles computes at most, about five seconds of work.

It holds 104 days, or 625 candles of four hours. Shorter candles reach the limit of a query.
"""

Item = TypeVar("Item")

_STEP: Final = timedelta(seconds=STEP_SECONDS)


class SimulatedFeed:
    """A :class:`~moniqo_core.domain.market.price_feed.PriceFeed` that is computed from a seed.

    The seed is never disclosed, because all future prices follow from it.
    """

    max_age = _STEP + timedelta(seconds=1)
    """A price holds for one step. A price read at the end of its step is still good when the order is decided."""

    def __init__(self, seed: str, clock: Clock = utc_now) -> None:
        """Take the deployment's secret seed, and the clock that gives the current time."""
        self._market = RandomWalk(seed)
        self._clock = clock
        self._snapshot = lru_cache(maxsize=256)(self._snapshot_at)
        self._quote = lru_cache(maxsize=256)(self._quote_at)
        self._candle = lru_cache(maxsize=CANDLES_KEPT)(self._candle_of)

    name = SIMULATED

    def calendar(self, quote: str) -> str | None:
        """Return the calendar of the symbols quoted in an asset: that of the exchange for shares, None for crypto."""
        return next((row.market.hours for row in simulated_markets().values() if row.market.quote == quote), None)

    async def markets(self) -> Sequence[Market]:
        """Every simulated symbol, ordered by name."""
        return [row.market for row in simulated_markets().values()]

    async def market(self, symbol: str) -> Market:
        """Return one symbol. Raises SymbolNotFoundError."""
        return _simulated_market(symbol).market

    async def snapshot(self, symbol: str, *, fresh: bool = True) -> Snapshot:
        """Return the current best prices and book, or those of the last session.

        The time of the snapshot is the start of its step.

        Raises:
            SymbolNotFoundError: There is no such simulated symbol.
            MarketDataError: The market is closed, and no earlier session is known.

        """
        return self._snapshot(symbol, _shown_step(_simulated_market(symbol), self._clock()))

    async def mids(self, symbols: Sequence[str], *, fresh: bool = False) -> dict[str, Decimal]:
        """Mid price of each symbol now, or at the end of the last session."""
        now, found = self._clock(), map(_simulated_market, symbols)
        return {market.market.symbol: market.price(self._ticks(market, _shown_step(market, now))) for market in found}

    async def tickers(self, symbols: Sequence[str]) -> dict[str, Ticker]:
        """Return how each symbol trades now and traded before, or in the last session."""
        now = self._clock()
        found = {}
        for symbol in symbols:
            shown = _shown_step(_simulated_market(symbol), now)
            found[symbol] = Ticker(symbol, _begin(shown), SIMULATED, self._quote(symbol, shown))
            await asyncio.sleep(0)
        return found

    def _quote_at(self, symbol: str, step: int) -> Quote24h:
        market = _simulated_market(symbol)
        return quote_of(self._market, market, step, _half_spread(self._ticks(market, step)))

    async def usd_rate(self, asset: str) -> Decimal:
        """Return 1: a simulated token follows the dollar exactly."""
        return ONE

    async def known_until(self, symbol: str, since: datetime, until: datetime) -> datetime:
        """Return ``until``: the path is computed, so all of it is known."""
        return until

    async def path(self, symbol: str, since: datetime, until: datetime) -> Sequence[PathPoint]:
        """Steps that start at or after ``since`` and have ended by ``until`` and by now, oldest first."""
        market = _simulated_market(symbol)
        first = -(-int(since.timestamp() * 1000) // (STEP_SECONDS * 1000))
        last = _step_of(min(until, self._clock()))
        return [point for steps in _traded_steps(market, first, last) for point in self._points(market, steps)]

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles, oldest first, up to :data:`MOST_STEPS`.

        Raises:
            SymbolNotFoundError: There is no such simulated symbol.

        """
        market, now = _simulated_market(symbol), self._clock()
        seconds, span = int(query.length.total_seconds()), query.span(now)
        most = min(query.limit, MOST_STEPS * STEP_SECONDS // seconds)
        found: list[Candle] = []
        for index in _candle_indexes(market, query, now):
            if len(found) == most:
                last = found[-1].start
                span = span._replace(end=last + query.length) if query.is_forward else span._replace(start=last)
                break
            start = datetime.fromtimestamp(index * seconds, UTC)
            ended = start + query.length <= now
            candle = self._candle(symbol, index, seconds) if ended else self._open_candle(symbol, start, now)
            # Before its first step has ended, the open candle does not exist and takes no place in the limit.
            found += [] if candle is None else [candle]
            await asyncio.sleep(0)
        return series_of(found, query, now, span)

    def _ticks(self, market: SimulatedMarket, step: int) -> int:
        return self._market.ticks(market, range(step, step + 1))[0]

    def _points(self, market: SimulatedMarket, steps: range) -> Iterator[PathPoint]:
        ticks = self._market.ticks(market, steps)
        lots = self._market.lots(market, steps, ticks)
        for step, price, traded in zip(steps, ticks, lots, strict=True):
            begins, half = _begin(step), market.price(_half_spread(price))
            yield PathPoint(begins, begins + _STEP, market.price(price), market.amount(traded), half)

    def _snapshot_at(self, symbol: str, step: int) -> Snapshot:
        market = _simulated_market(symbol)
        ticks = self._ticks(market, step)
        half, gap = _half_spread(ticks), max(1, ticks // 100_000)
        lots = self._market.book_lots(market, step, ticks, 2 * BOOK_LEVELS)
        bids, asks = (
            [
                PriceLevel(market.price(ticks + sign * (half + depth * gap)), market.amount(size))
                for depth, size in enumerate(sizes)
            ]
            for sign, sizes in ((-1, lots[:BOOK_LEVELS]), (1, lots[BOOK_LEVELS:]))
        )
        return Snapshot(symbol, _begin(step), market.price(ticks), bids, asks, SIMULATED)

    def _candle_of(self, symbol: str, index: int, seconds: int) -> Candle | None:
        return self._candle_of_steps(symbol, index * seconds // STEP_SECONDS, (index + 1) * seconds // STEP_SECONDS)

    def _open_candle(self, symbol: str, start: datetime, now: datetime) -> Candle | None:
        """Return the candle of the steps that have ended, or None before the first one has."""
        return self._candle_of_steps(symbol, _step_of(start), _step_of(now))

    def _candle_of_steps(self, symbol: str, first: int, last: int) -> Candle | None:
        market = _simulated_market(symbol)
        ticks: list[int] = []
        lots = 0
        for steps in _traded_steps(market, first, last):
            prices = self._market.ticks(market, steps)
            ticks += prices
            lots += sum(self._market.lots(market, steps, prices))
        if not ticks:
            return None
        opened, high, low, closed = map(market.price, (ticks[0], max(ticks), min(ticks), ticks[-1]))
        return Candle(_begin(first), opened, high, low, closed, market.amount(lots))


def _simulated_market(symbol: str) -> SimulatedMarket:
    found = simulated_markets().get(symbol)
    if found is None:
        raise unknown_symbol(symbol, (), "There is no market")
    return found


def _shown_step(market: SimulatedMarket, moment: datetime) -> int:
    """Step whose price is shown at a given time. While the market is closed, the last step of the last session."""
    if market.market.hours is None or trading_hours.session_at(moment) is not None:
        return _step_of(moment)
    session = next(trading_hours.earlier_sessions(moment), None)
    if session is None:
        raise MarketDataError(f"No trading session of {market.market.symbol} is known.", symbol=market.market.symbol)
    return _step_of(session.close) - 1


def _candle_indexes(market: SimulatedMarket, query: CandleQuery, now: datetime) -> Iterator[int]:
    """Yield the indexes of the wanted candles that cover a time at which the market trades, in the query's direction.

    The index of a candle is the number of candles since 1970.
    """
    span, seconds = query.span(now), int(query.length.total_seconds())
    first, end = (int(moment.timestamp()) // seconds for moment in span)
    if market.market.hours is None:
        yield from _in_direction(range(first, end), query)
        return
    for session in _in_direction(trading_hours.sessions_between(span.start, span.end), query):
        opens, closes = int(session.open.timestamp()), int(session.close.timestamp())
        yield from _in_direction(range(max(first, opens // seconds), min(end, -(-closes // seconds))), query)


def _in_direction(items: Sequence[Item], query: CandleQuery) -> Iterator[Item]:
    return iter(items) if query.is_forward else reversed(items)


def _traded_steps(market: SimulatedMarket, first: int, last: int) -> list[range]:
    """Steps from ``first`` (inclusive) to ``last`` (exclusive) in which the market trades, in order."""
    if market.market.hours is None:
        return [range(first, last)]
    sessions = trading_hours.sessions_between(_begin(first), _begin(last)) if first < last else ()
    return [range(max(first, _step_of(each.open)), min(last, _step_of(each.close))) for each in sessions]


def _half_spread(ticks: int) -> int:
    """Half of the spread in ticks: half of 0.01% of the price, but at least one tick."""
    return max(1, ticks // 20_000)


def _step_of(moment: datetime) -> int:
    return int(moment.timestamp()) // STEP_SECONDS


def _begin(step: int) -> datetime:
    return datetime.fromtimestamp(step * STEP_SECONDS, UTC)
