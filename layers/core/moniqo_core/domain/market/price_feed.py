"""Where prices come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from moniqo_core.domain.market.market import Candle, Market, PathPoint, Snapshot


class PriceFeed(Protocol):
    """Where prices come from; a snapshot older than ``max_age`` by venue time is not traded on."""

    max_age: timedelta

    @property
    def name(self) -> str:
        """What an account keeps as the feed it was opened on."""
        ...

    async def markets(self) -> Sequence[Market]:
        """Every symbol the feed prices, ordered by name."""
        ...

    async def market(self, symbol: str) -> Market:
        """One symbol; raises SymbolNotFoundError."""
        ...

    async def snapshot(self, symbol: str, *, fresh: bool = True) -> Snapshot:
        """Look now; raises SymbolNotFoundError, MarketDataError.

        What is only shown need not be ``fresh``: then an answer of a moment ago does.
        """
        ...

    async def mids(self, symbols: Sequence[str], *, fresh: bool = False) -> Mapping[str, Decimal]:
        """Mid price of each symbol now; one that cannot be priced is missing.

        What is only shown may be some seconds old; a decision asks for ``fresh`` ones.
        """
        ...

    async def usd_rate(self, asset: str) -> Decimal:
        """Return dollars per unit of a cash asset, to show what things are worth."""
        ...

    async def known_until(self, symbol: str, since: datetime, until: datetime) -> datetime:
        """How far from ``since`` on the path is known: ``until`` when nothing is missing by then.

        Asks whoever records the path for what is missing; what cannot be had now is no error.
        """
        ...

    async def path(self, symbol: str, since: datetime, until: datetime) -> Sequence[PathPoint]:
        """Points that start at or after ``since`` and end by ``until``, oldest first, as far as they are known."""
        ...

    async def candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """The last ``limit`` closed candles, oldest first."""
        ...
