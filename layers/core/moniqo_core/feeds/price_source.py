"""The market data that a feed requests from a venue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from moniqo_core.domain.errors import MarketDataError
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Candle, Market, Snapshot
from moniqo_core.domain.market.ticker import Ticker


class PriceSource(Protocol):
    """Public market data of one venue.

    Every method raises WalletError when the data is not available. Nothing is ever made up.
    """

    @property
    def source(self) -> str:
        """Name of the venue."""
        ...

    async def markets(self) -> Mapping[str, Market]:
        """Every known market, by symbol, also those that do not trade now."""
        ...

    async def offered(self) -> Mapping[str, Market]:
        """Every market that trades, by symbol."""
        ...

    async def snapshot(self, symbol: str) -> Snapshot:
        """Return the current order book, unchecked, with the venue's own timestamp."""
        ...

    async def mids(self) -> Mapping[str, Decimal]:
        """Mark price of every symbol, at most some seconds old."""
        ...

    async def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Return how each symbol trades now and traded in the last 24 hours. A symbol may be missing."""
        ...

    async def minutes(self, symbol: str, since: datetime) -> Sequence[Candle]:
        """Return one page of one-minute candles from ``since`` on.

        The candle that is still open is included when the page reaches that far.
        """
        ...

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles, oldest first."""
        ...


class UnavailablePriceSource:
    """A venue whose prices this deployment does not request, or no longer requests.

    Minutes of this venue that were recorded earlier can still be read.
    """

    def __init__(self, source: str) -> None:
        """Set the name of the venue."""
        self.source = source

    async def markets(self) -> Mapping[str, Market]:
        """Raise MarketDataError."""
        raise self._refusal()

    async def offered(self) -> Mapping[str, Market]:
        """Raise MarketDataError."""
        raise self._refusal()

    async def snapshot(self, symbol: str) -> Snapshot:
        """Raise MarketDataError."""
        raise self._refusal()

    async def mids(self) -> Mapping[str, Decimal]:
        """Raise MarketDataError."""
        raise self._refusal()

    async def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Raise MarketDataError."""
        raise self._refusal()

    async def minutes(self, symbol: str, since: datetime) -> Sequence[Candle]:
        """Raise MarketDataError."""
        raise self._refusal()

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Raise MarketDataError."""
        raise self._refusal()

    def _refusal(self) -> MarketDataError:
        return MarketDataError(
            f"This deployment does not use prices of {self.source}.",
            hint="Ask the operator of this deployment to configure this price source.",
        )
