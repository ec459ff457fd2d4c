"""The simulated market as a price feed.

The price at a given time is the same for every reader, and no network is needed. The path consists of the 15-second
steps of :mod:`moniqo_core.feeds.random_walk`, and candles are made of these steps. Stocks have steps only during
sessions of their exchange. Between sessions the last price of the last session is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import MarketDataError
from moniqo_core.domain.market import trading_hours
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import SIMULATED, Market, PathPoint, PriceLevel, Snapshot
from moniqo_core.domain.market.ticker import Quote24h, Ticker
from moniqo_core.domain.market.unknown_symbol import unknown_symbol
from moniqo_core.domain.money import ONE
from moniqo_core.feeds.random_walk import STEP_SECONDS, RandomWalk, SimulatedMarket, simulated_markets
from moniqo_core.feeds.simulated_steps import begin_of, step_of, traded_steps
from moniqo_core.feeds.simulated_ticker import quote_of

if TYPE_CHECKING:
    from moniqo_core.feeds.simulated_candles import HourStore, SimulatedCandles

BOOK_LEVELS: Final = 20
MOST_STEPS: Final = 14 * 86400 // STEP_SECONDS
"""The steps that one answer with candles computes at most, about a quarter of a second of work.

They are 14 days. The longest answer with candles of 15 minutes needs less. Hours that are stored do not count.
"""

_STEP: Final = timedelta(seconds=STEP_SECONDS)


class SimulatedFeed:
    """A :class:`~moniqo_core.domain.market.price_feed.PriceFeed` that is computed from a seed.

    The seed is never disclosed, because all future prices follow from it.
    """

    max_age = _STEP + timedelta(seconds=1)
    """A price holds for one step. A price read at the end of its step is still good when the order is decided."""

    def __init__(self, seed: str, clock: Clock = utc_now, hours: Callable[[], HourStore] | None = None) -> None:
        """Compute from the deployment's secret seed.

        Args:
            seed: The seed.
            clock: Gives the current time.
            hours: Makes the store of hours, which only candles need. Without it every hour is computed.

        """
        self._market = RandomWalk(seed)
        self._clock = clock
        self._snapshot = lru_cache(maxsize=256)(self._snapshot_at)
        self._quote = lru_cache(maxsize=256)(self._quote_at)
        self._hours = hours

    name = SIMULATED

    def step_began_at(self) -> datetime:
        """Return the beginning of the present step."""
        return begin_of(step_of(self._clock()))

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
            found[symbol] = Ticker(symbol, begin_of(shown), SIMULATED, self._quote(symbol, shown))
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
        last = step_of(min(until, self._clock()))
        return [point for steps in traded_steps(market, first, last) for point in self._points(market, steps)]

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles, oldest first, for which at most :data:`MOST_STEPS` are computed.

        Raises:
            SymbolNotFoundError: There is no such simulated symbol.

        """
        return await self._candles.series(_simulated_market(symbol), query, self._clock(), MOST_STEPS)

    @cached_property
    def _candles(self) -> SimulatedCandles:
        from moniqo_core.feeds.simulated_candles import NoHourStore, SimulatedCandles

        return SimulatedCandles(self._market, NoHourStore() if self._hours is None else self._hours())

    def _ticks(self, market: SimulatedMarket, step: int) -> int:
        return self._market.ticks(market, range(step, step + 1))[0]

    def _points(self, market: SimulatedMarket, steps: range) -> Iterator[PathPoint]:
        ticks = self._market.ticks(market, steps)
        lots = self._market.lots(market, steps, ticks)
        for step, price, traded in zip(steps, ticks, lots, strict=True):
            begins, half = begin_of(step), market.price(_half_spread(price))
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
        return Snapshot(symbol, begin_of(step), market.price(ticks), bids, asks, SIMULATED)


def _simulated_market(symbol: str) -> SimulatedMarket:
    found = simulated_markets().get(symbol)
    if found is None:
        raise unknown_symbol(symbol, (), "There is no market")
    return found


def _shown_step(market: SimulatedMarket, moment: datetime) -> int:
    """Step whose price is shown at a given time. While the market is closed, the last step of the last session."""
    if market.market.hours is None or trading_hours.session_at(moment) is not None:
        return step_of(moment)
    session = next(trading_hours.earlier_sessions(moment), None)
    if session is None:
        raise MarketDataError(f"No trading session of {market.market.symbol} is known.", symbol=market.market.symbol)
    return step_of(session.close) - 1


def _half_spread(ticks: int) -> int:
    """Half of the spread in ticks: half of 0.01% of the price, but at least one tick."""
    return max(1, ticks // 20_000)
