"""Market data: symbols and their steps, snapshots, path points and candles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.added_fields import ADDED
from moniqo_core.domain.market.marks import mark_price

SIMULATED: Final = "simulated"
"""Source of everything from the simulated market. Every other source is a venue."""


@dataclass(frozen=True, slots=True)
class Market:
    """A tradable symbol. Prices move in steps of ``tick_size``, and amounts in steps of ``lot_step``.

    Minimums and maximums are inclusive, and a market without a maximum has None. ``hours`` names the calendar of
    :mod:`moniqo_core.domain.market.trading_hours` that the market keeps. A market without hours is always open.
    """

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_step: Decimal
    min_amount: Decimal
    min_notional: Decimal
    hours: str | None = None
    max_price: Decimal | None = field(default=None, metadata=ADDED)
    max_amount: Decimal | None = field(default=None, metadata=ADDED)
    max_notional: Decimal | None = field(default=None, metadata=ADDED)


class PriceLevel(NamedTuple):
    """One price level of an order book, with the ``amount`` of the base asset that its orders buy or sell."""

    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One reading of a symbol: its best prices and the shown book, at venue time ``at``.

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
        """Highest price of the buy orders."""
        return self.bids[0].price

    @property
    def ask(self) -> Decimal:
        """Lowest price of the sell orders."""
        return self.asks[0].price

    @property
    def mid(self) -> Decimal:
        """Midpoint of bid and ask."""
        return (self.bid + self.ask) / 2

    @property
    def mark(self) -> Decimal:
        """The mark price of a holding: the mid, or another price if the spread is not sane."""
        return mark_price(self.bid, self.ask, self.last)

    @property
    def book(self) -> str:
        """Name of the shown book. A symbol has a separate book at each venue."""
        return self.symbol if self.source == SIMULATED else f"{self.symbol}@{self.source}"


class PathPoint(NamedTuple):
    """A point that resting orders are matched against.

    Until ``end``, the market traded ``volume`` of the base asset at ``price``. ``half_spread`` is in the quote asset.
    """

    start: datetime
    end: datetime
    price: Decimal
    volume: Decimal
    half_spread: Decimal


class Candle(NamedTuple):
    """Open, high, low, close and traded volume of a period that begins at ``start``."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
