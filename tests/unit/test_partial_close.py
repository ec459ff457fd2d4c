"""Closing a part of a paper position: which open sells give way, and which part an order can sell."""

from __future__ import annotations

from decimal import Decimal

import pytest

from moniqo_core.domain.errors import InsufficientBalanceError, InvalidOrderError
from moniqo_core.domain.orders.order import OrderStatus
from moniqo_core.domain.orders.request import ClosePosition, ExitSpec
from tests.support.engine_harness import BTC, EngineHarness

D = Decimal


@pytest.fixture
def engine() -> EngineHarness:
    return EngineHarness(cash="100000")


def part(engine: EngineHarness, amount: str | None = None, percent: str | None = None) -> None:
    """Sell a part of the position in BTC."""
    size, share = (None if text is None else D(text) for text in (amount, percent))
    engine.do(ClosePosition(BTC, amount=size, percent=share))


def test_open_sells_give_way_only_as_far_as_needed_the_youngest_first(engine: EngineHarness) -> None:
    engine.place("buy", "market", "0.5")
    old, young = (engine.place("sell", "limit", "0.2", price="60000") for _ in range(2))
    part(engine, amount="0.1")
    assert [engine.order(order.order_id).remaining for order in (old, young)] == [D("0.2"), D("0.2")]
    part(engine, amount="0.15")
    assert [engine.order(order.order_id).remaining for order in (old, young)] == [D("0.2"), D("0.05")]
    part(engine, percent="50")  # 0.125 of 0.25
    assert engine.order(young.order_id).status is OrderStatus.CANCELLED
    assert engine.order(old.order_id).locked == D("0.125")
    engine.tick("60001")
    engine.evaluate()
    assert engine.order(old.order_id).status is OrderStatus.FILLED
    assert engine.account.position(BTC).amount == 0


def test_exits_of_one_entry_become_smaller_together_and_one_still_ends_the_other(engine: EngineHarness) -> None:
    entry = engine.place("buy", "market", "0.5", stop_loss=ExitSpec(percent=D(2)), take_profit=ExitSpec(percent=D(2)))
    stop, target = (f"{entry.order_id[:-1]}{number}" for number in (2, 3))
    part(engine, amount="0.2")
    assert [engine.order(name).amount for name in (stop, target)] == [D("0.3"), D("0.3")]
    assert engine.locked("BTC") == D("0.3")
    engine.tick("40000")
    engine.evaluate()
    assert engine.order(stop).filled_amount == D("0.3")
    assert engine.order(target).status is OrderStatus.CANCELLED


def test_exits_of_an_open_entry_are_cancelled_and_its_next_fill_is_sound(engine: EngineHarness) -> None:
    entry = engine.place("buy", "limit", "0.5", price="49000", stop_loss=ExitSpec(percent=D(2)))
    engine.tick("48990", volume="2")
    engine.evaluate()
    assert engine.order(entry.order_id).filled_amount == D("0.2")
    part(engine, amount="0.1")
    assert engine.order(f"{entry.order_id[:-1]}2").status is OrderStatus.CANCELLED
    engine.tick("48980", volume="100")
    engine.evaluate()
    assert engine.order(entry.order_id).status is OrderStatus.FILLED
    assert engine.account.position(BTC).amount == D("0.4")


def test_entry_that_has_not_filled_keeps_its_exits_when_the_position_is_closed(engine: EngineHarness) -> None:
    engine.place("buy", "market", "0.5")
    entry = engine.place("buy", "limit", "0.2", price="49000", stop_loss=ExitSpec(percent=D(2)))
    stop = f"{entry.order_id[:-1]}2"
    engine.do(ClosePosition(BTC))
    assert engine.order(stop).status is OrderStatus.PENDING
    engine.tick("48990")
    engine.tick("48000")
    engine.evaluate()
    assert engine.order(stop).status is OrderStatus.FILLED
    assert engine.account.position(BTC).amount == 0


@pytest.mark.parametrize(
    ("of", "error", "suggested"),
    [
        ({"amount": "0.6"}, InsufficientBalanceError, "0.5"),
        ({"amount": "0.000015"}, InvalidOrderError, "0.00002"),
        ({"amount": "0.00005"}, InvalidOrderError, "0.00011"),
        ({"percent": "0.001"}, InvalidOrderError, None),
        ({"percent": "0.01"}, InvalidOrderError, "0.00011"),
    ],
)
def test_part_that_no_order_can_sell_changes_nothing(
    engine: EngineHarness, of: dict[str, str], error: type[Exception], suggested: str | None
) -> None:
    engine.place("buy", "market", "0.5")
    engine.place("sell", "limit", "0.5", price="60000")
    account = engine.account
    with pytest.raises(error) as refused:
        part(engine, **of)
    assert engine.account is account
    if suggested is not None:
        assert refused.value.members["suggested_amount"] == D(suggested)  # type: ignore[attr-defined]


def test_suggestion_is_never_more_than_is_held(engine: EngineHarness) -> None:
    engine.place("buy", "market", "0.00011")
    engine.prices[BTC] = D(30000)
    with pytest.raises(InvalidOrderError) as refused:
        part(engine, amount="0.0001")
    assert refused.value.members["suggested_amount"] == D("0.00011")
    part(engine, percent="100")
    assert engine.account.position(BTC).amount == 0
