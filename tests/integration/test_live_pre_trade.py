"""The balance sync before a live buy order: what it stores, what it costs, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from moniqo_core.domain.clock import utc_now
from tests.conftest import Database, Run
from tests.support.lambdas import Invoke
from tests.support.live_harness import LiveHarness, connect_live_wallet, live_deployment
from tests.support.round_trips import round_trips
from tests.support.sync_calls import get, sync_log
from tests.support.wallets import aws

__all__ = ["aws"]

D = Decimal


@pytest.fixture
def harness(aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke) -> Iterator[LiveHarness]:
    with live_deployment(environment, keeps_prices=False) as venue:
        made = connect_live_wallet(venue, invoke, seeded)
        made.limit(max_position_size_usd=6000, max_total_exposure_usd=6000)
        yield made


def rows(harness: LiveHarness) -> list[dict[str, Any]]:
    """Rows of syncs before buy orders, newest first."""
    found = sync_log(harness.invoke, harness.wallet)["items"]
    return [row for row in found if row["sync_type"] == "pre_trade"]


def stored(harness: LiveHarness, run: Run) -> dict[str, Any]:
    document = run(harness.database.user_wallets.find_one({"_id": harness.wallet}))
    assert document is not None
    return document


def test_buy_stores_snapshot_sync_row_and_equation_with_one_call(harness: LiveHarness) -> None:
    assert harness.place(type="market", price=None, amount="0.01").status == 201
    (account,) = harness.venue.exchange.accounts.values()
    before = len(harness.venue.seen)
    assert harness.place(price="30000").status == 201

    # What was bought is explained by the fills that are kept.
    assert [seen for seen in harness.venue.seen[before:] if "bookTicker" not in seen[1]] == [
        ("GET", "/api/v3/account"),
        ("POST", "/api/v3/order"),
    ]
    second, first = rows(harness)
    assert (first["status"], first["balanced"], first["equation"], first["api_calls"]) == ("success", True, [], 1)
    assert (second["balanced"], second["api_calls"]) == (True, 1)
    assert {line["asset"]: line["residue"] for line in second["equation"]} == {"BTC": "0", "USDT": "0"}
    held = {item["asset"]: item["total"] for item in get(harness.invoke, harness.wallet)["balance"]["assets"]}
    assert D(held["USDT"]) == account.free["USDT"] + account.locked["USDT"]


def test_sell_runs_no_sync(harness: LiveHarness) -> None:
    harness.place(type="market", price=None, amount="0.01")
    assert harness.place(side="sell", price="60000", amount="0.005").status == 201

    assert len(rows(harness)) == 1


def test_fills_are_read_from_the_venue_when_stored_ones_do_not_balance(harness: LiveHarness, run: Run) -> None:
    harness.place(type="market", price=None, amount="0.01")
    run(harness.database.order_fills.delete_many({}))
    assert harness.place(price="30000").status == 201

    assert (rows(harness)[0]["balanced"], rows(harness)[0]["api_calls"]) == (True, 2)


@pytest.mark.parametrize("skew_ms", [0, -500, -900, 900])
def test_withdrawal_near_a_buy_is_no_loss_for_any_clock_skew(harness: LiveHarness, run: Run, skew_ms: int) -> None:
    first_look = {"balance.books.until": utc_now() - timedelta(minutes=1)}
    run(harness.database.user_wallets.update_one({"_id": harness.wallet}, {"$set": first_look}))
    harness.venue.exchange.skew_ms = skew_ms
    (account,) = harness.venue.exchange.accounts.values()
    for _ in range(3):
        assert harness.place(type="market", price=None, amount="0.001").status == 201
        account.free["USDT"] -= 700
        harness.sync()
        row = sync_log(harness.invoke, harness.wallet)["items"][0]
        assert {line["asset"]: D(line["residue"]) for line in row["equation"]} == {"BTC": 0, "USDT": -700}

    assert get(harness.invoke, harness.wallet)["status"] == "active"


def test_order_does_not_wait_for_another_sync_of_its_wallet(harness: LiveHarness, run: Run) -> None:
    lease = {"token": "other", "until": utc_now() + timedelta(seconds=60)}
    run(harness.database.user_wallets.update_one({"_id": harness.wallet}, {"$set": {"sync_lease": lease}}))
    seen = stored(harness, run)["balance"]["last_synced_at"]

    assert harness.place().status == 201

    assert rows(harness) == []
    assert stored(harness, run)["balance"]["last_synced_at"] == seen
    assert stored(harness, run)["sync_lease"]["token"] == "other"


def test_failed_pre_trade_sync_stores_no_order_and_keeps_the_schedule(harness: LiveHarness, run: Run) -> None:
    before = get(harness.invoke, harness.wallet)
    harness.venue.break_with("status", status=403, times=None, path="/api/v3/account")
    refused = harness.place(client_order_id="mine")

    assert (refused.status, refused.json["code"]) == (502, "WALLET_CONNECTION_ERROR")
    assert run(harness.database.orders.count_documents({})) == 0
    assert (rows(harness)[0]["status"], rows(harness)[0]["error_code"]) == ("failed", "WALLET_CONNECTION_ERROR")
    after = get(harness.invoke, harness.wallet)
    assert after["connection"] == before["connection"]
    assert after["statistics"]["failed_syncs"] == 1
    harness.venue.mend()
    assert harness.place(client_order_id="mine").status == 201


@pytest.mark.parametrize("leased", [False, True])
def test_buy_that_finds_a_breach_pauses_the_wallet(harness: LiveHarness, run: Run, leased: bool) -> None:
    harness.place(type="market", price=None, amount="0.1")
    resting = harness.place(price="30000").json["order_id"]
    exit_ = harness.place(side="sell", price="90000", amount="0.05").json["order_id"]
    if leased:
        lease = {"token": "other", "until": utc_now() + timedelta(seconds=60)}
        run(harness.database.user_wallets.update_one({"_id": harness.wallet}, {"$set": {"sync_lease": lease}}))
    harness.price("BTC/USDT", "44000")
    refused = harness.place(price="31000")

    assert (refused.status, refused.json["code"]) == (422, "RISK_LIMIT_EXCEEDED")
    assert (refused.json["limit_type"], refused.json["limit"]) == ("daily_loss_limit_usd", "500")
    shown = get(harness.invoke, harness.wallet)
    assert (shown["status"], shown["status_reason"]) == ("paused", "daily_loss_limit_usd 500 was reached at 604.4")
    assert harness.order(resting)["status"] == "cancelled"
    assert harness.order(exit_)["status"] == "open"
    assert harness.place(price="31000").json["code"] == "WALLET_PAUSED"


BUY: Final = [
    "aggregate",  # the wallet, the entry that would follow, its orders, the switch, counts, the client order id
    "update",  # the lease of the sync, sent during the request to the venue
    "bulkWrite",  # what the sync found
    "bulkWrite",  # the intent in journal and orders, with the count of the user's orders
    "aggregate",  # whether a pause, new limits or the switch came before it
    "bulkWrite",  # what the venue answered, in journal, orders and fills
]


def test_buy_makes_six_database_commands(harness: LiveHarness) -> None:
    assert harness.place(amount="999").status == 422  # the library of the venue is loaded, and the price read
    for price in ("30000", "30001"):  # the first order of a wallet begins its journal
        with round_trips() as commands:
            assert harness.place(price=price).status == 201
        assert commands == BUY


def test_buy_that_fills_makes_no_more(harness: LiveHarness) -> None:
    harness.place()
    with round_trips() as commands:
        placed = harness.place(type="market", price=None, amount="0.01")

    assert commands == BUY
    assert (placed.json["status"], len(placed.json["fills"])) == ("filled", 1)
    assert placed.json == harness.order(placed.json["order_id"])


def test_sell_makes_four_database_commands(harness: LiveHarness) -> None:
    harness.place(type="market", price=None, amount="0.01")
    with round_trips() as commands:
        assert harness.place(side="sell", price="60000", amount="0.005").status == 201

    assert commands == ["aggregate", "bulkWrite", "aggregate", "bulkWrite"]
