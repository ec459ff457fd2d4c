"""The best prices of a symbol, and how it traded in the last 24 hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.errors import MarketDataError


class Quote24h(NamedTuple):
    """What a source says about a symbol, in its own numbers. None is what it does not say.

    ``change`` is the last price less the one 24 hours earlier, ``change_percent`` the same in percent of the earlier
    one. ``high``, ``low`` and ``volume``, in the base asset, are those of the 24 hours. For shares they are those of
    the current or last session, and the change counts from the close of the one before it.
    """

    bid: Decimal
    ask: Decimal
    last: Decimal
    change: Decimal | None = None
    change_percent: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None

    def without_empty_range(self) -> Quote24h:
        """Return the quote without what a source says of a market that did not trade: that its prices were zero."""
        if self.high is None or (self.high > 0 and self.low is not None and self.low > 0):
            return self
        return self._replace(change=None, change_percent=None, high=None, low=None)

    @property
    def is_usable(self) -> bool:
        """Whether the best prices are positive and not crossed. Bid equal to ask is allowed."""
        finite = self.bid.is_finite() and self.ask.is_finite() and self.last.is_finite()
        return finite and 0 < self.bid <= self.ask and self.last > 0


@dataclass(frozen=True, slots=True)
class Ticker:
    """A quote of a symbol from ``source`` at the source's time ``at``."""

    symbol: str
    at: datetime
    source: str
    quote: Quote24h


class TickerReport(NamedTuple):
    """The tickers that were asked for, in that order, and the symbols that have no usable price now."""

    tickers: Sequence[Ticker]
    unpriced: Sequence[str]


def report(symbols: Sequence[str], found: Mapping[str, Ticker]) -> TickerReport:
    """Return the usable tickers of ``symbols``, and those symbols that have none.

    Raises:
        MarketDataError: none of them has a usable ticker.

    """
    usable = [found[symbol] for symbol in symbols if symbol in found and found[symbol].quote.is_usable]
    if not usable:
        raise MarketDataError(f"There is no usable price of {', '.join(symbols)} now.", retry_after=2)
    priced = {ticker.symbol for ticker in usable}
    return TickerReport(usable, [symbol for symbol in symbols if symbol not in priced])
