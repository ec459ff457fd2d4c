"""A point of the price path checks only the orders that it can trigger."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.market.market import PathPoint
from moniqo_core.domain.matching import path_events, path_walk
from moniqo_core.domain.matching.trigger_prices import OrdersByTrigger, orders_by_trigger
from tests.support.engine_harness import BTC, ETH, MARKETS, START, STEP, EngineHarness

D = Decimal


@pytest.fixture
def harness() -> EngineHarness:
    harness = EngineHarness("1000000")
    harness.book(("0", "100"))
    harness.place("buy", "market", "5")
    for price in ("48000", "49000", "47000"):
        harness.place("buy", "limit", "0.1", price=price)
    harness.place("sell", "limit", "0.1", price="51000")
    harness.place("sell", "stop_loss", "0.1", stop_price="48500")
    harness.place("sell", "take_profit", "0.1", stop_price="52000")
    harness.place("buy", "stop_limit", "0.1", price="53000", stop_price="51500")
    return harness


@pytest.mark.parametrize(
    ("price", "touched"),
    [
        ("50000", []),
        ("49000", []),  # a limit that rests fills when the market goes through it
        ("48999.99", ["o-4-1"]),
        ("48501", ["o-4-1", "o-7-1"]),  # the bid is a dollar below
        ("47500", ["o-3-1", "o-4-1", "o-7-1"]),
        ("51000.01", ["o-6-1"]),
        ("51499", ["o-6-1", "o-9-1"]),  # the ask is a dollar above
        ("60000", ["o-6-1", "o-8-1", "o-9-1"]),
    ],
)
def test_path_point_touches_only_orders_it_can_trigger(harness: EngineHarness, price: str, touched: list[str]) -> None:
    found = orders_by_trigger(AccountDraft(harness.account, harness.now), BTC)
    assert found is not None
    assert found.touched_by(_point(price)) == touched


def test_trailing_stop_is_touched_by_every_point(harness: EngineHarness) -> None:
    order = harness.place("sell", "trailing_stop", "0.1", trail_percent="5")
    found = orders_by_trigger(AccountDraft(harness.account, harness.now), BTC)
    assert found is not None
    assert found.touched_by(_point("50000")) == [order.order_id]


def test_symbol_without_orders_or_holdings_has_no_order_index(harness: EngineHarness) -> None:
    assert orders_by_trigger(AccountDraft(harness.account, harness.now), ETH) is None


def test_orders_are_sorted_again_only_after_a_change(harness: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.place("sell", "trailing_stop", "0.1", trail_percent="50")
    sorted_for: list[str] = []

    def counted(
        draft: AccountDraft,
        symbol: str,
        sort: Callable[[AccountDraft, str], OrdersByTrigger | None] = orders_by_trigger,
    ) -> OrdersByTrigger | None:
        sorted_for.append(symbol)
        return sort(draft, symbol)

    monkeypatch.setattr(path_events, "orders_by_trigger", counted)
    prices = ["50000", "50001", "50002"] * 100 + ["48999"] + ["50000"] * 100
    path = [_point(price, number) for number, price in enumerate(prices)]
    path_walk.walk(harness.account, {BTC: path}, MARKETS, path[-1].end, path[-1].end)
    assert sorted_for == [BTC, BTC]  # at the first point, and after the one that filled a limit


def _point(price: str, number: int = 0) -> PathPoint:
    begins = START + number * STEP
    return PathPoint(begins, begins + STEP, D(price), D(100), D(1))
