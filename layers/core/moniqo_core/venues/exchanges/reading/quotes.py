"""Mid prices from the best bid and ask of every market."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple


class Quote(NamedTuple):
    """The best prices of a market, under the venue's name of the market."""

    name: str
    bid: Decimal
    ask: Decimal


def mids_of(client: Any, quotes: Iterable[Quote]) -> Mapping[str, Decimal]:
    """Return the mid price of every known market that has a bid and an ask, by symbol."""
    return {
        client.markets_by_id[quote.name][0]["symbol"]: (quote.bid + quote.ask) / 2
        for quote in quotes
        if quote.bid > 0 and quote.ask > 0 and quote.name in client.markets_by_id
    }
