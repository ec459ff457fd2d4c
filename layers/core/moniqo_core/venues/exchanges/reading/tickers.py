"""Reads the venue's own rows about the last 24 hours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from moniqo_core.domain.market.ticker import Quote24h
from moniqo_core.venues.exchanges.reading.balances import amount
from moniqo_core.venues.exchanges.rows import read_rows


def read_tickers(
    client: Any,
    symbols: Sequence[str],
    rows: Iterable[Any],
    read: Callable[[Any], Quote24h],
    name: Callable[[Any], object],
) -> dict[str, Quote24h]:
    """Return the quotes of those rows whose market is one of ``symbols``. An odd row is left out and named in our log.

    A market that did not trade in 24 hours has no change and no range, where a venue says zero.

    Args:
        client: A client of the venue, with its markets.
        symbols: Our names of the wanted markets.
        rows: The venue's rows.
        read: Converts a row, or raises anything if it cannot.
        name: Returns the venue's name of the market of a row.

    """
    wanted = {client.markets[symbol]["id"]: symbol for symbol in symbols}

    def read_wanted(row: Any) -> tuple[str, Quote24h] | None:
        symbol = wanted.get(str(name(row)))
        return None if symbol is None else (symbol, read(row).without_empty_range())

    return dict(found for found in read_rows(client.venue.exchange, "tickers", rows, read_wanted, name) if found)


def said(row: Mapping[str, Any], field: str) -> Decimal | None:
    """Return a number of a row, or None if the row does not say it."""
    value = row.get(field)
    return None if value is None or value == "" else amount(value)
