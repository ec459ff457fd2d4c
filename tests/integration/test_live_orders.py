"""Orders of a live wallet over HTTP, at a fake venue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import bootstrap, cli, event_loop
from moniqo_core.domain.clock import utc_now
from moniqo_core.storage.live.journal.entry_codec import JournalEnd
from moniqo_core.storage.live.orders import LiveOrderStore
from tests.conftest import Database, Run
from tests.support.lambdas import ADMIN, STRANGER, Invoke
from tests.support.live_harness import LiveHarness, connect_live_wallet, live_deployment
from tests.support.venues.bybit import FakeBybit
from tests.support.venues.coinbase import FakeCoinbase
from tests.support.venues.kraken import FakeKraken
from tests.support.venues.server import FakeVenue
from tests.support.wallets import aws

__all__ = ["aws"]

D = Decimal


@pytest.fixture
def harness(aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke) -> Iterator[LiveHarness]:
    with live_deployment(environment) as venue:
        yield connect_live_wallet(venue, invoke, seeded)


def test_order_is_sent_filled_and_shown_with_its_fills(harness: LiveHarness) -> None:
    answer = harness.place(type="market", price=None, amount="0.01", client_order_id="mine", metadata={"why": "a.b"})

    assert answer.status == 201, answer.text
    order = answer.json
    assert (order["mode"], order["status"], order["order_id"]) == ("live", "filled", "o-1-1")
    assert (order["filled_amount"], order["remaining_amount"], order["client_order_id"]) == ("0.01", "0", "mine")
    assert [fill["amount"] for fill in order["fills"]] == ["0.01"]
    assert order["fills"][0]["liquidity"] == "taker"
    assert (order["fee_currency"], order["fee"]) == ("BTC", "0.00001")
    assert order["metadata"] == {"why": "a.b"}
    assert order["receipt"] is None
    assert [change["status"] for change in order["status_history"]] == ["pending", "filled"]
    assert harness.order("o-1-1") == order
    (sent,) = harness.at_venue()
    assert len(sent.client_id) == 32
    trades = harness.invoke("list_trades", "GET", f"{harness.path}/trades", user=harness.user).json["items"]
    assert trades == order["fills"]


def test_last_use_is_the_time_of_the_owners_last_command(harness: LiveHarness) -> None:
    def used() -> Any:
        return harness.invoke("get_wallet", "GET", harness.path, user=harness.user).json["last_used_at"]

    def send(function: str, verb: str, body: object = None, user: Any = None) -> None:
        answer = harness.invoke(function, "POST", f"{harness.path}/{verb}", user=user or harness.user, body=body)
        assert answer.status == 200, answer.text

    def moves(command: Callable[[], object]) -> bool:
        before, began = used(), utc_now()
        command()
        after = used()
        assert after == before or began <= datetime.fromisoformat(after) <= utc_now()
        return bool(after != before)

    assert used() is None
    assert moves(harness.place)
    assert not moves(lambda: harness.order("o-1-1"))
    assert not moves(lambda: send("sync_balance", "sync-balance"))
    assert not moves(harness.reconcile)
    assert moves(lambda: harness.cancel("o-1-1"))
    assert not moves(lambda: harness.place(amount="9"))  # refused for lack of funds
    assert moves(lambda: harness.limit(max_open_positions=7))
    assert moves(lambda: send("pause_wallet", "pause"))
    assert not moves(lambda: send("suspend_wallet", "suspend", {"reason": "check"}, ADMIN))
    assert not moves(lambda: send("reinstate_wallet", "reinstate", {"reason": "done"}, ADMIN))
    assert moves(lambda: send("resume_wallet", "resume", {"confirm": True}))


def test_orders_that_a_loss_limit_cancels_are_no_use(harness: LiveHarness, database: Database, run: Run) -> None:
    def wallet() -> Any:
        return harness.invoke("get_wallet", "GET", harness.path, user=harness.user).json

    harness.place()
    before = wallet()["last_used_at"]
    run(database.user_wallets.update_one({"_id": harness.wallet}, {"$set": {"status": "paused", "buys_stopped": True}}))
    harness.reconcile(later=timedelta(minutes=2))
    assert harness.order("o-1-1")["status"] == "cancelled"
    assert wallet()["last_used_at"] == before


def test_resting_order_is_tracked_and_cancelled(harness: LiveHarness) -> None:
    placed = harness.place().json
    assert placed["status"] == "open"

    harness.venue.exchange.move("BTC/USDT", D(39000))
    filled = harness.order(placed["order_id"])
    assert (filled["status"], filled["filled_quote"]) == ("filled", "40")
    assert filled["fills"][0]["liquidity"] == "maker"

    second = harness.place(price="30000").json
    cancelled = harness.cancel(second["order_id"])
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
    again = harness.cancel(second["order_id"])
    assert (again.status, again.json["code"]) == (409, "ORDER_ALREADY_CLOSED")
    assert again.json["order"]["order_id"] == second["order_id"]
    late = harness.cancel(placed["order_id"])
    assert (late.status, late.json["code"]) == (409, "ORDER_ALREADY_FILLED")


def test_order_lists_are_paged_filtered_and_private(harness: LiveHarness) -> None:
    placed = [harness.place(price=f"{30000 + number}", client_order_id=f"bid-{number}").json for number in range(3)]
    ids = [order["order_id"] for order in placed]
    harness.cancel(ids[0])
    path = f"{harness.path}/orders"

    first = harness.invoke("list_orders", "GET", path, user=harness.user, query={"limit": "2"}).json
    rest = harness.invoke("list_orders", "GET", path, user=harness.user, query={"cursor": first["next_cursor"]}).json
    assert [order["order_id"] for order in first["items"] + rest["items"]] == ids[::-1]
    for status, expected in (("open", ids[:0:-1]), ("closed", ids[:1])):
        found = harness.invoke("list_orders", "GET", path, user=harness.user, query={"status": status}).json["items"]
        assert [order["order_id"] for order in found] == expected
    for query, expected in (
        ({"client_order_id": "bid-1"}, ids[1:2]),
        ({"side": "sell"}, []),
        ({"side": "buy", "type": "limit"}, ids[::-1]),
        ({"type": "market"}, []),
        ({"from": "2020-01-01T00:00:00Z"}, ids[::-1]),
        ({"to": placed[0]["created_at"]}, []),
    ):
        found = harness.invoke("list_orders", "GET", path, user=harness.user, query=query).json["items"]
        assert [order["order_id"] for order in found] == expected, query
    done = harness.invoke("cancel_orders", "DELETE", path, user=harness.user, query={"all": "true"}).json["cancelled"]
    assert [order["order_id"] for order in done] == ids[1:]
    assert not any(order.status == "open" for order in harness.at_venue())
    assert harness.invoke("get_order", "GET", f"{path}/{ids[0]}", user=STRANGER).status == 404
    for wrong in ("o-99-1", "o-1-2", "x", "o-x-1"):
        assert harness.invoke("get_order", "GET", f"{path}/{wrong}", user=harness.user).json["code"] == "NOT_FOUND"


def test_repeated_request_returns_the_first_order(harness: LiveHarness) -> None:
    first = harness.place(headers={"Idempotency-Key": "k"})
    again = harness.place(headers={"Idempotency-Key": "k"})

    assert (first.status, again.status) == (201, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json["order_id"] == first.json["order_id"]
    other = harness.place(headers={"Idempotency-Key": "k"}, amount="0.002")
    assert (other.status, other.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")
    assert len(harness.at_venue()) == 1


def test_refusal_by_the_venue_releases_the_client_order_id(harness: LiveHarness) -> None:
    # The limits let it pass and our estimate too: only the book says that it costs more than there is.
    harness.limit(max_position_size_usd=20000, max_total_exposure_usd=20000)
    refused = harness.place(type="market", price=None, amount="0.2", client_order_id="mine")
    assert (refused.status, refused.json["code"]) == (422, "INSUFFICIENT_BALANCE")
    assert harness.at_venue() == []
    shown = harness.order("o-1-1")
    assert (shown["status"], shown["status_reason"]) == ("rejected", "INSUFFICIENT_BALANCE")

    assert harness.place(type="market", price=None, amount="0.1", client_order_id="mine").status == 201


def test_sell_beyond_the_balance_is_refused_with_amounts(harness: LiveHarness) -> None:
    harness.place(type="market", price=None, amount="0.01")
    refused = harness.place(side="sell", type="market", price=None, amount="0.5")
    assert (refused.status, refused.json["code"]) == (422, "INSUFFICIENT_BALANCE")
    numbers = {name: refused.json[name] for name in ("needed", "available", "asset", "suggested_amount")}
    assert numbers == {"needed": "0.5", "available": "0.00999", "asset": "BTC", "suggested_amount": "0.00999"}
    assert refused.json["detail"] == "Needs 0.5 BTC. 0.00999 BTC is available."

    assert harness.place(side="sell", type="market", price=None, amount="0.00999").status == 201


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 502}, {"kind": "drop"}, {"kind": "malformed"}])
def test_order_without_an_answer_is_unknown_until_found(harness: LiveHarness, fault: dict[str, Any]) -> None:
    harness.venue.break_with(**fault, path="/api/v3/order", method="POST", after=True)
    answer = harness.place(client_order_id="mine")

    assert (answer.status, answer.json["status"]) == (201, "unknown")
    assert harness.place(client_order_id="mine").json["status"] in {"unknown", "open"}
    assert harness.reconcile(later=timedelta(minutes=1)).queried == 1
    found = harness.order("o-1-1")
    assert (found["status"], len(harness.at_venue())) == ("open", 1)
    assert [change["status"] for change in found["status_history"]] == ["pending", "unknown", "open"]


def test_undelivered_order_is_rejected_and_keeps_its_client_order_id(harness: LiveHarness) -> None:
    harness.venue.break_with("drop", path="/api/v3/order", method="POST")
    assert harness.place(client_order_id="mine").json["status"] == "unknown"

    for minutes in (1, 2, 3):
        harness.reconcile(later=timedelta(minutes=minutes))
        assert harness.order("o-1-1")["status"] == "unknown"
    harness.reconcile(later=timedelta(minutes=10))
    assert harness.reconcile(later=timedelta(hours=1)).queried == 0
    rejected = harness.order("o-1-1")
    assert (rejected["status"], rejected["status_reason"]) == ("rejected", "not_found")
    again = harness.place(client_order_id="mine")
    assert (again.status, again.json["status"]) == (200, "rejected")
    assert harness.at_venue() == []


def test_unknown_order_cannot_be_cancelled_until_found(harness: LiveHarness) -> None:
    harness.venue.break_with("drop", path="/api/v3/order", method="POST", after=True)
    assert harness.place().json["status"] == "unknown"
    early = harness.cancel("o-1-1")
    assert (early.status, early.json["code"]) == (409, "CONFLICT")
    harness.reconcile(later=timedelta(minutes=1))

    assert harness.cancel("o-1-1").json["status"] == "cancelled"


def test_cancel_conflicts_when_venue_cannot_find_order(harness: LiveHarness) -> None:
    placed = harness.place().json
    (account,) = harness.venue.exchange.accounts.values()
    hidden = dict(account.orders)
    account.orders.clear()
    refused = harness.cancel(placed["order_id"])
    assert (refused.status, refused.json["code"]) == (409, "CONFLICT")

    account.orders.update(hidden)
    assert harness.cancel(placed["order_id"]).json["status"] == "cancelled"


def test_reconciliation_records_fills_that_happened_meanwhile(harness: LiveHarness) -> None:
    ids = [harness.place(price=f"{30000 + number}").json["order_id"] for number in range(4)]
    harness.venue.exchange.move("BTC/USDT", D("30001.5"))
    report = harness.reconcile(later=timedelta(minutes=2))

    assert (report.queried, report.ended) == (4, 2)
    stored = {order["_id"].rsplit(":")[-1]: order["status"] for order in _orders(harness)}
    assert sorted(stored.values()) == ["filled", "filled", "open", "open"]
    assert harness.reconcile(later=timedelta(seconds=30)).queried == 0
    assert harness.order(ids[3])["fills"]


def test_unreadable_wallet_does_not_block_reconciliation_of_others(
    harness: LiveHarness, invoke: Invoke, seeded: Database, run: Run
) -> None:
    broken = connect_live_wallet(harness.venue, invoke, seeded)
    for each in (broken, harness):
        each.place()
    run(seeded.user_wallets.update_one({"_id": broken.wallet}, {"$set": {"risk_limits": "none"}}))
    harness.venue.exchange.move("BTC/USDT", D(39000))

    harness.reconcile(later=timedelta(minutes=2))

    found = run(seeded.orders.find().to_list())
    assert {order["user_wallet_id"]: order["status"] for order in found} == {
        harness.wallet: "filled",
        broken.wallet: "open",
    }


def test_unreadable_orders_of_a_venue_do_not_block_other_venues(
    harness: LiveHarness, seeded: Database, run: Run
) -> None:
    harness.place()
    broken = run(seeded.orders.find_one())
    assert broken is not None
    run(seeded.orders.insert_one({**broken, "_id": "elsewhere", "seq": 9, "venue": "another", "amount": "many"}))
    harness.venue.exchange.move("BTC/USDT", D(39000))

    assert harness.reconcile(later=timedelta(minutes=2)).ended == 1
    with pytest.raises(ArithmeticError):  # only the broken one is due: the function fails, which an alarm sees
        harness.reconcile(later=timedelta(minutes=3))


def test_venue_outage_changes_nothing(harness: LiveHarness) -> None:
    placed = harness.place().json
    harness.venue.break_with("status", status=500, times=None)

    assert harness.order(placed["order_id"])["status"] == "open"
    answer = harness.place(price="30000")
    assert (answer.status, answer.json["retryable"]) in {(502, True), (503, True)}
    assert [order["status"] for order in _orders(harness)] == ["open"]


def test_orders_are_refused_when_live_trading_is_off(harness: LiveHarness, environment: pytest.MonkeyPatch) -> None:
    from moniqo_core import bootstrap

    resting = harness.place().json
    environment.setenv("LIVE_TRADING", "false")
    for made in (bootstrap.settings, bootstrap.live_placing, bootstrap.orders):
        made.cache_clear()
    refused = harness.place(price="30000")

    assert (refused.status, refused.json["code"]) == (422, "ORDER_REJECTED")
    assert "not turned on" in refused.json["detail"]
    assert harness.cancel(resting["order_id"]).json["status"] == "cancelled"


def test_kill_switch_stops_all_live_orders(
    harness: LiveHarness, mongo_url: str, capsys: pytest.CaptureFixture[str], run: Run
) -> None:
    import threading

    where = ["--mongodb-url", mongo_url, "--mongodb-database", harness.database.name]
    resting = harness.place().json

    def command(*words: str) -> str:
        # An operator's own process has a loop of its own.
        codes: list[int] = []
        thread = threading.Thread(target=lambda: codes.append(cli.main([*words, *where])))
        thread.start()
        thread.join()
        assert codes == [0]
        return capsys.readouterr().out

    assert "stopped" in command("live", "stop", "--reason", "a test")
    refused = harness.place(price="30000")
    assert (refused.status, refused.json["code"]) == (422, "ORDER_REJECTED")
    assert "has stopped" in refused.json["detail"]
    assert (
        harness.invoke(
            "close_position", "POST", f"{harness.path}/positions/close", user=harness.user, query={"symbol": "BTC/USDT"}
        ).json["code"]
        == "ORDER_REJECTED"
    )
    assert "a test" in command("live", "status")
    assert harness.cancel(resting["order_id"]).json["status"] == "cancelled"
    command("live", "start")
    assert harness.place(price="30000").status == 201


def test_closing_a_position_cancels_its_exits_and_sells_everything(harness: LiveHarness) -> None:
    harness.place(type="market", price=None, amount="0.01")
    exit_ = harness.place(side="sell", price="60000", amount="0.005").json
    path, query = f"{harness.path}/positions/close", {"symbol": "BTC/USDT"}
    closed = harness.invoke("close_position", "POST", path, user=harness.user, query=query)

    assert closed.status == 201, closed.text
    # The fee was paid in BTC, so 0.00999 is left of 0.01.
    assert (closed.json["side"], closed.json["amount"], closed.json["status"]) == ("sell", "0.00999", "filled")
    assert harness.order(exit_["order_id"])["status"] == "cancelled"
    nothing = harness.invoke("close_position", "POST", path, user=harness.user, query=query)
    assert (nothing.status, nothing.json["code"]) == (422, "ORDER_REJECTED")


@pytest.mark.parametrize(
    ("limits", "limit_type"),
    [
        ({"max_position_size_usd": 30}, "max_position_size_usd"),
        ({"max_total_exposure_usd": 30}, "max_total_exposure_usd"),
        ({"blocked_symbols": ["BTC/USDT"]}, "blocked_symbols"),
        ({"allowed_symbols": ["ETH/USDT"]}, "allowed_symbols"),
    ],
)
def test_risk_limits_are_checked_before_sending(harness: LiveHarness, limits: dict[str, Any], limit_type: str) -> None:
    harness.limit(**limits)
    refused = harness.place()

    assert (refused.status, refused.json["limit_type"]) == (422, limit_type)
    assert harness.at_venue() == []


def test_exposure_counts_holdings_and_open_buys_at_the_higher_price(harness: LiveHarness) -> None:
    harness.limit(max_position_size_usd=1000, max_total_exposure_usd=1300)
    assert harness.place(type="market", price=None, amount="0.01").status == 201  # holds 0.00999, worth 499.50
    assert harness.place(amount="0.005").status == 201  # 250 more, at the mid: the limit is below it
    refused = harness.place(amount="0.006")  # 300 would be 1,049.50

    assert refused.json["limit_type"] == "max_position_size_usd"
    assert D(refused.json["suggested_amount"]) == D("0.00501")
    assert harness.place(symbol="ETH/USDT", price="2500", amount="0.2").json["limit_type"] == "max_total_exposure_usd"
    harness.limit(max_open_positions=1)
    assert harness.place(symbol="ETH/USDT", price="2500", amount="0.01").json["limit_type"] == "max_open_positions"
    assert harness.place(side="sell", price="60000", amount="0.009").status == 201


@pytest.mark.parametrize(("asset", "amount", "unpriced"), [("LDUSDT", "5", []), ("DEAD", "0.00000005", ["DEAD"])])
def test_holding_without_a_market_forbids_no_buy(
    harness: LiveHarness, asset: str, amount: str, unpriced: list[str]
) -> None:
    (account,) = harness.venue.exchange.accounts.values()
    account.free[asset] = D(amount)
    body = {"symbol": "BTC/USDT", "side": "buy", "type": "limit", "amount": "0.001", "price": "40000"}
    path = f"{harness.path}/orders/preflight"

    assert harness.place().status == 201

    found = harness.invoke("preflight_order", "POST", path, user=harness.user, body=body).json
    (losses,) = [rule for rule in found["rules"] if rule["rule"] == "losses"]
    assert (losses["result"], losses["numbers"]["unpriced_assets"]) == ("passed", unpriced)
    balance = harness.invoke("get_balance", "GET", f"{harness.path}/balance", user=harness.user).json
    assert balance["unpriced_assets"] == unpriced
    assert balance["total_value_usd"] == losses["numbers"]["equity"]


def test_paused_wallet_refuses_orders_and_allows_cancelling(harness: LiveHarness) -> None:
    placed = harness.place().json
    harness.invoke("pause_wallet", "POST", f"{harness.path}/pause", user=harness.user, body={"keep_orders": True})

    assert harness.place(price="30000").json["code"] == "WALLET_PAUSED"
    assert harness.cancel(placed["order_id"]).status == 200


def test_preflight_checks_every_rule_and_places_nothing(harness: LiveHarness) -> None:
    body = {"symbol": "BTC/USDT", "side": "buy", "type": "limit", "amount": "0.03", "price": "40000"}
    path = f"{harness.path}/orders/preflight"
    found = harness.invoke("preflight_order", "POST", path, user=harness.user, body=body).json

    assert (found["mode"], found["would_pass"], found["estimated_fill"]) == ("live", False, None)
    rules = {rule["rule"]: rule for rule in found["rules"]}
    assert [name for name, rule in rules.items() if rule["result"] == "failed"] == ["max_position_size_usd"]
    assert rules["max_position_size_usd"]["numbers"]["value"] == "1500"
    assert rules["funds"]["numbers"] == {"asset": "USDT", "needed": "1200", "available": "10000"}
    assert found["largest_amount"] == "0.02"
    wrong = harness.invoke("preflight_order", "POST", path, user=harness.user, body=body | {"price": "40000.001"}).json
    assert {rule["rule"]: rule["result"] for rule in wrong["rules"]}["form"] == "failed"
    assert harness.at_venue() == []


@pytest.mark.parametrize(
    ("function", "method", "path"),
    [
        ("reset_wallet", "POST", "/reset"),
        ("fork_wallet", "POST", "/fork"),
        ("get_ledger", "GET", "/ledger"),
        ("get_performance", "GET", "/performance"),
    ],
)
def test_paper_only_operations_conflict(harness: LiveHarness, function: str, method: str, path: str) -> None:
    body: object = {} if path == "/fork" else None
    answer = harness.invoke(function, method, harness.path + path, user=harness.user, body=body)

    assert (answer.status, answer.json["code"]) == (409, "CONFLICT")
    assert "paper" in answer.json["detail"]


@pytest.mark.parametrize(
    ("addresses", "named"), [("192.0.2.7", "192.0.2.7"), ("192.0.2.7,192.0.2.8", "192.0.2.7 or 192.0.2.8")]
)
def test_refused_key_hint_names_the_egress_address(
    aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke, addresses: str, named: str
) -> None:
    environment.setenv("EGRESS_ADDRESS", addresses)
    with live_deployment(environment) as venue:
        harness = connect_live_wallet(venue, invoke, seeded)
        next(iter(venue.exchange.accounts.values())).revoked = True
        refused = harness.place(side="sell", price="60000")

    assert (refused.status, refused.json["code"]) == (422, "INVALID_CREDENTIALS")
    assert f" calls from {named}, " in refused.json["hint"]


@pytest.mark.parametrize("status", ["HALT", "BREAK"])
def test_orders_in_a_paused_market_are_cancelled_and_not_placed(harness: LiveHarness, status: str) -> None:
    first, second = harness.place().json, harness.place(price="30000").json
    harness.place(type="market", price=None, amount="0.01")
    exit_ = harness.place(side="sell", price="60000", amount="0.005").json
    harness.pause_market(status)

    refused = harness.place()
    assert (refused.status, refused.json["code"]) == (422, "ORDER_REJECTED")
    assert refused.json["market_mode"] == "closed"
    assert not refused.json["retryable"]
    assert "DELETE /wallets/{id}/orders/{order_id}" in refused.json["hint"]
    query = {"symbol": "BTC/USDT"}
    kept = harness.invoke("close_position", "POST", f"{harness.path}/positions/close", user=harness.user, query=query)
    assert (kept.status, kept.json["code"]) == (422, "ORDER_REJECTED")
    assert harness.order(exit_["order_id"])["status"] == "open"
    cancelled = harness.cancel(first["order_id"])
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
    assert harness.order(second["order_id"])["status"] == "open"
    balance = harness.invoke("get_balance", "GET", f"{harness.path}/balance", user=harness.user).json
    assert {item["asset"]: item["value_usd"] for item in balance["assets"]}["BTC"] is not None
    deleted = harness.invoke("delete_wallet", "DELETE", harness.path, user=harness.user, query={"force": "true"})
    assert deleted.status == 204, deleted.text
    assert {order.status for order in harness.at_venue()} == {"cancelled", "filled"}


def test_cancelling_an_order_that_just_filled_returns_the_order(
    aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke
) -> None:
    slug = "coinbase-advanced-v1"
    with live_deployment(environment, FakeCoinbase(), slug) as venue:
        harness = connect_live_wallet(venue, invoke, seeded, slug)
        placed = harness.place(symbol="BTC/USD").json
        venue.exchange.move("BTC/USD", D(39000))
        late = harness.cancel(placed["order_id"])
    assert (late.status, late.json["code"]) == (409, "ORDER_ALREADY_FILLED")
    assert (late.json["order"]["status"], late.json["order"]["filled_amount"]) == ("filled", "0.001")


def test_wallet_with_open_orders_is_deleted_only_after_cancelling_them(harness: LiveHarness) -> None:
    harness.place()
    kept = harness.invoke("delete_wallet", "DELETE", harness.path, user=harness.user)
    assert (kept.status, kept.json["code"], kept.json["open_orders"]) == (409, "WALLET_IN_USE", 1)
    harness.venue.break_with("drop", path="/api/v3/order", method="POST", after=True)
    assert harness.place(price="30000").json["status"] == "unknown"
    assert (
        harness.invoke("delete_wallet", "DELETE", harness.path, user=harness.user, query={"force": "true"}).status
        == 409
    )
    harness.reconcile(later=timedelta(minutes=1))

    assert (
        harness.invoke("delete_wallet", "DELETE", harness.path, user=harness.user, query={"force": "true"}).status
        == 204
    )
    assert {order.status for order in harness.at_venue()} == {"cancelled"}


@pytest.mark.parametrize(
    ("fake", "slug", "path"),
    [(FakeCoinbase, "coinbase-advanced-v1", "/brokerage/orders"), (FakeKraken, "kraken-spot-v1", "/AddOrder")],
)
def test_coinbase_and_kraken_orders_without_an_answer_are_reconciled(
    aws: None,
    seeded: Database,
    environment: pytest.MonkeyPatch,
    invoke: Invoke,
    fake: Callable[[], FakeVenue],
    slug: str,
    path: str,
) -> None:
    with live_deployment(environment, fake(), slug) as venue:
        harness = connect_live_wallet(venue, invoke, seeded, slug, balances={"USD": "10000"})
        placed = harness.place(symbol="BTC/USD", type="market", price=None, amount="0.002")
        assert (placed.status, placed.json["status"]) == (201, "filled"), placed.text
        assert sum(D(fill["amount"]) for fill in placed.json["fills"]) == D("0.002")
        for after, expected in ((True, "open"), (False, "rejected")):
            venue.break_with("drop", path=path, method="POST", after=after)
            lost = harness.place(symbol="BTC/USD", client_order_id=expected).json
            assert lost["status"] == "unknown"
            for minutes in (5, 20, 60):
                harness.reconcile(later=timedelta(minutes=minutes))
            assert harness.order(lost["order_id"])["status"] == expected
        assert len(harness.at_venue()) == 2


def test_order_is_refused_at_a_venue_that_is_only_read(
    aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke
) -> None:
    with live_deployment(environment, FakeBybit(), "bybit-spot-v1") as venue:
        harness = connect_live_wallet(venue, invoke, seeded, "bybit-spot-v1", balances={"USDT": "10000", "BTC": "1"})
        for side in ("buy", "sell"):
            refused = harness.place(side=side, client_order_id=f"mine-{side}")
            assert (refused.status, refused.json["code"]) == (422, "INVALID_ORDER")
            assert refused.json["detail"].startswith("Orders cannot be placed at Bybit through this service.")
        listed = invoke("list_orders", "GET", f"{harness.path}/orders", user=harness.user).json
        assert (listed["items"], harness.at_venue()) == ([], [])
        balance = invoke("get_balance", "GET", f"{harness.path}/balance", user=harness.user).json
        assert balance["total_value_usd"] == "60000"


def test_fills_are_found_when_the_venue_clock_is_behind(
    aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke, run: Run
) -> None:
    with live_deployment(environment, FakeCoinbase(), "coinbase-advanced-v1") as venue:
        harness = connect_live_wallet(venue, invoke, seeded, "coinbase-advanced-v1", balances={"USD": "10000"})
        placed = harness.place(symbol="BTC/USD").json
        later = {"created_at": utc_now() + timedelta(minutes=1)}
        run(harness.database.orders.update_many({}, {"$set": later}))
        venue.exchange.move("BTC/USD", D(39000))

        assert [fill["amount"] for fill in harness.order(placed["order_id"])["fills"]] == ["0.001"]


def _orders(harness: LiveHarness) -> list[dict[str, Any]]:

    return event_loop.run(harness.database.orders.find().to_list())


def test_order_over_the_limit_of_its_user_reaches_no_venue(
    harness: LiveHarness, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ORDERS_PER_MINUTE", "1")
    environment.setattr("moniqo_core.services.shared.user_quotas.MINUTE", timedelta(days=3650))
    bootstrap.settings.cache_clear()
    bootstrap.orders.cache_clear()
    at_venue = len(harness.at_venue())

    refused = harness.place(amount="999", client_order_id="refused")
    first = harness.place(client_order_id="first")
    over = harness.place(client_order_id="second")
    repeated = harness.place(client_order_id="first")

    assert [answer.status for answer in (refused, first, over, repeated)] == [422, 201, 429, 200]
    assert over.json["code"] == "RATE_LIMIT_EXCEEDED"
    assert len(harness.at_venue()) == at_venue + 1


def test_order_that_lost_its_number_is_counted_once(
    harness: LiveHarness, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, lost = LiveOrderStore.insert, list[Any]()

    async def lose_first(store: LiveOrderStore, order: Any, state: Any, count: Any) -> Any:
        if not lost:
            lost.append(order)
            end = JournalEnd(state.end.seq - 1, state.end.at)
            return await insert(store, order, replace(state, end=end), count)
        return await insert(store, order, state, count)

    assert harness.place().status == 201
    before = sum(counter["count"] for counter in run(harness.database.rate_counters.find().to_list()))
    monkeypatch.setattr(LiveOrderStore, "insert", lose_first)

    assert harness.place().status == 201

    assert len(lost) == 1
    after = sum(counter["count"] for counter in run(harness.database.rate_counters.find().to_list()))
    assert after == before + 1
