"""What the market shows: symbols and their steps, snapshots, path points, candles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

SIMULATED: Final = "simulated"
"""Source of everything the simulated market shows; any other source is a venue."""


@dataclass(frozen=True, slots=True)
class Market:
    """A tradable symbol. Prices move in ``tick_size``, amounts in ``lot_step``; minimums are inclusive.

    ``hours`` names the calendar of :mod:`moniqo_core.domain.market.trading_hours` the market keeps; None trades always.
    """

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_step: Decimal
    min_amount: Decimal
    min_notional: Decimal
    hours: str | None = None


class PriceLevel(NamedTuple):
    """One price level of a book: ``amount`` of the base asset offered at ``price``."""

    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One reading of a symbol: best prices and the shown book, at venue time ``at``.

    ``bids`` fall and ``asks`` rise from the best price.
    """

    symbol: str
    at: datetime
    last: Decimal
    bids: Sequence[PriceLevel]
    asks: Sequence[PriceLevel]
    source: str

    @property
    def bid(self) -> Decimal:
        """Best price somebody buys at."""
        return self.bids[0].price

    @property
    def ask(self) -> Decimal:
        """Best price somebody sells at."""
        return self.asks[0].price

    @property
    def mid(self) -> Decimal:
        """Halfway between bid and ask: the mark of a holding."""
        return (self.bid + self.ask) / 2

    @property
    def book(self) -> str:
        """Name of the shown book: a symbol has one of its own at every venue."""
        return self.symbol if self.source == SIMULATED else f"{self.symbol}@{self.source}"


class PathPoint(NamedTuple):
    """A point resting orders meet: the market traded at ``price``, ``volume`` of the base asset, until ``end``."""

    start: datetime
    end: datetime
    price: Decimal
    volume: Decimal
    half_spread: Decimal


class Candle(NamedTuple):
    """Open, high, low, close and traded volume from ``start``, which is inclusive."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
