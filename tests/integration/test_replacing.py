"""PATCH of an order through the API: paper orders change in one entry, live orders are refused with a way out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.engine import Clock, Engine, clock, engine
from tests.support.lambdas import ADMIN, STRANGER, Answer
from tests.support.live_harness import LiveHarness, wallet_with_orders
from tests.support.wallets import aws

__all__ = ["Clock", "aws", "clock", "engine", "wallet_with_orders"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")


def replace(engine: Engine, wallet: str, order_id: str, **fields: object) -> Answer:
    return engine.ask("replace_order", "PATCH", wallet, f"/orders/{order_id}", body=fields)


def entries(engine: Engine, wallet: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = engine.get("get_ledger", wallet, "/ledger", limit="100")["items"]
    return items


def test_order_is_replaced_in_one_entry_and_the_same_request_again_adds_none(engine: Engine) -> None:
    wallet = engine.create()
    placed = engine.place(wallet, type="limit", amount="0.01", price=engine.away("-0.1"), client_order_id="mine")
    engine.clock.forward(minutes=1)
    price = engine.away("-0.05")
    answer = replace(engine, wallet, placed["order_id"], price=price, amount="0.02")
    assert answer.status == 200, answer.text
    changed = answer.json
    for name in ("order_id", "client_order_id", "created_at", "status", "time_in_force"):
        assert changed[name] == placed[name]
    assert (changed["amount"], changed["remaining_amount"]) == ("0.02", "0.02")
    assert float(changed["price"]) == float(price)
    assert [entry["status"] for entry in changed["status_history"]] == ["open", "replaced"]
    assert changed["receipt"]["seq"] > placed["receipt"]["seq"]
    count = len(entries(engine, wallet))
    again = replace(engine, wallet, placed["order_id"], price=price, amount="0.02")
    assert (again.status, again.json) == (200, changed)
    assert len(entries(engine, wallet)) == count
    assert entries(engine, wallet)[-1]["kind"] == "replace"
    balance = engine.get("get_balance", wallet, "/balance")
    (cash,) = [asset for asset in balance["assets"] if asset["asset"] == "USDT"]
    assert float(cash["locked"]) == pytest.approx(0.02 * float(price) * 1.001)
    engine.replay(wallet)


def test_repeat_after_the_order_filled_returns_it_and_another_change_is_a_conflict(engine: Engine) -> None:
    wallet = engine.create()
    placed = engine.place(wallet, type="limit", amount="0.01", price=engine.away("-0.1"))
    crossing = engine.away("0.05")
    filled = replace(engine, wallet, placed["order_id"], price=crossing, if_filled_amount="0")
    assert (filled.status, filled.json["status"]) == (200, "filled")
    assert [fill["liquidity"] for fill in filled.json["fills"]] == ["taker"]
    again = replace(engine, wallet, placed["order_id"], price=crossing, if_filled_amount="0")
    assert (again.status, again.json) == (200, filled.json)
    other = replace(engine, wallet, placed["order_id"], amount="0.03")
    assert (other.status, other.json["code"]) == (409, "ORDER_ALREADY_FILLED")
    assert other.json["order"] == filled.json
    assert "POST /wallets/{id}/orders" in other.json["hint"]
    cancelled = engine.place(wallet, type="limit", amount="0.01", price=engine.away("-0.1"))
    engine.ask("cancel_order", "DELETE", wallet, f"/orders/{cancelled['order_id']}")
    closed = replace(engine, wallet, cancelled["order_id"], amount="0.02")
    assert (closed.status, closed.json["code"]) == (409, "ORDER_ALREADY_CLOSED")
    engine.replay(wallet)


def test_guard_unknown_orders_and_other_owners(engine: Engine) -> None:
    wallet = engine.create()
    placed = engine.place(wallet, type="limit", amount="0.01", price=engine.away("-0.1"))
    changed = replace(engine, wallet, placed["order_id"], amount="0.02", if_filled_amount="0.005")
    assert (changed.status, changed.json["code"], changed.json["filled_amount"]) == (409, "ORDER_CHANGED", "0")
    assert "GET /wallets/{id}/orders/{order_id}" in changed.json["hint"]
    for order_id in ("o-99-1", "none"):
        assert replace(engine, wallet, order_id, amount="0.02").json["code"] == "NOT_FOUND"
    engine.user = STRANGER
    assert replace(engine, wallet, placed["order_id"], amount="0.02").status == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"if_filled_amount": "0"}, {"price": None}, {"amount": "0"}, {"trail_percent": "51"}, {"symbol": "ETH/USDT"}],
)
def test_body_without_a_valid_change_is_refused(engine: Engine, body: dict[str, object]) -> None:
    wallet = engine.create()
    placed = engine.place(wallet, type="limit", amount="0.01", price=engine.away("-0.1"))
    answer = replace(engine, wallet, placed["order_id"], **body)
    assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")
    assert engine.order(wallet, placed["order_id"])["amount"] == "0.01"


def test_pauses_and_suspensions_refuse_what_api_promises(engine: Engine) -> None:
    wallet = engine.create()
    placed = engine.place(wallet, type="limit", amount="0.02", price=engine.away("-0.1"))
    engine.ask("pause_wallet", "POST", wallet, "/pause", body={"keep_orders": True})
    raised = replace(engine, wallet, placed["order_id"], amount="0.03")
    assert (raised.status, raised.json["code"]) == (409, "WALLET_PAUSED")
    assert replace(engine, wallet, placed["order_id"], amount="0.01").json["amount"] == "0.01"
    engine.invoke("suspend_wallet", "POST", f"/wallets/{wallet}/suspend", user=ADMIN, body={"reason": "a review"})
    suspended = replace(engine, wallet, placed["order_id"], amount="0.005")
    assert (suspended.status, suspended.json["code"]) == (409, "WALLET_SUSPENDED")
    assert engine.ask("cancel_order", "DELETE", wallet, f"/orders/{placed['order_id']}").status == 200
    engine.replay(wallet)


def replace_live(harness: LiveHarness, order_id: str, **fields: object) -> Answer:
    path = f"{harness.path}/orders/{order_id}"
    return harness.invoke("replace_order", "PATCH", path, user=harness.user, body=fields)


def test_live_order_is_not_replaced_and_the_hint_leads_on(harness: LiveHarness) -> None:
    before = [(order.id, order.status, order.amount) for order in harness.at_venue()]
    for order_id in ("o-2-1", "o-3-1"):
        refused = replace_live(harness, order_id, amount="0.002")
        assert (refused.status, refused.json["code"]) == (409, "REPLACE_NOT_SUPPORTED")
        assert "DELETE /wallets/{id}/orders/{order_id}" in refused.json["hint"]
        assert "POST /wallets/{id}/orders" in refused.json["hint"]
    assert [(order.id, order.status, order.amount) for order in harness.at_venue()] == before
    same = replace_live(harness, "o-2-1", price="30000")
    assert (same.status, same.json["order_id"]) == (200, "o-2-1")
    guarded = replace_live(harness, "o-2-1", amount="0.002", if_filled_amount="0.0005")
    assert guarded.json["code"] == "ORDER_CHANGED"
    assert replace_live(harness, "o-1-1", amount="0.2").json["code"] == "ORDER_ALREADY_FILLED"
    assert replace_live(harness, "o-9-1", amount="0.2").status == 404
    assert harness.cancel("o-2-1").status == 200
    assert harness.place(price="30001").status == 201


def test_live_refusal_of_a_paused_wallet_names_what_still_works(harness: LiveHarness) -> None:
    pause = {"keep_orders": True}
    harness.invoke("pause_wallet", "POST", f"{harness.path}/pause", user=harness.user, body=pause)
    raised = replace_live(harness, "o-2-1", amount="0.002")
    assert (raised.status, raised.json["code"]) == (409, "WALLET_PAUSED")
    lowered = replace_live(harness, "o-2-1", price="29000")
    assert (lowered.status, lowered.json["code"]) == (409, "REPLACE_NOT_SUPPORTED")
    assert "POST" not in lowered.json["hint"]
    assert replace_live(harness, "o-3-1", amount="0.04").json["code"] == "REPLACE_NOT_SUPPORTED"
    assert harness.cancel("o-2-1").status == 200
