"""What a feed of venue prices asks its venues for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from moniqo_core.domain.errors import MarketDataError
from moniqo_core.domain.market.market import Candle, Market, Snapshot


class PriceSource(Protocol):
    """What a venue shows to everybody. Every method raises WalletError: what is missing is never made up."""

    @property
    def source(self) -> str:
        """Name of the venue."""
        ...

    async def markets(self) -> Mapping[str, Market]:
        """Every market by symbol."""
        ...

    async def snapshot(self, symbol: str) -> Snapshot:
        """Return the book now, unchecked, at the venue's own time."""
        ...

    async def mids(self) -> Mapping[str, Decimal]:
        """Mid price of every symbol, some seconds old at most."""
        ...

    async def minutes(self, symbol: str, since: datetime) -> Sequence[Candle]:
        """Return a page of one-minute candles from ``since`` on, the open one too where the page reaches that far."""
        ...

    async def candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """Return the last closed candles, oldest first."""
        ...


class UnavailablePriceSource:
    """A venue this deployment does not ask (any more): what was recorded of it can still be read."""

    def __init__(self, source: str) -> None:
        """Name it."""
        self.source = source

    async def markets(self) -> Mapping[str, Market]:
        """Raise MarketDataError."""
        raise self._refusal()

    async def snapshot(self, symbol: str) -> Snapshot:
        """Raise MarketDataError."""
        raise self._refusal()

    async def mids(self) -> Mapping[str, Decimal]:
        """Raise MarketDataError."""
        raise self._refusal()

    async def minutes(self, symbol: str, since: datetime) -> Sequence[Candle]:
        """Raise MarketDataError."""
        raise self._refusal()

    async def candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """Raise MarketDataError."""
        raise self._refusal()

    def _refusal(self) -> MarketDataError:
        return MarketDataError(
            f"This deployment does not use prices of {self.source}.",
            hint="Ask the operator of this deployment to configure this price source.",
        )
