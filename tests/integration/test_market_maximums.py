"""Maximums of a venue's markets: stored with its listing, shown, and applied to live and paper orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from moniqo_core.domain.market.market import Market
from moniqo_core.storage.market.venue_markets import ListedMarket, MarketListing, VenueMarketStore
from tests.conftest import Database, Run
from tests.support.lambdas import Invoke
from tests.support.live_harness import LiveHarness, connect_live_wallet, live_deployment
from tests.support.wallets import aws

__all__ = ["aws"]

D = Decimal
AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STEPS = (D("0.01"), D("0.0001"), D("0.0001"), D(5))


@pytest.fixture
def harness(aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke) -> Iterator[LiveHarness]:
    with live_deployment(environment) as venue:
        yield connect_live_wallet(venue, invoke, seeded)


def test_maximums_survive_the_store_and_old_listings_have_none(database: Database, run: Run) -> None:
    bounded = Market("BTC/USDT", "BTC", "USDT", *STEPS, None, D(1_000_000), D("9000.5"), None)
    free = Market("A.B/USDT", "A.B", "USDT", *STEPS, "XNYS")
    listed = [ListedMarket(bounded, "BTCUSDT", "BTC", "USDT"), ListedMarket(free, "A.BUSDT", "A.B", "USDT")]
    store = VenueMarketStore(database)
    run(store.put("address", MarketListing(AT, listed)))
    assert run(store.get("address")) == MarketListing(AT, listed)
    run(database.venue_markets.update_one({"_id": "address"}, {"$unset": {"maximums": ""}}))
    old = run(store.get("address"))
    assert old is not None
    assert [item.market.max_price for item in old.markets] == [None, None]


def test_live_order_above_a_maximum_is_refused_with_all_its_faults(harness: LiveHarness) -> None:
    refused = harness.place(price="1000000.015", amount="9000.000001", time_in_force="GTD").json
    assert refused["code"] == "INVALID_ORDER"
    found = {(fault["field"], fault["code"]) for fault in refused["errors"]}
    assert {("price", "tick_size"), ("amount", "lot_step"), ("amount", "max_amount")} <= found
    refused = harness.place(price="1000000.01", amount="1").json
    assert (refused["max_price"], refused["suggested_price"]) == ("1000000", "1000000")
    assert harness.at_venue() == []


def test_clock_of_a_live_wallet_asks_no_venue(harness: LiveHarness) -> None:
    harness.venue.seen.clear()
    query = {"user_wallet_id": harness.wallet}
    shown = harness.invoke("get_clock", "GET", "/markets/clock", user=harness.user, query=query).json
    assert (shown["is_open"], shown["next_open"], shown["next_close"]) == (True, None, None)
    assert harness.venue.seen == []


def test_markets_show_their_maximums(harness: LiveHarness) -> None:
    query = {"user_wallet_id": harness.wallet}
    shown = harness.invoke("list_markets", "GET", "/markets", user=harness.user, query=query).json["items"]
    market = next(item for item in shown if item["symbol"] == "BTC/USDT")
    shown = tuple(market[name] for name in ("max_price", "max_amount", "max_notional"))
    assert shown == ("1000000", "9000", "9000000")
