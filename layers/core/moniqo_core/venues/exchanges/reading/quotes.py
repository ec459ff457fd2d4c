"""Mark prices from the best bid and ask of every market."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from moniqo_core.domain.market.marks import Marks, has_sane_spread, mark_price
from moniqo_core.venues.exchanges.rows import read_rows


class Quote(NamedTuple):
    """The best prices of a market and its last trade, under the venue's name of the market."""

    name: str
    bid: Decimal
    ask: Decimal
    last: Decimal | None = None

    @property
    def is_thin(self) -> bool:
        """Whether the market has a bid, but its spread is not sane."""
        return self.bid > 0 and not has_sane_spread(self.bid, self.ask)


def read_quotes(client: Any, rows: Iterable[Any], read: Callable[[Any], Quote], key: str | int) -> list[Quote]:
    """Return the quotes of known markets. A row that cannot be read is left out and named in our log.

    Args:
        client: A client of the venue, with its markets.
        rows: The venue's rows.
        read: Converts a row, or raises anything if it cannot.
        key: Where a row has the venue's name of the market.

    """

    def read_known(row: Any) -> Quote | None:
        return read(row) if row[key] in client.markets_by_id else None

    quotes = read_rows(client.venue.exchange, "prices", rows, read_known, lambda row: row[key])
    return [quote for quote in quotes if quote is not None]


def marks_of(client: Any, quotes: Iterable[Quote]) -> Marks:
    """Return the mark price of every known market that has a bid, by symbol."""
    found = {
        client.markets_by_id[quote.name][0]["symbol"]: quote
        for quote in quotes
        if quote.bid > 0 and quote.name in client.markets_by_id
    }
    prices = {symbol: mark_price(quote.bid, quote.ask, quote.last) for symbol, quote in found.items()}
    return Marks(prices, {symbol for symbol, quote in found.items() if quote.is_thin})
