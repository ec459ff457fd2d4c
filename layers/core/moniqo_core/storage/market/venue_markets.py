"""Markets of venues in MongoDB, collection ``venue_markets``: read by every wallet of a venue, fetched once an hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from moniqo_core.domain.market.market import Market
from moniqo_core.domain.money import plain
from moniqo_core.storage.document import Database

COLLECTION: Final = "venue_markets"
KEPT: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class ListedMarket:
    """A market with the names the venue has for it and its two assets; ``details`` are what the venue needs beside."""

    market: Market
    venue_symbol: str
    venue_base: str
    venue_quote: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MarketListing:
    """All markets of a venue at a moment."""

    fetched_at: datetime
    markets: Sequence[ListedMarket]


class VenueMarketStore:
    """Keeps listings by the address of the venue."""

    def __init__(self, db: Database) -> None:
        """Use the collection of ``db``."""
        self._listings = db[COLLECTION]

    async def get(self, address: str) -> MarketListing | None:
        """Return the last listing, however old."""
        found = await self._listings.find_one({"_id": address})
        return None if found is None else MarketListing(found["fetched_at"], [_read(row) for row in found["markets"]])

    async def put(self, address: str, listing: MarketListing) -> None:
        """Keep a listing in place of the one before."""
        document = {
            "fetched_at": listing.fetched_at,
            "expires_at": listing.fetched_at + KEPT,
            "markets": [_row(item) for item in listing.markets],
        }
        await self._listings.replace_one({"_id": address}, document, upsert=True)


def _row(item: ListedMarket) -> list[Any]:
    """Write a market without repeating the names of its fields: a venue has thousands."""
    symbol, base, quote, *numbers, hours = astuple(item.market)
    names = [item.venue_symbol, item.venue_base, item.venue_quote, dict(item.details)]
    return [symbol, base, quote, *map(plain, numbers), hours, *names]


def _read(row: Sequence[Any]) -> ListedMarket:
    symbol, base, quote, tick, lot, amount, notional, hours, venue_symbol, venue_base, venue_quote, details = row
    steps = (Decimal(tick), Decimal(lot), Decimal(amount), Decimal(notional))
    market = Market(symbol, base, quote, *steps, hours)
    return ListedMarket(market, venue_symbol, venue_base, venue_quote, details)
