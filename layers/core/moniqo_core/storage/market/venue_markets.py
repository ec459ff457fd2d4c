"""Listings of venues' markets, in the collection ``venue_markets``. They are fetched once an hour for all wallets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from moniqo_core.domain.market.market import Market
from moniqo_core.domain.market.market_mode import MarketMode
from moniqo_core.domain.money import plain
from moniqo_core.storage.document import Database, optional_decimal, optional_text

COLLECTION: Final = "venue_markets"
KEPT: Final = timedelta(days=2)

_NAME: Final = 8
"""The place of the venue's symbol in a row."""


@dataclass(frozen=True, slots=True)
class ListedMarket:
    """A market with the venue's names of it and of its two assets.

    ``details`` holds other fields the venue needs. ``gone_since`` is when the venue's list first lacked the market.
    """

    market: Market
    venue_symbol: str
    venue_base: str
    venue_quote: str
    details: Mapping[str, Any] = field(default_factory=dict)
    mode: MarketMode = MarketMode.NORMAL
    gone_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class MarketListing:
    """All markets of a venue at one time.

    ``own_names`` tells whether the markets have the venue's own names of assets. Release 0.1.0 stored CCXT's.
    """

    fetched_at: datetime
    markets: Sequence[ListedMarket]
    own_names: bool = True


class VenueMarketStore:
    """Stores listings by the address of the venue."""

    def __init__(self, db: Database) -> None:
        """Use the collection of ``db``."""
        self._listings = db[COLLECTION]

    async def get(self, address: str) -> MarketListing | None:
        """Return the latest listing, however old, or None."""
        found = await self._listings.find_one({"_id": address})
        if found is None:
            return None
        modes = {symbol: (MarketMode(mode), since) for symbol, mode, since in found.get("modes", ())}
        maximums = {name: values for name, *values in found.get("maximums", ())}
        markets = (_read(row, maximums.get(row[_NAME], ())) for row in found["markets"])
        own_names = "modes" in found
        return MarketListing(found["fetched_at"], [_with_mode(item, modes) for item in markets], own_names)

    async def put(self, address: str, listing: MarketListing) -> None:
        """Store a listing in place of the previous one."""
        document = {
            "fetched_at": listing.fetched_at,
            "expires_at": listing.fetched_at + KEPT,
            "markets": [_row(item) for item in listing.markets],
            # Beside the markets, so that an older version reads them on.
            "modes": [
                [item.market.symbol, item.mode.value, item.gone_since]
                for item in listing.markets
                if item.mode is not MarketMode.NORMAL
            ],
            "maximums": [[item.venue_symbol, *_maximums(item.market)] for item in listing.markets],
        }
        await self._listings.replace_one({"_id": address}, document, upsert=True)


def _with_mode(item: ListedMarket, modes: Mapping[str, tuple[MarketMode, datetime | None]]) -> ListedMarket:
    mode, since = modes.get(item.market.symbol, (MarketMode.NORMAL, None))
    return replace(item, mode=mode, gone_since=since)


def _row(item: ListedMarket) -> list[Any]:
    """Return a market as a list. Field names are left out, because a venue has thousands of markets."""
    market = item.market
    numbers = (market.tick_size, market.lot_step, market.min_amount, market.min_notional)
    names = [item.venue_symbol, item.venue_base, item.venue_quote, dict(item.details)]
    return [market.symbol, market.base, market.quote, *map(plain, numbers), market.hours, *names]


def _maximums(market: Market) -> list[str | None]:
    return [optional_text(value) for value in (market.max_price, market.max_amount, market.max_notional)]


def _read(row: Sequence[Any], maximums: Sequence[str | None]) -> ListedMarket:
    symbol, base, quote, tick, lot, amount, notional, hours, venue_symbol, venue_base, venue_quote, details = row
    steps = (Decimal(tick), Decimal(lot), Decimal(amount), Decimal(notional))
    market = Market(symbol, base, quote, *steps, hours, *map(optional_decimal, maximums))
    return ListedMarket(market, venue_symbol, venue_base, venue_quote, details)
