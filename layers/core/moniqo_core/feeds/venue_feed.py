"""A price feed on venues: current quotes, and the recorded path of one venue.

A snapshot comes from the first venue, in the deployment's order of preference, that answers with a fresh and valid
book. The path always comes from the same venue. Otherwise it would depend on which venue answered at the time of a
request.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import MarketDataError, SymbolNotFoundError, WalletError
from moniqo_core.domain.market import trading_hours
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Market, PathPoint, Snapshot
from moniqo_core.domain.market.snapshot_checks import check_fresh, check_sane
from moniqo_core.domain.market.ticker import Ticker
from moniqo_core.domain.market.unknown_symbol import unknown_symbol
from moniqo_core.domain.money import ONE
from moniqo_core.feeds import polygon
from moniqo_core.feeds.price_source import PriceSource
from moniqo_core.feeds.recorded_path import MinuteRecord, RecordedPath

CRYPTO_MAX_AGE: Final = timedelta(seconds=2)
STOCKS_MAX_AGE: Final = timedelta(seconds=15)
"""A stock quote stands until the next one, which follows within seconds during a session."""

CALENDARS: Final = {polygon.SOURCE: trading_hours.NYSE}
"""Calendar of trading hours that applies to all markets of a venue, by venue."""

RATE_KEPT: Final = timedelta(minutes=1)
RATE_SECONDS: Final = 2.0
"""Time limit for pricing a dollar token, in seconds. A venue that hangs must not delay wallets of another venue."""
SNAPSHOT_KEPT: Final = timedelta(seconds=1)


class VenueFeed:
    """A :class:`~moniqo_core.domain.market.price_feed.PriceFeed` on venues.

    The first venue gives the path. Any of them can give a quote.
    """

    def __init__(
        self,
        venues: Sequence[PriceSource],
        record: MinuteRecord,
        clock: Clock = utc_now,
    ) -> None:
        """Take the venues in order of preference. The first one is the venue of the path."""
        self._venues = venues
        self._main = venues[0]
        self._calendar = CALENDARS.get(self._main.source)
        self.max_age = CRYPTO_MAX_AGE if self._calendar is None else STOCKS_MAX_AGE
        self._clock = clock
        self._path = RecordedPath(self._main, record, clock, self._calendar)
        self._snapshots: dict[str, tuple[datetime, Snapshot]] = {}
        self._rate_locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._rates: dict[str, tuple[datetime, Decimal]] = {}

    @property
    def name(self) -> str:
        """Name of the venue of the path."""
        return self._main.source

    def calendar(self, quote: str) -> str | None:
        """Return the calendar of the venue of the path, or None if it never closes."""
        return self._calendar

    async def markets(self) -> Sequence[Market]:
        """Return every symbol that trades at the venue of the path, ordered by name.

        Raises:
            MarketDataError: The venue does not answer.

        """
        try:
            listed = await self._main.offered()
        except WalletError as error:
            raise _no_price("any symbol", error) from error
        return [listed[symbol] for symbol in sorted(listed)]

    async def _listed(self, symbol: str) -> Mapping[str, Market]:
        try:
            return await self._main.markets()
        except WalletError as error:
            raise _no_price(symbol, error) from error

    async def market(self, symbol: str) -> Market:
        """Return one symbol of the venue of the path.

        Raises:
            SymbolNotFoundError: The venue does not list it.
            MarketDataError: The venue does not answer.

        """
        found = (await self._listed(symbol)).get(symbol)
        if found is None:
            raise unknown_symbol(symbol, (), f"{self._main.source} does not trade")
        return found

    async def snapshot(self, symbol: str, *, fresh: bool = True) -> Snapshot:
        """Return the first book that is fresh and valid, in the order of the venues.

        While the exchange is closed, the book may have any age. Unless ``fresh``, a snapshot taken within the last
        second is returned again, so that many readers share one request.

        Raises:
            SymbolNotFoundError: The venue of the path does not list the symbol.
            MarketDataError: No venue has a usable book. The detail explains the failure of the first venue.

        """
        now = self._clock()
        cached = self._snapshots.get(symbol)
        if not fresh and cached is not None and now - SNAPSHOT_KEPT <= cached[0] <= now:
            return cached[1]
        found = await self._quote(symbol)
        self._snapshots[symbol] = (now, found)
        return found

    async def _quote(self, symbol: str) -> Snapshot:
        await self.market(symbol)
        is_open = trading_hours.trading_hours_at(self._calendar, self._clock()).is_open
        first: WalletError | None = None
        for venue in self._venues:
            try:
                if venue is not self._main and symbol not in await venue.markets():
                    continue
                snapshot = await venue.snapshot(symbol)
                check_sane(snapshot)
                check_fresh(snapshot, self._clock() if is_open else snapshot.at, self.max_age)
            except WalletError as error:
                first = first or error
            else:
                return snapshot
        raise _no_price(symbol, first)

    async def mids(self, symbols: Sequence[str], *, fresh: bool = False) -> dict[str, Decimal]:
        """Mark price of each symbol. A symbol that cannot be priced is missing.

        With ``fresh``, a snapshot of each symbol is taken now. Otherwise the prices may be some seconds old.
        """
        if fresh:
            mids = await asyncio.gather(*(self._mid(symbol) for symbol in symbols))
            return {symbol: mid for symbol, mid in zip(symbols, mids, strict=True) if mid is not None}
        found: dict[str, Decimal] = {}
        for venue in self._venues:
            missing = [symbol for symbol in symbols if symbol not in found]
            if not missing:
                break
            try:
                shown = await venue.mids()
            except WalletError:
                continue
            found.update({symbol: shown[symbol] for symbol in missing if symbol in shown})
        return found

    async def tickers(self, symbols: Sequence[str]) -> dict[str, Ticker]:
        """Return the usable ticker of each symbol from the first venue that has one.

        Raises:
            MarketDataError: No venue has one. The detail explains the failure of the first venue.

        """
        found: dict[str, Ticker] = {}
        first: WalletError | None = None
        for venue in self._venues:
            missing = [symbol for symbol in symbols if symbol not in found]
            if not missing:
                break
            try:
                shown = await venue.tickers(missing)
            except WalletError as error:
                first = first or error
                continue
            found.update({symbol: ticker for symbol, ticker in shown.items() if ticker.quote.is_usable})
        if not found:
            raise _no_price(symbols[0], first)
        return found

    async def _mid(self, symbol: str) -> Decimal | None:
        try:
            return (await self.snapshot(symbol)).mark
        except WalletError:
            return None

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles of the venue of the path, oldest first.

        Raises:
            SymbolNotFoundError: The venue does not list the symbol.
            MarketDataError: The venue does not answer.

        """
        try:
            return await self._main.candles(symbol, query)
        except SymbolNotFoundError:
            raise
        except WalletError as error:
            raise _no_price(symbol, error) from error

    async def usd_rate(self, asset: str) -> Decimal:
        """Return the price in US dollars of a token that follows the dollar.

        The price is at most a minute old while a venue quotes it. While no venue does, the last known price is
        returned, or 1 if there never was one.
        """
        async with self._rate_locks[asset]:
            now = self._clock()
            kept = self._rates.get(asset)
            if kept is None or not now - RATE_KEPT <= kept[0] <= now:
                quoted = await self._quoted_rate(asset)
                last = ONE if kept is None else kept[1]
                kept = self._rates[asset] = (now, last if quoted is None else quoted)
            return kept[1]

    async def _quoted_rate(self, asset: str) -> Decimal | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(RATE_SECONDS):
                return await self._first_rate(asset)
        return None

    async def _first_rate(self, asset: str) -> Decimal | None:
        for venue in self._venues:
            try:
                if f"{asset}/USD" in await venue.markets():
                    snapshot = await venue.snapshot(f"{asset}/USD")
                    check_sane(snapshot)
                    check_fresh(snapshot, self._clock(), self.max_age)
                    return snapshot.mark
            except WalletError:
                continue
        return None

    async def known_until(self, symbol: str, since: datetime, until: datetime) -> datetime:
        """Return the time up to which the path from ``since`` on is recorded: ``until`` when nothing is missing."""
        return await self._path.known_until(symbol, since, until)

    async def path(self, symbol: str, since: datetime, until: datetime) -> Sequence[PathPoint]:
        """Points of recorded minutes that start at or after ``since`` and end by ``until``. Raises MarketDataError."""
        return await self._path.path(symbol, since, until)


def _no_price(symbol: str, error: WalletError | None) -> WalletError:
    if isinstance(error, MarketDataError):
        return error
    detail = error.detail if error is not None else "No venue quotes it."
    return MarketDataError(f"There is no usable price of {symbol}. {detail}", symbol=symbol, retry_after=2)
