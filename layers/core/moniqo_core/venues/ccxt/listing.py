"""The markets of a venue: read from its list, named apart, and kept while the list is incomplete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from moniqo_core.domain.market.market import Market
from moniqo_core.domain.market.market_mode import MarketMode
from moniqo_core.storage.market.venue_markets import ListedMarket, MarketListing
from moniqo_core.venues.exchanges.reading.balances import unused_name
from moniqo_core.venues.exchanges.rows import log_left_out, read_rows, row_name
from moniqo_core.venues.exchanges.venue import Client, Venue

MOST_LOST: Final = 2
"""A list counts as incomplete if fewer than one in this many of the known trading markets are left in it."""
BELIEVED_AFTER: Final = timedelta(days=1)
"""The age of the last complete list from which a short list is accepted as complete."""
UNLISTED_KEPT: Final = timedelta(days=30)
"""How long a market stays known after it disappeared from the venue's list."""


def read_markets(client: Client, found: Sequence[Mapping[str, Any] | None]) -> list[ListedMarket]:
    """Return the spot markets among CCXT's markets, sorted by symbol, whether they trade now or not.

    A market without a price step or an amount step is left out.
    """
    venue: Venue = client.venue
    spot = [item for item in found if item is None or item["spot"]]
    listed = read_rows(
        venue.exchange, "markets", spot, lambda item: _read(venue, item), lambda item: (item or {})["id"]
    )
    return _without_duplicates(venue, _named_apart(client, listed))


def _read(venue: Venue, item: Mapping[str, Any] | None) -> ListedMarket:
    if item is None:
        raise TypeError
    if not all(isinstance(item[name], str) for name in ("symbol", "base", "quote", "id", "baseId", "quoteId")):
        raise TypeError
    steps, limits = item["precision"], item["limits"]
    market = Market(
        symbol=item["symbol"],
        base=item["base"],
        quote=item["quote"],
        tick_size=_step(steps["price"]),
        lot_step=_step(steps["amount"]),
        min_amount=Decimal(limits["amount"]["min"] or 0),
        min_notional=Decimal(limits["cost"]["min"] or 0),
        max_price=_maximum(limits, "price"),
        max_amount=_maximum(limits, "amount"),
        max_notional=_maximum(limits, "cost"),
    )
    return ListedMarket(
        market, item["id"], item["baseId"], item["quoteId"], venue.details(item["info"]), venue.market_mode(item)
    )


def _step(value: object) -> Decimal:
    step = Decimal(str(value))
    if not step.is_finite() or step <= 0:
        raise ValueError(value)
    return step


def _maximum(limits: Mapping[str, Any], name: str) -> Decimal | None:
    """Return a maximum of a market. A venue writes none, or zero, for a bound that it does not apply."""
    value = (limits.get(name) or {}).get("max")
    maximum = Decimal(0) if value is None else Decimal(str(value))
    return maximum if maximum.is_finite() and maximum > 0 else None


def _named_apart(client: Client, listed: Sequence[ListedMarket]) -> list[ListedMarket]:
    """Give every asset of the venue a name of its own.

    CCXT renames some assets, and two of a venue may end up with one name. The asset with more markets keeps it, and
    the others are named as the venue names them.
    """
    venue: Venue = client.venue
    markets = Counter[tuple[str, str]]()
    for item in listed:
        pairs = ((item.market.base, item.venue_base), (item.market.quote, item.venue_quote))
        markets.update((name, venue.asset_id(asset)) for name, asset in pairs)
    owners: dict[str, str] = {}
    for (name, asset), _ in sorted(markets.items(), key=lambda pair: (-pair[1], pair[0][0] != pair[0][1], pair[0])):
        owners.setdefault(name, asset)

    def named(name: str, asset: str) -> str:
        return name if owners[name] == venue.asset_id(asset) else unused_name(client, asset, owners)

    def apart(item: ListedMarket) -> ListedMarket:
        market = item.market
        base, quote = named(market.base, item.venue_base), named(market.quote, item.venue_quote)
        if (base, quote) == (market.base, market.quote):
            return item
        return replace(item, market=replace(market, symbol=f"{base}/{quote}", base=base, quote=quote))

    return [apart(item) for item in listed]


def _without_duplicates(venue: Venue, listed: Sequence[ListedMarket]) -> list[ListedMarket]:
    """Return one market for each symbol: of several, the first that trades. The others are named in our log."""
    found: dict[str, ListedMarket] = {}
    trading_first = sorted(listed, key=lambda item: (item.mode is not MarketMode.NORMAL, item.venue_symbol))
    left_out = [item for item in trading_first if found.setdefault(item.market.symbol, item) is not item]
    log_left_out(venue.exchange, "markets", [row_name(item, lambda row: row.venue_symbol) for item in left_out])
    return sorted(found.values(), key=lambda item: item.market.symbol)


def is_complete(known: MarketListing | None, fresh: MarketListing) -> bool:
    """Tell whether a list may replace the last complete one, ``known``.

    During maintenance venues show an empty list, a short one, or one in which no market trades.
    """
    trading = _trading(fresh)
    if known is None:
        return trading > 0
    return trading * MOST_LOST >= _trading(known) or fresh.fetched_at - known.fetched_at > BELIEVED_AFTER


def _trading(listing: MarketListing) -> int:
    return sum(item.mode.takes_orders for item in listing.markets)


def merged(known: MarketListing | None, fresh: MarketListing, *, complete: bool) -> MarketListing:
    """Return the markets of ``fresh`` with those that only ``known`` has.

    A complete list makes the others unlisted. They are forgotten after thirty days. An incomplete list says nothing
    about them.
    """
    if known is None:
        return fresh
    shown = {item.market.symbol for item in fresh.markets} | {item.venue_symbol for item in fresh.markets}
    others = [item for item in known.markets if shown.isdisjoint({item.market.symbol, item.venue_symbol})]
    if complete:
        at = fresh.fetched_at
        others = [replace(item, mode=MarketMode.UNLISTED, gone_since=item.gone_since or at) for item in others]
        others = [item for item in others if at - (item.gone_since or at) <= UNLISTED_KEPT]
    every = sorted([*fresh.markets, *others], key=lambda item: item.market.symbol)
    return MarketListing(fresh.fetched_at, every)
