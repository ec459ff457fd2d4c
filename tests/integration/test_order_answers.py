"""What the answer of an order shows over HTTP: its exits, its trigger and mark, when it was triggered, and its fees."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.engine import NOON, Clock, Engine, clock, engine
from tests.support.round_trips import round_trips
from tests.support.wallets import aws

__all__ = ["aws", "clock", "engine"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")
D = Decimal


def listed(engine: Engine, wallet: str, order_id: str) -> dict[str, Any]:
    """Return an order as the list of orders shows it."""
    found = {order["order_id"]: order for order in engine.get("list_orders", wallet, "/orders")["items"]}
    order: dict[str, Any] = found[order_id]
    return order


def test_every_answer_of_an_entry_shows_its_exits(engine: Engine) -> None:
    wallet = engine.create()
    body = {"amount": "0.1", "stop_loss": {"percent": "10"}, "take_profit": {}, "client_order_id": "entry"}
    entry = engine.place(wallet, **body)
    stop, target = (engine.order(wallet, entry["order_id"][:-1] + number) for number in "23")
    assert entry["exits"] == [
        {"order_id": order["order_id"], "type": kind, "stop_price": order["stop_price"], "status": "open"}
        for order, kind in ((stop, "stop_loss"), (target, "take_profit"))
    ]
    assert engine.place(wallet, **body)["exits"] == entry["exits"]
    assert engine.order(wallet, entry["order_id"])["exits"] == entry["exits"]
    assert listed(engine, wallet, entry["order_id"])["exits"] == entry["exits"]
    assert (stop["entry"], stop["exits"]) == (entry["order_id"], [])
    closed = engine.get("list_orders", wallet, "/orders", status="closed", type="market")["items"]
    assert [order["exits"] for order in closed] == [entry["exits"]]

    assert engine.ask("cancel_order", "DELETE", wallet, f"/orders/{stop['order_id']}").status == 200
    after = engine.order(wallet, entry["order_id"])["exits"]
    assert [item["status"] for item in after] == ["cancelled", "open"]


def test_exits_of_a_waiting_entry_are_pending_and_end_with_it(engine: Engine) -> None:
    wallet = engine.create()
    price = engine.away("-0.2")
    entry = engine.place(wallet, amount="0.1", type="limit", price=price, stop_loss={"percent": "5"})
    exit_id = entry["order_id"][:-1] + "2"
    waiting = {"order_id": exit_id, "type": "stop_loss", "stop_price": None, "status": "pending"}
    assert entry["exits"] == [waiting]
    ended = engine.ask("cancel_order", "DELETE", wallet, f"/orders/{entry['order_id']}").json
    assert ended["exits"] == [waiting | {"status": "cancelled"}]


def test_reading_the_exits_takes_no_round_trip_of_its_own(engine: Engine) -> None:
    wallet = engine.create()
    plain = engine.place(wallet, amount="0.1")
    entry = engine.place(wallet, amount="0.1", stop_loss={"percent": "50"})
    with round_trips() as without:
        engine.order(wallet, plain["order_id"])
    with round_trips() as with_exits:
        assert len(engine.order(wallet, entry["order_id"])["exits"]) == 1
    assert with_exits == without


def test_trailing_stop_shows_its_present_trigger_and_mark(engine: Engine, clock: Clock) -> None:
    wallet = engine.create()
    engine.place(wallet, amount="0.5")
    placed = engine.place(wallet, side="sell", amount="0.1", type="trailing_stop", trail_percent="20")
    assert D(placed["mark_price"]) == D(placed["receipt"]["bid"])
    marks = [D(placed["mark_price"])]
    while marks[-1] == marks[0] and clock.now < NOON + timedelta(days=30):
        clock.forward(minutes=9)
        order = engine.order(wallet, placed["order_id"])
        assert order == listed(engine, wallet, placed["order_id"])
        marks.append(D(order["mark_price"]))
        assert D(order["stop_price"]) == (marks[-1] * D("0.8")).quantize(D("0.01"), "ROUND_DOWN")
        assert order["triggered_at"] is None
    assert marks == sorted(marks)
    assert marks[0] < marks[-1]
    cancelled = engine.ask("cancel_order", "DELETE", wallet, f"/orders/{placed['order_id']}").json
    assert D(cancelled["mark_price"]) == marks[-1]


def test_orders_tell_when_they_were_triggered(engine: Engine, clock: Clock) -> None:
    wallet = engine.create()
    engine.place(wallet, amount="0.5")
    sell = {"side": "sell", "amount": "0.1"}
    stops = [
        engine.place(wallet, **sell, type="stop_loss", stop_price=engine.away("-0.0002")),
        engine.place(wallet, **sell, type="take_profit", stop_price=engine.away("0.0002")),
        engine.place(wallet, **sell, type="trailing_stop", trail_percent="0.02"),
        engine.place(wallet, **sell, type="stop_limit", stop_price=engine.away("-0.0002"), price="90000"),
    ]
    assert [order["triggered_at"] for order in stops] == [None] * 4
    triggered = stops
    while any(order["triggered_at"] is None for order in triggered) and clock.now < NOON + timedelta(days=30):
        clock.forward(hours=6)
        triggered = [engine.order(wallet, order["order_id"]) for order in stops]
    assert [order["status"] for order in triggered] == ["filled", "filled", "filled", "open"]
    for order in triggered[:3]:
        assert order["triggered_at"] == order["fills"][0]["timestamp"]
    # The stop_limit waited for the same trigger as the stop_loss.
    assert triggered[3]["triggered_at"] == triggered[0]["triggered_at"]
    engine.replay(wallet)


def test_fees_name_each_asset(engine: Engine) -> None:
    wallet = engine.create()
    filled = engine.place(wallet, amount="0.1")
    assert filled["fees"] == [{"asset": "USDT", "amount": filled["fee"]}]
    waiting = engine.place(wallet, amount="0.1", type="limit", price=engine.away("-0.2"))
    assert waiting["fees"] == []
