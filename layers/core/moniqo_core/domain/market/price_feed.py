"""The interface of a price feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol, runtime_checkable

from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Market, PathPoint, Snapshot
from moniqo_core.domain.market.ticker import Ticker


@runtime_checkable
class SteppedFeed(Protocol):
    """A feed whose prices change only at the beginning of a step."""

    def step_began_at(self) -> datetime:
        """Return the beginning of the present step. Every price and every path is the same until the next one."""
        ...


class PriceFeed(Protocol):
    """A source of prices. A snapshot that is older than ``max_age`` by venue time must not be traded on."""

    max_age: timedelta

    @property
    def name(self) -> str:
        """Name that an account stores as the feed it was opened on."""
        ...

    def calendar(self, quote: str) -> str | None:
        """Return the calendar that the markets quoted in an asset keep, or None if they never close."""
        ...

    async def markets(self) -> Sequence[Market]:
        """Every symbol the feed prices, ordered by name."""
        ...

    async def market(self, symbol: str) -> Market:
        """Return one symbol. Raises SymbolNotFoundError."""
        ...

    async def snapshot(self, symbol: str, *, fresh: bool = True) -> Snapshot:
        """Return the current best prices and book.

        A snapshot that is only displayed need not be ``fresh`` and may be a moment old.

        Raises:
            SymbolNotFoundError: The feed does not have the symbol.
            MarketDataError: No usable price is available.

        """
        ...

    async def mids(self, symbols: Sequence[str], *, fresh: bool = False) -> Mapping[str, Decimal]:
        """Mark price of each symbol now: the mid if the spread is sane. A symbol that cannot be priced is missing.

        Prices that are only displayed may be some seconds old. A decision requests ``fresh`` ones.
        """
        ...

    async def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Return how each symbol trades now and traded in the last 24 hours, in as few calls as the source allows.

        A symbol may be missing, or have a quote that is not usable.

        Raises:
            MarketDataError: No source answers.

        """
        ...

    async def usd_rate(self, asset: str) -> Decimal:
        """Return the price of one unit of a cash asset in US dollars, for valuations."""
        ...

    async def known_until(self, symbol: str, since: datetime, until: datetime) -> datetime:
        """Return the time up to which the path from ``since`` on is known, which is ``until`` when nothing is missing.

        Requests missing parts from the source of the path. A part that is not available now is no error.
        """
        ...

    async def path(self, symbol: str, since: datetime, until: datetime) -> Sequence[PathPoint]:
        """Known points that start at or after ``since`` and end by ``until``, oldest first."""
        ...

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles, oldest first.

        Raises:
            SymbolNotFoundError: The feed does not have the symbol.
            MarketDataError: The source of the candles does not answer.

        """
        ...
