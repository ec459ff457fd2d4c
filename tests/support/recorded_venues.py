"""Fake venues as they stood when a release was recorded."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from moniqo_core import bootstrap, event_loop
from tests.support.engine import Clock
from tests.support.recorded import Database
from tests.support.venues.binance import FakeBinance
from tests.support.venues.coinbase import FakeCoinbase
from tests.support.venues.exchange import Account, Exchange
from tests.support.venues.history import HistoricalBinance, draw
from tests.support.venues.kraken import FakeKraken
from tests.support.venues.server import FakeVenue

FAKES: Mapping[str, Callable[[], FakeVenue]] = {
    "binance-spot-v1": FakeBinance,
    "kraken-spot-v1": FakeKraken,
    "coinbase-advanced-v1": FakeCoinbase,
}
MINUTES_FROM = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)

_ACCOUNTS = TypeAdapter(list[Account])


def described(exchange: Exchange) -> dict[str, Any]:
    """Return prices and accounts of a venue as JSON."""
    accounts = _ACCOUNTS.dump_python(list(exchange.accounts.values()), mode="json", exclude={"__all__": {"by_client"}})
    return {"prices": {symbol: str(price) for symbol, price in exchange.prices.items()}, "accounts": accounts}


def restore(exchange: Exchange, found: Mapping[str, Any]) -> None:
    """Bring a venue to the described state."""
    exchange.prices = {symbol: Decimal(price) for symbol, price in found["prices"].items()}
    accounts = _ACCOUNTS.validate_python([{**account, "by_client": {}} for account in found["accounts"]])
    for account in accounts:
        account.by_client = {order.client_id: order for order in account.orders.values()}
    exchange.accounts = {account.key: account for account in accounts}
    orders = [order for account in accounts for order in account.orders.values()]
    used = [number for order in orders for number in (order.number, *(fill.id for fill in order.fills))]
    exchange.numbers = itertools.count(max(used, default=1000) + 1)


@contextmanager
def open_venues(database: Database, found: Mapping[str, Any] | None = None) -> Iterator[dict[str, FakeVenue]]:
    """Serve every fake venue, as it was described where it was, and let the definitions lead there."""
    with ExitStack() as stack:
        venues = {slug: stack.enter_context(make()) for slug, make in FAKES.items()}
        for slug, venue in venues.items():
            if found is not None:
                restore(venue.exchange, found[slug])
            event_loop.run(_lead(database, slug, venue.url))
        yield venues
        restart()


@contextmanager
def prices_of_a_venue(database: Database, clock: Clock) -> Iterator[None]:
    """Serve minutes that follow from a seed at the time of ``clock``, for demo wallets that follow a venue."""
    minutes = draw("the minutes of release fixtures", MINUTES_FROM, 60 * 24 * 12)
    with HistoricalBinance(minutes, clock) as venue:
        event_loop.run(_lead(database, "binance-spot-v1", venue.url))
        yield
        restart()


async def _lead(database: Database, slug: str, url: str) -> None:
    config = {"base_url": url, "rate_limits": {"requests_per_second": 1000}}
    await database.wallets.update_one({"slug": slug}, {"$set": {"api_config": config, "is_active": True}})


def restart() -> None:
    """Forget prices, keys and connections to venues, as an execution environment that starts anew does."""
    if bootstrap.wallets.cache_info().currsize:
        event_loop.run(bootstrap.wallets().close())
    for made in vars(bootstrap).values():
        if hasattr(made, "cache_clear") and made is not bootstrap.database:
            made.cache_clear()
