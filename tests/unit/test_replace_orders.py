"""Replacing an open order of a paper wallet: ids, age, locks, limits, guards and refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.errors import (
    InsufficientBalanceError,
    InvalidOrderError,
    OrderChangedError,
    OrderNotFoundError,
    OrderRejectedError,
    RiskLimitExceededError,
    WalletPausedError,
    WalletSuspendedError,
)
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.orders.order import Liquidity, OrderStatus, TimeInForce
from moniqo_core.domain.orders.request import ExitSpec, ReplaceOrder
from moniqo_core.domain.orders.status_history import MAX_STATUS_HISTORY, OrderChange
from moniqo_core.domain.paper.changes.replaced_order import NothingToReplaceError
from moniqo_core.domain.paper.decide import decide
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.domain.wallets.pause_level import PauseLevel
from tests.support.engine_harness import BTC, MARKETS, WIDE, EngineHarness

D = Decimal


@pytest.fixture
def engine() -> EngineHarness:
    return EngineHarness()


def marks(engine: EngineHarness, order_id: str) -> list[str]:
    return [mark.value for mark, _ in engine.order(order_id).status_history]


def test_replacement_keeps_ids_and_times_and_says_so_in_the_history(engine: EngineHarness) -> None:
    placed = engine.place("buy", "limit", "0.1", price="49000", client_order_id="mine", metadata={"why": "test"})
    engine.tick("50000")
    changed = engine.replace(placed.order_id, price="49500", amount="0.11")
    assert (changed.order_id, changed.client_order_id) == (placed.order_id, "mine")
    assert (changed.created_at, changed.updated_at) == (placed.created_at, engine.now)
    assert (changed.price, changed.amount, changed.remaining) == (D(49500), D("0.11"), D("0.11"))
    assert changed.status is OrderStatus.OPEN
    assert changed.metadata == {"why": "test"}
    assert changed.status_history[-1] == (OrderChange.REPLACED, engine.now)
    assert marks(engine, placed.order_id) == ["open", "replaced"]
    assert engine.locked("USDT") == D("0.11") * 49500 * D("1.001")
    assert engine.free("USDT") == 10_000 - engine.locked("USDT")


def test_replacement_is_one_commit_of_its_own_kind(engine: EngineHarness) -> None:
    placed = engine.place("buy", "limit", "0.1", price="49000")
    count = len(engine.commits)
    engine.replace(placed.order_id, amount="0.05")
    (commit,) = engine.commits[count:]
    assert commit.command == ReplaceOrder(placed.order_id, amount=D("0.05"))
    assert [order.order_id for order in commit.orders] == [placed.order_id]


def test_smaller_amount_keeps_the_age_and_anything_else_loses_it(engine: EngineHarness) -> None:
    old, young = (engine.place("buy", "limit", "0.1", price="49000").order_id for _ in range(2))
    engine.replace(old, amount="0.08")
    engine.tick("48999", volume="1")  # a tenth of it fills, the oldest first
    engine.evaluate()
    assert (engine.order(old).filled_amount, engine.order(young).filled_amount) == (D("0.08"), D("0.02"))


@pytest.mark.parametrize("change", [{"amount": "0.11"}, {"price": "49000.01"}, {"price": "49000.01", "amount": "0.09"}])
def test_more_amount_or_a_better_price_loses_the_age(change: dict[str, str]) -> None:
    engine = EngineHarness(cash="100000")
    old, young = (engine.place("buy", "limit", "0.1", price="49000").order_id for _ in range(2))
    engine.replace(old, **change)
    engine.tick("48999", volume="1")
    engine.evaluate()
    assert (engine.order(old).filled_amount, engine.order(young).filled_amount) == (D(0), D("0.1"))


def test_replaced_order_meets_no_point_that_began_before(engine: EngineHarness) -> None:
    placed = engine.place("buy", "limit", "0.1", price="48000")
    began, engine.now = engine.now, engine.now.replace(second=5)
    engine.replace(placed.order_id, price="49000")
    engine.now = began
    engine.tick("48900")
    engine.evaluate()
    assert engine.order(placed.order_id).filled_amount == 0
    engine.tick("48900")
    engine.evaluate()
    assert engine.order(placed.order_id).status is OrderStatus.FILLED


def test_replaced_price_that_crosses_the_book_fills_at_once_as_taker(engine: EngineHarness) -> None:
    engine.book(("0", "0.04"), ("10", "0.04"), ("1000", "5"))
    placed = engine.place("buy", "limit", "0.1", price="49000")
    changed = engine.replace(placed.order_id, price="50100")
    assert changed.status is OrderStatus.PARTIALLY_FILLED
    assert changed.filled_amount == D("0.08")
    assert changed.filled_quote == D("0.04") * 50001 + D("0.04") * 50011
    assert marks(engine, placed.order_id) == ["open", "replaced", "partially_filled"]
    assert engine.locked("USDT") == D("0.02") * 50100 * D("1.001")


def test_amount_is_the_new_total_of_a_partly_filled_order(engine: EngineHarness) -> None:
    placed = engine.place("buy", "limit", "0.1", price="49000")
    engine.tick("48990", volume="0.3")
    engine.evaluate()
    assert engine.order(placed.order_id).filled_amount == D("0.03")
    changed = engine.replace(placed.order_id, amount="0.05")
    assert (changed.amount, changed.filled_amount, changed.remaining) == (D("0.05"), D("0.03"), D("0.02"))
    assert changed.status is OrderStatus.PARTIALLY_FILLED
    with pytest.raises(InvalidOrderError) as refused:
        engine.replace(placed.order_id, amount="0.03")
    assert refused.value.members["filled_amount"] == D("0.03")
    assert f"DELETE /wallets/{{id}}/orders/{placed.order_id}" in refused.value.detail


def test_guard_refuses_when_more_has_filled_than_the_caller_knows(engine: EngineHarness) -> None:
    placed = engine.place("buy", "limit", "0.1", price="49000")
    engine.tick("48990", volume="0.3")
    with pytest.raises(OrderChangedError) as refused:
        engine.replace(placed.order_id, amount="0.2", if_filled_amount="0")
    assert refused.value.members == {"filled_amount": D("0.03")}
    assert engine.order(placed.order_id).amount == D("0.1")
    assert engine.replace(placed.order_id, amount="0.15", if_filled_amount="0.03").amount == D("0.15")


def test_repeat_and_unchanged_values_record_nothing(engine: EngineHarness) -> None:
    placed = engine.place("buy", "limit", "0.1", price="49000")
    for _ in range(2):
        with pytest.raises(NothingToReplaceError):
            engine.replace(placed.order_id, price="49000")
        engine.replace(placed.order_id, price="49000.5")
        with pytest.raises(NothingToReplaceError):
            engine.replace(placed.order_id, price="49000.50")
        engine.replace(placed.order_id, price="49000")
    engine.tick("48990", volume="0.3")
    with pytest.raises(NothingToReplaceError):  # a repeat, whatever filled since
        engine.replace(placed.order_id, price="49000", if_filled_amount="0")


def test_order_that_is_not_open_is_not_found(engine: EngineHarness) -> None:
    placed = engine.place("buy", "limit", "0.1", price="49000")
    engine.tick("48000")
    for order_id in (placed.order_id, "o-99-1"):
        with pytest.raises(OrderNotFoundError):
            engine.replace(order_id, price="48000")


def test_funds_are_decided_for_the_difference_and_a_refusal_suggests_the_largest_total(engine: EngineHarness) -> None:
    placed = engine.place("buy", "limit", "0.15", price="49000")
    engine.tick("48990", volume="0.5")
    engine.evaluate()
    with pytest.raises(InsufficientBalanceError) as refused:
        engine.replace(placed.order_id, amount="0.3")
    largest = refused.value.members["suggested_amount"]
    assert isinstance(largest, Decimal)
    assert largest > D("0.2")
    assert engine.order(placed.order_id).amount == D("0.15")
    with pytest.raises(InsufficientBalanceError):
        engine.replace(placed.order_id, amount=str(largest + D("0.00001")))
    assert engine.replace(placed.order_id, amount=str(largest)).amount == largest


def test_sell_is_raised_only_up_to_what_is_held(engine: EngineHarness) -> None:
    engine.place("buy", "market", "0.1")
    placed = engine.place("sell", "limit", "0.06", price="51000")
    with pytest.raises(InsufficientBalanceError) as refused:
        engine.replace(placed.order_id, amount="0.11")
    assert refused.value.members["suggested_amount"] == D("0.1")
    assert engine.replace(placed.order_id, amount="0.1").locked == D("0.1")


def test_limits_count_the_new_order_without_the_old_one() -> None:
    engine = EngineHarness(limits=replace(WIDE, max_position_size_usd=D(5000), max_open_positions=1))
    placed = engine.place("buy", "limit", "0.1", price="49000")
    assert engine.replace(placed.order_id, amount="0.099", price="50000").status is OrderStatus.OPEN
    with pytest.raises(RiskLimitExceededError) as refused:
        engine.replace(placed.order_id, amount="0.11")
    assert refused.value.members["suggested_amount"] == D("0.1")
    assert engine.order(placed.order_id).amount == D("0.099")


def test_lower_buy_is_not_refused_by_a_limit_that_was_lowered_since() -> None:
    engine = EngineHarness(cash="100000")
    placed = engine.place("buy", "limit", "0.1", price="49000")
    engine.account.limits = replace(WIDE, max_position_size_usd=D(1000), blocked_symbols=(BTC,))
    assert engine.replace(placed.order_id, amount="0.09").amount == D("0.09")
    assert engine.replace(placed.order_id, price="48000").price == D(48000)
    with pytest.raises(RiskLimitExceededError):
        engine.replace(placed.order_id, price="48000.01")


def test_paused_wallet_refuses_only_what_raises_a_buy(engine: EngineHarness) -> None:
    engine.place("buy", "market", "0.05")
    sell = engine.place("sell", "limit", "0.02", price="51000")
    buy = engine.place("buy", "limit", "0.05", price="49000")
    stop = engine.place("buy", "stop_limit", "0.01", price="51000", stop_price="50500")
    engine.do(SetStatus("paused", "owner", "rest", PauseLevel.REDUCE_ONLY, keep_orders=True))
    for order, change in (
        (buy, {"amount": "0.06"}), (buy, {"price": "49000.01"}), (stop, {"stop_price": "50400"}),
        (buy, {"amount": "0.01", "price": "49001"}),
    ):  # fmt: skip
        with pytest.raises(WalletPausedError) as refused:
            engine.replace(order.order_id, **change)
        assert "POST /wallets/{id}/resume" in refused.value.advice
    assert engine.replace(buy.order_id, amount="0.04").amount == D("0.04")
    assert engine.replace(buy.order_id, price="48000").price == D(48000)
    assert engine.replace(stop.order_id, stop_price="50600").stop_price == D(50600)
    assert engine.replace(sell.order_id, amount="0.05", price="50500").amount == D("0.05")
    engine.do(SetStatus("paused", "owner", "rest", PauseLevel.FULL, keep_orders=True))
    for order, change in ((buy, {"amount": "0.03"}), (sell, {"amount": "0.03"})):
        with pytest.raises(WalletPausedError):
            engine.replace(order.order_id, **change)
    engine.do(SetStatus("suspended", "admin", "check"))
    with pytest.raises(WalletSuspendedError):
        engine.replace(sell.order_id, amount="0.03")


@pytest.mark.parametrize(
    ("kind", "placed", "change", "field"),
    [
        ("limit", {"price": "49000"}, {"stop_price": "51000"}, "stop_price"),
        ("limit", {"price": "49000"}, {"trail_percent": "2"}, "trail_percent"),
        ("limit", {"price": "49000"}, {"price": "49000.005"}, "price"),
        ("limit", {"price": "49000"}, {"amount": "0.000001"}, "amount"),
        ("limit", {"price": "49000"}, {"amount": "0.00001"}, "amount"),
        ("stop_limit", {"price": "51000", "stop_price": "50500"}, {"trail_percent": "2"}, "trail_percent"),
    ],
)
def test_change_that_does_not_fit_the_order_is_refused(
    engine: EngineHarness, kind: str, placed: dict[str, str], change: dict[str, str], field: str
) -> None:
    order = engine.place("buy", kind, "0.1", **placed)
    with pytest.raises(InvalidOrderError) as refused:
        engine.replace(order.order_id, **change)
    assert refused.value.members["field"] == field
    assert engine.order(order.order_id) == order


def test_post_only_and_passed_triggers_are_refused_as_for_a_new_order(engine: EngineHarness) -> None:
    engine.place("buy", "market", "0.1")
    post_only = engine.place("sell", "limit", "0.02", price="51000", post_only=True)
    stop = engine.place("sell", "stop_loss", "0.02", stop_price="49000")
    trailing = engine.place("sell", "trailing_stop", "0.02", trail_percent="5")
    engine.tick("49500")
    for order, change in ((post_only, {"price": "49499"}), (stop, {"stop_price": "49499"}),
                          (trailing, {"trail_percent": "0.9"})):  # fmt: skip
        with pytest.raises(OrderRejectedError):
            engine.replace(order.order_id, **change)
        assert engine.order(order.order_id).status is OrderStatus.OPEN
    assert engine.replace(trailing.order_id, trail_percent="2").trail_mark == D(49999)
    engine.replace(stop.order_id, stop_price="49400")
    engine.tick("49300")
    engine.evaluate()
    assert engine.order(stop.order_id).status is OrderStatus.FILLED
    assert engine.order(trailing.order_id).status is OrderStatus.OPEN


def test_triggered_stop_limit_is_replaced_as_the_limit_order_that_it_is(engine: EngineHarness) -> None:
    order = engine.place("buy", "stop_limit", "0.05", price="50400", stop_price="50400")
    engine.tick("50500")
    engine.evaluate()
    assert engine.order(order.order_id).triggered
    with pytest.raises(InvalidOrderError) as refused:
        engine.replace(order.order_id, stop_price="50450")
    assert refused.value.members["field"] == "stop_price"
    assert engine.replace(order.order_id, price="50600").status is OrderStatus.FILLED


@pytest.mark.parametrize("kind", ["limit", "stop_limit"])
def test_price_that_crosses_a_closed_market_meets_its_first_point_as_a_taker(engine: EngineHarness, kind: str) -> None:
    stop = {"stop_price": "50400"} if kind == "stop_limit" else {}
    order = engine.place("buy", kind, "0.1", price="49000" if kind == "limit" else "50400", **stop)
    if stop:
        engine.tick("50500")
    engine.tick("48990" if kind == "limit" else "50300", volume="0.3")  # 0.03 fill
    engine.evaluate()
    assert engine.order(order.order_id).filled_amount == D("0.03")
    engine.tick("50600")
    draft, snapshot = engine.walk(), engine.snapshot(BTC)
    closed = MarketContext(MARKETS[BTC], snapshot, {BTC: snapshot.mid}, D(1), is_open=False)
    engine.keep(decide(draft, ReplaceOrder(order.order_id, price=D(52000)), closed))
    engine.tick("50700", volume="0.2")
    engine.tick("50700")
    engine.evaluate()
    taken, rested = engine.commits[-1].fills
    assert (taken.price, taken.amount, taken.liquidity) == (D(50701), D("0.02"), Liquidity.TAKER)
    assert (rested.price, rested.liquidity) == (D(52000), Liquidity.MAKER)


def test_trigger_of_an_attached_exit_moves_and_its_amount_does_not(engine: EngineHarness) -> None:
    entry = engine.place(
        "buy", "limit", "0.1", price="49000", stop_loss=ExitSpec(percent=D(2)), take_profit=ExitSpec(D(52000))
    )
    stop, target = (f"{entry.order_id[:-1]}{number}" for number in (2, 3))
    with pytest.raises(OrderRejectedError):
        engine.replace(stop, stop_price="49000")
    with pytest.raises(OrderRejectedError):
        engine.replace(target, stop_price="49000")
    engine.replace(stop, stop_price="48500")
    with pytest.raises(InvalidOrderError):
        engine.replace(stop, amount="0.05")
    engine.tick("48990")
    engine.evaluate()
    assert engine.order(entry.order_id).status is OrderStatus.FILLED
    assert engine.order(stop).stop_price == D(48500)
    assert engine.locked("BTC") == D("0.1")
    engine.tick("50000")
    before = engine.order(stop).receipt
    engine.replace(stop, stop_price="49900")
    assert engine.order(stop).receipt.seq > before.seq
    engine.replace(target, stop_price="51000")
    engine.tick("49890")
    engine.evaluate()
    assert engine.order(stop).status is OrderStatus.FILLED
    assert engine.order(target).status is OrderStatus.CANCELLED


def test_moved_exit_meets_no_point_that_began_before(engine: EngineHarness) -> None:
    entry = engine.place("buy", "market", "0.1", stop_loss=ExitSpec(D(48000)))
    stop = f"{entry.order_id[:-1]}2"
    began, engine.now = engine.now, engine.now.replace(second=5)
    engine.replace(stop, stop_price="49900")
    engine.now = began
    engine.tick("49800")
    engine.evaluate()
    assert engine.order(stop).status is OrderStatus.OPEN
    engine.tick("49800")
    engine.evaluate()
    assert engine.order(stop).status is OrderStatus.FILLED


@pytest.mark.parametrize("price", ["50510", "50600"])
def test_stop_limit_replaced_before_its_trigger_rests_like_one_placed_so(engine: EngineHarness, price: str) -> None:
    order = engine.place("buy", "stop_limit", "0.1", price=price, stop_price="50500")
    if price != "50510":
        engine.replace(order.order_id, price="50510")
    engine.tick("50700")
    engine.tick("50400")
    engine.evaluate()
    (fill,) = engine.commits[-1].fills
    assert (fill.price, fill.amount, fill.liquidity) == (D(50510), D("0.1"), Liquidity.MAKER)


@pytest.mark.parametrize("expiry", ["DAY", "GTD"])
def test_replacement_keeps_the_expiry(engine: EngineHarness, expiry: str) -> None:
    ends: dict[str, Any] = {"expires_at": engine.now + timedelta(hours=1)} if expiry == "GTD" else {}
    order = engine.place("buy", "limit", "0.1", price="49000", time_in_force=TimeInForce(expiry), **ends)
    changed = engine.replace(order.order_id, price="49500", amount="0.11")
    assert (changed.time_in_force, changed.expires_at) == (order.time_in_force, order.expires_at)
    assert changed.expires_at is not None


def test_lower_buy_is_not_refused_by_a_loss_that_is_reached() -> None:
    engine = EngineHarness(limits=replace(WIDE, daily_loss_limit_usd=D(100)))
    engine.place("buy", "market", "0.05")
    buy = engine.place("buy", "limit", "0.05", price="45000")
    engine.prices[BTC] = D(47000)  # the path has not shown this price yet
    snapshot = engine.snapshot(BTC)
    context = MarketContext(MARKETS[BTC], snapshot, {BTC: snapshot.mid}, D(1))
    with pytest.raises(RiskLimitExceededError):
        decide(engine.walk(), ReplaceOrder(buy.order_id, price=D(46000)), context)
    engine.keep(decide(engine.walk(), ReplaceOrder(buy.order_id, price=D(44000)), context))
    assert engine.order(buy.order_id).price == D(44000)


def test_trail_is_refused_from_the_bid_that_equals_its_trigger(engine: EngineHarness) -> None:
    engine.place("buy", "market", "0.1")
    trailing = engine.place("sell", "trailing_stop", "0.02", trail_percent="5")
    engine.tick("49500.01")  # the bid is 49499.01, which is 1% below the mark of 49999
    with pytest.raises(OrderRejectedError):
        engine.replace(trailing.order_id, trail_percent="1")
    assert engine.replace(trailing.order_id, trail_percent="1.01").status is OrderStatus.OPEN


def test_new_price_of_an_entry_is_compared_with_its_exits(engine: EngineHarness) -> None:
    entry = engine.place("buy", "limit", "0.1", price="49000", stop_loss=ExitSpec(D(48500)))
    with pytest.raises(OrderRejectedError) as refused:
        engine.replace(entry.order_id, price="48500")
    assert refused.value.members["field"] == "stop_loss"
    changed = engine.replace(entry.order_id, price="50001", amount="0.12")
    assert changed.status is OrderStatus.FILLED
    assert engine.order(f"{entry.order_id[:-1]}2").amount == D("0.12")


def test_history_of_a_much_replaced_order_stays_short(engine: EngineHarness) -> None:
    order = engine.place("buy", "limit", "0.1", price="49000")
    for number in range(2 * MAX_STATUS_HISTORY):
        engine.replace(order.order_id, price=str(48000 + number))
    history = engine.order(order.order_id).status_history
    assert len(history) == MAX_STATUS_HISTORY
    assert history[0][0] is OrderStatus.OPEN
