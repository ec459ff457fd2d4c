"""What the market shows: symbols and their steps, snapshots, path points, candles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, Protocol

from moniqo_core.domain.errors import MarketDataError

CLOCK_TOLERANCE: Final = timedelta(seconds=1)
SIMULATED: Final = "simulated"
"""Source of everything the simulated market shows; any other source is a venue."""


@dataclass(frozen=True, slots=True)
class Market:
    """A tradable symbol. Prices move in ``tick_size``, amounts in ``lot_step``; minimums are inclusive.

    ``hours`` names the calendar of :mod:`moniqo_core.domain.market.hours` the market keeps; None trades always.
    """

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_step: Decimal
    min_amount: Decimal
    min_notional: Decimal
    hours: str | None = None


class Level(NamedTuple):
    """One price level of a book: ``amount`` of the base asset offered at ``price``."""

    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at a symbol: best prices and the shown book, at venue time ``at``.

    ``bids`` fall and ``asks`` rise from the best price.
    """

    symbol: str
    at: datetime
    last: Decimal
    bids: Sequence[Level]
    asks: Sequence[Level]
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


def check_usable(snapshot: Snapshot, now: datetime, max_age: timedelta) -> None:
    """Refuse a snapshot nobody should trade on; raises MarketDataError. Bid equal to ask is fine.

    A venue's clock may run ahead of ours by up to a second before its time counts as in the future.
    """
    symbol = snapshot.symbol
    if not snapshot.bids or not snapshot.asks:
        raise MarketDataError(f"The order book of {symbol} is empty on one side.", symbol=symbol, retry_after=2)
    if snapshot.bid <= 0 or snapshot.ask < snapshot.bid:
        raise MarketDataError(
            f"The order book of {symbol} has crossed or non-positive prices.", symbol=symbol, retry_after=2
        )
    age = now - snapshot.at
    if age < -CLOCK_TOLERANCE:
        raise MarketDataError(
            f"The price of {symbol} is dated {-age.total_seconds():.3f} s in the future."
            " The clock of the venue or of this deployment is wrong.",
            symbol=symbol,
            retry_after=2,
        )
    if age > max_age:
        raise MarketDataError(
            f"The price of {symbol} is {age.total_seconds():.3f} s old."
            f" Trading needs a price at most {max_age.total_seconds():.0f} s old.",
            symbol=symbol,
            retry_after=2,
        )


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
