"""Partial closes and closing of all positions through the API, of paper and live wallets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import event_loop
from moniqo_core.services.orders import closing_all
from tests.support.engine import Clock, Engine, clock, engine
from tests.support.lambdas import ADMIN, STRANGER, Answer
from tests.support.live_harness import LiveHarness, wallet_with_orders
from tests.support.recorded_venues import restart
from tests.support.wallets import aws

__all__ = ["Clock", "aws", "clock", "engine", "wallet_with_orders"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")

BTC = {"symbol": "BTC/USDT"}


def close(engine: Engine, wallet: str, body: object = None, key: str | None = None) -> Answer:
    headers = None if key is None else {"Idempotency-Key": key}
    given = {} if body is None else {"body": body}
    return engine.ask("close_position", "POST", wallet, "/positions/close", query=BTC, headers=headers, **given)


def close_all(engine: Engine, wallet: str, key: str | None = None) -> Answer:
    headers = None if key is None else {"Idempotency-Key": key}
    return engine.ask(
        "close_positions", "POST", wallet, "/positions/close-all", body={"confirm": True}, headers=headers
    )


def held(engine: Engine, wallet: str) -> dict[str, str]:
    items = engine.get("list_positions", wallet, "/positions")["items"]
    return {item["symbol"]: item["amount"] for item in items}


@pytest.mark.parametrize(
    ("body", "sold", "left"),
    [
        ({"amount": "0.003"}, "0.003", "0.00701"),
        ({"percent": "50"}, "0.005", "0.00501"),  # 0.005005 rounded down to the lot
        ({"percent": 33.3}, "0.00333", "0.00668"),
    ],
)
def test_part_of_a_position_is_sold_and_the_rest_is_left(
    engine: Engine, body: dict[str, object], sold: str, left: str
) -> None:
    wallet = engine.create()
    engine.place(wallet, amount="0.01001")
    answer = close(engine, wallet, body)
    assert answer.status == 201, answer.text
    assert (answer.json["amount"], answer.json["status"], answer.json["side"]) == (sold, "filled", "sell")
    assert held(engine, wallet) == {"BTC/USDT": left}
    engine.replay(wallet)


@pytest.mark.parametrize("body", [{"percent": "100"}, {"amount": "0.01"}])
def test_everything_is_sold_by_its_amount_or_a_hundred_percent(engine: Engine, body: dict[str, str]) -> None:
    wallet = engine.create()
    engine.place(wallet, amount="0.01")
    engine.place(wallet, side="sell", type="limit", amount="0.01", price=engine.away("0.1"))
    assert close(engine, wallet, body).status == 201
    assert held(engine, wallet) == {}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"amount": "0.001", "percent": "5"},
        {"amount": None},
        {"percent": "0"},
        {"percent": "100.1"},
        {"amuont": "1"},
        "null",
        "[]",
    ],
)
def test_body_that_names_no_single_part_closes_nothing(engine: Engine, body: dict[str, object] | str) -> None:
    wallet = engine.create()
    engine.place(wallet, amount="0.01")
    answer = close(engine, wallet, body)
    assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")
    assert held(engine, wallet) == {"BTC/USDT": "0.01"}


@pytest.mark.parametrize(
    ("body", "code", "suggested"),
    [
        ({"amount": "0.02"}, "INSUFFICIENT_BALANCE", "0.01"),
        ({"amount": "0.000015"}, "INVALID_ORDER", "0.00002"),
        ({"amount": "0.00002"}, "INVALID_ORDER", None),
        ({"percent": "0.01"}, "INVALID_ORDER", None),
        ({"percent": "0.2"}, "INVALID_ORDER", None),
    ],
)
def test_part_that_no_order_can_sell_is_refused_and_nothing_is_half_done(
    engine: Engine, body: dict[str, str], code: str, suggested: str | None
) -> None:
    wallet = engine.create()
    engine.place(wallet, amount="0.01")
    stop = engine.place(wallet, side="sell", type="stop_loss", amount="0.01", stop_price=engine.away("-0.1"))
    refused = close(engine, wallet, body)
    assert (refused.status, refused.json["code"]) == (422, code)
    assert "no body" in refused.json["hint"]
    if suggested is not None:
        assert refused.json["suggested_amount"] == suggested
    assert held(engine, wallet) == {"BTC/USDT": "0.01"}
    assert engine.order(wallet, stop["order_id"]) == stop | {"evaluated_until": stop["evaluated_until"]}
    assert close(engine, wallet).status == 201


def test_what_is_left_of_a_position_stays_protected(engine: Engine) -> None:
    wallet = engine.create()
    exits = {"stop_loss": {"percent": "10"}, "take_profit": {"percent": "10"}}
    entry = engine.place(wallet, amount="0.01", **exits)
    limit = engine.place(wallet, amount="0.004")
    sale = engine.place(wallet, side="sell", type="limit", amount="0.004", price=engine.away("0.1"))
    assert close(engine, wallet, {"amount": "0.006"}).status == 201
    assert limit["status"] == "filled"
    assert engine.order(wallet, sale["order_id"])["status"] == "cancelled"
    for number in (2, 3):
        exit_order = engine.order(wallet, f"{entry['order_id'][:-1]}{number}")
        assert (exit_order["status"], exit_order["amount"]) == ("open", "0.008")
        assert exit_order["status_history"][-1]["status"] == "replaced"
    (coin,) = [asset for asset in engine.get("get_balance", wallet, "/balance")["assets"] if asset["asset"] == "BTC"]
    assert (coin["free"], coin["locked"]) == ("0", "0.008")
    engine.replay(wallet)


def test_key_of_a_partial_close_returns_the_first_order_and_no_other_part(engine: Engine) -> None:
    wallet = engine.create()
    engine.place(wallet, amount="0.01")
    first = close(engine, wallet, {"amount": "0.004"}, "part")
    assert (first.status, first.json["client_order_id"]) == (201, "part")
    again = close(engine, wallet, {"amount": "0.0040"}, "part")
    assert (again.status, again.json, again.headers["idempotent-replayed"]) == (200, first.json, "true")
    for body in ({"amount": "0.005"}, {"percent": "40"}, None):
        assert close(engine, wallet, body, "part").json["code"] == "IDEMPOTENCY_MISMATCH"
    assert held(engine, wallet) == {"BTC/USDT": "0.006"}


def test_all_positions_are_closed_each_in_its_entry_and_a_repeat_closes_nothing_twice(engine: Engine) -> None:
    wallet = engine.create()
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT"):
        engine.place(wallet, symbol=symbol, quote_amount="1000")
    closed = close_all(engine, wallet, "flat")
    assert closed.status == 200, closed.text
    assert closed.json["failed"] == []
    names = [(item["symbol"], item["client_order_id"], item["status"]) for item in closed.json["items"]]
    assert names == [(name, f"flat:{name}", "filled") for name in ("BTC/USDT", "ETH/USDT", "SOL/USDT")]
    assert len({item["receipt"]["seq"] for item in closed.json["items"]}) == 3
    engine.place(wallet, symbol="ETH/USDT", quote_amount="500")
    again = close_all(engine, wallet, "flat")
    assert (again.status, again.json["items"]) == (200, closed.json["items"])
    assert again.headers["idempotent-replayed"] == "true"
    assert list(held(engine, wallet)) == ["ETH/USDT"]
    assert [item["symbol"] for item in close_all(engine, wallet).json["items"]] == ["ETH/USDT"]
    assert close_all(engine, wallet).json == {"items": [], "failed": []}
    found = engine.get("list_orders", wallet, "/orders", client_order_id="flat:SOL/USDT")["items"]
    assert [order["symbol"] for order in found] == ["SOL/USDT"]
    engine.replay(wallet)


def test_only_orders_of_the_same_key_are_those_of_an_earlier_request(engine: Engine) -> None:
    wallet = engine.create()
    engine.place(wallet, symbol="BTC/USDT", quote_amount="1000")
    engine.place(wallet, symbol="SOL/USDT", quote_amount="1000", client_order_id="flat:SOL/USDT")
    engine.ask("close_position", "POST", wallet, "/positions/close", query={"symbol": "SOL/USDT"})
    engine.place(wallet, symbol="ETH/USDT", quote_amount="1000", client_order_id="flat:note/1")
    longer = close_all(engine, wallet, "flat:2").json
    assert [item["client_order_id"] for item in longer["items"]] == ["flat:2:BTC/USDT", "flat:2:ETH/USDT"]
    assert close_all(engine, wallet, "flat").json == {"items": [], "failed": []}


def test_position_that_cannot_be_closed_does_not_stop_the_others(engine: Engine) -> None:
    wallet = engine.create()
    engine.place(wallet, symbol="BTC/USDT", quote_amount="1000")
    engine.place(wallet, symbol="ETH/USDT", quote_amount="1000")
    engine.ask("update_wallet", "PATCH", wallet, "", body={"risk_limits": {"blocked_symbols": ["BTC/USDT"]}})
    closed = close_all(engine, wallet, "flat").json
    assert [item["symbol"] for item in closed["items"]] == ["ETH/USDT"]
    (failed,) = closed["failed"]
    assert (failed["symbol"], failed["code"]) == ("BTC/USDT", "RISK_LIMIT_EXCEEDED")
    assert failed["hint"]
    still = close_all(engine, wallet, "flat")
    assert ([item["symbol"] for item in still.json["items"]], len(still.json["failed"])) == (["ETH/USDT"], 1)
    assert "idempotent-replayed" not in still.headers
    engine.ask("update_wallet", "PATCH", wallet, "", body={"risk_limits": {"blocked_symbols": []}})
    again = close_all(engine, wallet, "flat")
    assert [item["symbol"] for item in again.json["items"]] == ["BTC/USDT", "ETH/USDT"]
    assert "idempotent-replayed" not in again.headers
    assert held(engine, wallet) == {}


def test_position_that_cannot_begin_in_time_is_named_and_a_repeat_closes_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = engine.create()
    engine.place(wallet, amount="0.01")
    with monkeypatch.context() as patch:
        patch.setattr(closing_all, "SECONDS_TO_BEGIN", -1.0)
        closed = close_all(engine, wallet, "flat")
    assert (closed.status, closed.json["items"]) == (200, [])
    (failed,) = closed.json["failed"]
    assert (failed["symbol"], failed["code"]) == ("BTC/USDT", "TEMPORARILY_UNAVAILABLE")
    assert "same Idempotency-Key" in failed["hint"]
    assert held(engine, wallet) == {"BTC/USDT": "0.01"}
    assert [item["symbol"] for item in close_all(engine, wallet, "flat").json["items"]] == ["BTC/USDT"]


def test_closing_all_needs_a_confirmation_an_owner_and_a_wallet_that_sells(engine: Engine) -> None:
    wallet = engine.create()
    engine.place(wallet, amount="0.01")
    for body in (None, {}, {"confirm": False}, {"confirm": 1}):
        given: dict[str, Any] = {} if body is None else {"body": body}
        assert engine.ask("close_positions", "POST", wallet, "/positions/close-all", **given).status == 422
    engine.ask("pause_wallet", "POST", wallet, "/pause", body={"level": "full"})
    assert close_all(engine, wallet).json["code"] == "WALLET_PAUSED"
    engine.invoke("suspend_wallet", "POST", f"/wallets/{wallet}/suspend", user=ADMIN, body={"reason": "a review"})
    assert close_all(engine, wallet).json["code"] == "WALLET_SUSPENDED"
    owner, engine.user = engine.user, STRANGER
    assert close_all(engine, wallet).status == 404
    engine.user = owner
    assert held(engine, wallet) == {"BTC/USDT": "0.01"}


def live(harness: LiveHarness, body: object = None, key: str | None = None) -> Answer:
    headers = None if key is None else {"Idempotency-Key": key}
    path = f"{harness.path}/positions/close"
    given = {} if body is None else {"body": body}
    return harness.invoke("close_position", "POST", path, user=harness.user, query=BTC, headers=headers, **given)


def test_part_of_a_live_position_is_sold_of_what_sell_orders_leave_free(harness: LiveHarness) -> None:
    # 0.0999 BTC are held, and a sell order holds 0.05 of them.
    sold = live(harness, {"percent": "20"}, "part")
    assert (sold.status, sold.json["amount"], sold.json["status"]) == (201, "0.01998", "filled")
    again = live(harness, {"percent": "20"}, "part")
    assert (again.status, again.json["order_id"]) == (200, sold.json["order_id"])
    assert live(harness, {"percent": "21"}, "part").json["code"] == "IDEMPOTENCY_MISMATCH"
    refused = live(harness, {"amount": "0.04"})
    assert (refused.status, refused.json["code"], refused.json["available"]) == (422, "INSUFFICIENT_BALANCE", "0.02992")
    assert "DELETE /wallets/{id}/orders?symbol=BTC/USDT" in refused.json["hint"]
    for body in ({"percent": "0.0001"}, {"amount": "0.000015"}):
        assert live(harness, body).json["code"] == "INVALID_ORDER"
    assert [order.status for order in harness.at_venue()] == ["filled", "open", "open", "filled"]
    assert live(harness, {"percent": "100"}).status == 201
    assert harness.order("o-3-1")["status"] == "cancelled"


def test_live_position_that_no_order_can_sell_keeps_its_sell_orders(harness: LiveHarness) -> None:
    def lower(shown: Any) -> None:
        for row in shown["symbols"]:
            for rule in row["filters"]:
                if rule["filterType"] == "LOT_SIZE" and row["symbol"] == "BTCUSDT":
                    rule["maxQty"] = "0.09"

    harness.venue.rewrite("/exchangeInfo", lower)
    event_loop.run(harness.database.venue_markets.delete_many({}))
    restart()
    refused = live(harness)
    assert (refused.status, refused.json["code"], refused.json["suggested_amount"]) == (422, "INVALID_ORDER", "0.09")
    assert harness.order("o-3-1")["status"] == "open"


def test_all_live_positions_are_closed_and_a_repeat_sells_nothing(harness: LiveHarness) -> None:
    def all_of_them() -> Answer:
        path, headers = f"{harness.path}/positions/close-all", {"Idempotency-Key": "flat"}
        body = {"confirm": True}
        return harness.invoke("close_positions", "POST", path, user=harness.user, body=body, headers=headers)

    closed = all_of_them()
    assert closed.status == 200, closed.text
    assert [(item["symbol"], item["client_order_id"]) for item in closed.json["items"]] == [
        ("BTC/USDT", "flat:BTC/USDT")
    ]
    count = len(harness.at_venue())
    again = all_of_them()
    assert (again.json["items"][0]["order_id"], len(harness.at_venue())) == (closed.json["items"][0]["order_id"], count)
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("body", [None, {"percent": "50"}, {"amount": "0.1"}])
def test_debt_is_no_position_and_nothing_is_sold(harness: LiveHarness, body: dict[str, str] | None) -> None:
    (account,) = harness.venue.exchange.accounts.values()
    account.free["BTC"], account.locked["BTC"] = Decimal("-0.5"), Decimal(0)
    sent = len(harness.at_venue())
    refused = live(harness, body)
    assert (refused.status, refused.json["code"]) == (422, "ORDER_REJECTED"), refused.text
    assert len(harness.at_venue()) == sent
    newest = harness.invoke("list_orders", "GET", f"{harness.path}/orders", user=harness.user, query={"limit": "1"})
    assert newest.json["items"][0]["order_id"] == "o-3-1"


def test_debt_is_not_among_the_positions_that_are_closed(harness: LiveHarness) -> None:
    (account,) = harness.venue.exchange.accounts.values()
    account.free["BTC"], account.locked["BTC"], account.free["ETH"] = Decimal("-0.5"), Decimal(0), Decimal(1)
    shown = harness.invoke("list_positions", "GET", f"{harness.path}/positions", user=harness.user)
    assert [(item["symbol"], item["amount"]) for item in shown.json["items"]] == [("ETH/USDT", "1")]
    path, body = f"{harness.path}/positions/close-all", {"confirm": True}
    closed = harness.invoke("close_positions", "POST", path, user=harness.user, body=body)
    assert ([item["symbol"] for item in closed.json["items"]], closed.json["failed"]) == (["ETH/USDT"], [])
