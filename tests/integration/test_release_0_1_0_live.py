"""Live wallets that release 0.1.0 wrote: their orders, fills and credentials are read and go on at their venues."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest

from moniqo_core.migrations.live_journals import begin_journals
from moniqo_core.storage.live.journal.verification import LiveJournals
from tests.conftest import Database, Run
from tests.support import recorded
from tests.support.engine import Clock
from tests.support.lambdas import load_function
from tests.support.recorded import Documents, Recording
from tests.support.recorded_calls import BASE, differences, send, unequal
from tests.support.recorded_venues import open_venues, restart
from tests.support.venues.exchange import Ticket
from tests.support.venues.server import FakeVenue
from tests.support.wallets import KEY_SECRET, aws

__all__ = ["aws"]

pytestmark = pytest.mark.own_database

LIVE = Recording(recorded.FIXTURES / "release_0_1_0" / "live")
BINANCE = "binance-spot-v1"
FIXED = ("deployment", "equity", "order_fills", "wallet_sync_log", "wallet_slots", "user_wallets")
"""Collections that reading does not change. ``orders`` counts how often a venue was asked about an order."""


@pytest.fixture
def clock(environment: pytest.MonkeyPatch) -> Clock:
    recorded.allow_venues(environment)
    return recorded.stop_clocks(environment, LIVE.at)


@pytest.fixture
def stored(aws: None, clock: Clock, database: Database, run: Run) -> Documents:
    """The recorded documents, in the database as well, and the keys that open their credentials."""
    boto3.client("secretsmanager").put_secret_value(SecretId=KEY_SECRET, SecretString=LIVE.answers["key_ring"])
    documents = LIVE.documents()
    run(recorded.store(database, documents))
    return documents


@pytest.fixture
def venues(stored: Documents, database: Database) -> Iterator[dict[str, FakeVenue]]:
    """The venues as they stood when the recording ended."""
    with open_venues(database, LIVE.answers["venues"]) as opened:
        yield opened


def orders(stored: Documents, status: str | None = None, venue: str | None = None) -> list[dict[str, Any]]:
    return [
        order for order in stored["orders"] if status in {None, order["status"]} and venue in {None, order["venue"]}
    ]


def shown(order: dict[str, Any]) -> dict[str, Any]:
    """Ask for an order as its owner does."""
    path = f"{BASE}/wallets/{order['user_wallet_id']}/orders/o-{order['seq']}-1"
    found: dict[str, Any] = send({"method": "GET", "path": path, "user": _owner(order)})["body"]
    return found


def _owner(document: dict[str, Any]) -> dict[str, Any]:
    return {"id": document["user_id"], "groups": []}


@pytest.mark.parametrize("asked", ["questions", "repeats"])
def test_the_api_answers_as_it_did(
    venues: dict[str, FakeVenue], stored: Documents, database: Database, run: Run, asked: str
) -> None:
    assert unequal(LIVE.answers[asked]) == []
    now = run(recorded.contents(database))
    assert {name: now[name] for name in FIXED} == {name: stored[name] for name in FIXED}
    assert {order["_id"]: order["status"] for order in now["orders"]} == {
        order["_id"]: order["status"] for order in stored["orders"]
    }


def test_orders_are_answered_without_their_venues(stored: Documents, database: Database) -> None:
    """The stored order is enough to show it, also while its venue cannot be reached."""
    answers = {
        (item["request"]["path"], order["order_id"]): order
        for item in LIVE.answers["questions"]
        if item["request"]["path"].endswith("/orders") and "query" not in item["request"]
        for order in item["answer"]["body"].get("items", ())
    }
    with open_venues(database, LIVE.answers["venues"]) as venues:
        for venue in venues.values():
            venue.break_with("status", status=403, times=None)
        for order in stored["orders"]:
            path = f"{BASE}/wallets/{order['user_wallet_id']}/orders"
            recorded_answer = answers.get((path, f"o-{order['seq']}-1"))
            if recorded_answer is not None:
                assert differences(recorded_answer, shown(order)) == []
    assert len(answers) >= len(stored["orders"]) - 1


def test_the_requests_of_orders_have_the_hashes_they_had(stored: Documents) -> None:
    assert recorded.live_body_hashes(stored) == {order["_id"]: order["body_hash"] for order in stored["orders"]}


def test_named_orders_have_the_ids_at_their_venues_that_they_had(stored: Documents) -> None:
    found = recorded.ids_at_venues(stored)
    assert {order["_id"]: order["venue_client_id"] for order in stored["orders"] if order["_id"] in found} == found
    assert len(found) > 25


def test_what_is_open_at_a_venue_is_followed_to_its_end(
    venues: dict[str, FakeVenue], stored: Documents, clock: Clock
) -> None:
    """The venue knows these orders by ids of the release. Their fills and ends are found under these ids."""
    open_ones = [*orders(stored, "open"), *orders(stored, "partially_filled")]
    open_buys = [order for order in open_ones if order["request"]["side"] == "buy" and order["request"]["price"]]
    limits = [order for order in open_buys if order["request"]["type"] == "limit"]
    assert {order["venue"] for order in limits} == set(venues)
    for venue in venues.values():
        for symbol in venue.exchange.prices:
            if symbol.startswith(("BTC/", "ETH/")):
                venue.exchange.move(symbol, venue.exchange.prices[symbol] / 2)
    restart()
    clock.forward(minutes=10)
    load_function("reconcile_orders").handler({}, None)
    for order in limits:
        found = shown(order)
        assert (found["status"], found["remaining_amount"]) == ("filled", "0")
        assert sum(float(fill["amount"]) for fill in found["fills"]) == pytest.approx(float(order["amount"]))


def test_open_orders_are_cancelled_where_they_are(venues: dict[str, FakeVenue], stored: Documents) -> None:
    for order in orders(stored, "open"):
        path = f"{BASE}/wallets/{order['user_wallet_id']}/orders/o-{order['seq']}-1"
        answer = send({"method": "DELETE", "path": path, "user": _owner(order)})
        assert (answer["status"], answer["body"]["status"]) == (200, "cancelled")
    held = [order for venue in venues.values() for account in venue.exchange.accounts.values()
            for order in account.orders.values() if order.status == "open"]  # fmt: skip
    assert [len(order.fills) for order in held] == [1], "the one that filled in part"


@pytest.mark.parametrize(("arrives", "status"), [(True, "open"), (False, "rejected")])
def test_an_unknown_order_is_found_or_given_up(
    venues: dict[str, FakeVenue], stored: Documents, clock: Clock, arrives: bool, status: str
) -> None:
    """A venue may take an order after its answer was lost: under the id the release sent it with."""
    (unknown,) = orders(stored, "unknown")
    if arrives:
        exchange = venues[BINANCE].exchange
        sold = next(order for order in stored["orders"] if order.get("client_order_id") == "sold")
        account = next(one for one in exchange.accounts.values() if sold["venue_client_id"] in one.by_client)
        asked = unknown["request"]
        amount, price = Decimal(asked["amount"]), Decimal(asked["price"])
        named, symbol = unknown["venue_client_id"], unknown["symbol"]
        exchange.place(account, Ticket(named, symbol, asked["side"], asked["type"], amount, price=price))
    for minutes in (2, 5, 10):
        clock.forward(minutes=minutes)
        load_function("reconcile_orders").handler({}, None)
    assert shown(unknown)["status"] == status


def test_credentials_open_under_both_keys_and_move_to_the_newer(
    venues: dict[str, FakeVenue], stored: Documents, database: Database, run: Run
) -> None:
    before = {wallet["credentials"].split(":")[1] for wallet in stored["user_wallets"] if wallet.get("credentials")}
    assert len(before) == 2
    report = load_function("reencrypt_credentials").handler({}, None)
    assert (report["moved"], report["unreadable"], report["left"]) == (3, 0, 0)
    now = run(database.user_wallets.find({"credentials": {"$type": "string"}}).to_list())
    assert len({wallet["credentials"].split(":")[1] for wallet in now}) == 1
    restart()
    for wallet in now:
        path = f"{BASE}/wallets/{wallet['_id']}/balance"
        assert send({"method": "GET", "path": path, "user": _owner(wallet)})["status"] == 200


def test_recorded_wallets_trade_on(venues: dict[str, FakeVenue], stored: Documents) -> None:
    for wallet in stored["user_wallets"]:
        if wallet["status"] != "active" or wallet.get("deleted_at"):
            continue
        symbol = "BTC/USDT" if wallet["wallet_slug"] == BINANCE else "BTC/USD"
        order = {"symbol": symbol, "side": "sell", "type": "market", "amount": "0.01", "client_order_id": "traded-on"}
        path = f"{BASE}/wallets/{wallet['_id']}/orders"
        placed = send({"method": "POST", "path": path, "user": _owner(wallet), "body": order})
        assert placed["status"] == 201, placed
        highest = max(order["seq"] for order in stored["orders"] if order["user_wallet_id"] == wallet["_id"])
        assert placed["body"]["order_id"] == f"o-{highest + 1}-1"


def test_what_was_recorded_has_something_of_everything(stored: Documents) -> None:
    assert {order["status"] for order in stored["orders"]} == {
        "open", "partially_filled", "filled", "cancelled", "unknown", "rejected",
    }  # fmt: skip
    assert {order["venue"] for order in stored["orders"]} == {BINANCE, "kraken-spot-v1", "coinbase-advanced-v1"}
    assert {order["request"]["type"] for order in stored["orders"]} == {"market", "limit", "stop_loss", "stop_limit"}
    assert {wallet["status"] for wallet in stored["user_wallets"]} == {"active", "paused"}
    assert len(stored["order_fills"]) > 20


def test_journals_begin_above_the_orders_of_their_wallets(
    venues: dict[str, FakeVenue], stored: Documents, database: Database, run: Run
) -> None:
    """The migration is cut short, runs twice, and the wallets go on."""
    last = {order["user_wallet_id"]: order["seq"] for order in sorted(stored["orders"], key=lambda each: each["seq"])}
    assert len(last) > 1

    def cut(text: str) -> None:
        raise KeyboardInterrupt(text)

    with pytest.raises(KeyboardInterrupt):
        run(begin_journals(database, cut))
    assert run(database.live_wallet_ledger.count_documents({})) == 1
    done = [run(begin_journals(database, lambda _: None)) for _ in range(2)]

    assert done == [f"Journals of live wallets that began: {number}." for number in (len(last) - 1, 0)]
    entries = run(database.live_wallet_ledger.find().to_list())
    assert {(entry["user_wallet_id"], entry["seq"], entry["kind"]) for entry in entries} == {
        (wallet, number + 1, "opened") for wallet, number in last.items()
    }
    for order in orders(stored, "open"):
        assert shown(order)["status"] == "open"
    for wallet in last:
        found = run(LiveJournals(database).run(wallet))
        assert found is not None
        assert found.difference is None
