"""The form of a paper order: every fault at once, and the maximums that a market has."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.errors import InvalidOrderError
from moniqo_core.domain.orders.request import ExitSpec
from tests.support.engine_harness import BTC, MARKETS, EngineHarness

D = Decimal


def faults(refused: InvalidOrderError) -> list[tuple[str, str]]:
    errors: Any = refused.members["errors"]
    assert errors[0]["message"] == refused.detail
    assert errors[0]["field"] == refused.members["field"]
    return [(fault["field"], fault["code"]) for fault in errors]


def refusal(harness: EngineHarness, *order: Any, **fields: Any) -> InvalidOrderError:
    with pytest.raises(InvalidOrderError) as refused:
        harness.place(*order, **fields)
    return refused.value


def test_every_fault_of_form_is_listed() -> None:
    refused = refusal(
        EngineHarness(), "sell", "limit", "0.000001", stop_price="0.001", trail_percent="60", post_only=True,
        stop_loss=ExitSpec(D("1.005"), D(2)),
    )  # fmt: skip
    assert faults(refused) == [
        ("price", "order_type"),
        ("stop_price", "order_type"),
        ("trail_percent", "order_type"),
        ("trail_percent", "range"),
        ("stop_loss", "side"),
        ("stop_loss", "one_of"),
        ("stop_price", "tick_size"),
        ("stop_loss.stop_price", "tick_size"),
        ("amount", "lot_step"),
        ("amount", "min_notional"),
    ]


def test_one_fault_is_listed_too() -> None:
    refused = refusal(EngineHarness(), "buy", "limit", "0.1", price="49000.005")
    assert faults(refused) == [("price", "tick_size")]
    assert refused.members["suggested_price"] == 49000


@pytest.mark.parametrize(
    ("order", "fields", "code", "suggestion"),
    [
        (("buy", "limit", "0.1"), {"price": "60000.01"}, "max_price", {"suggested_price": D(60000)}),
        (("buy", "stop_limit", "0.1"), {"price": "59000", "stop_price": "60001"}, "max_price", {}),
        (("buy", "market", "0.1"), {"take_profit": ExitSpec(D(60001))}, "max_price", {}),
        (("buy", "market", "0.50001"), {}, "max_amount", {"suggested_amount": D("0.5"), "max_amount": D("0.500005")}),
        (("buy", "limit", "0.5"), {"price": "40001"}, "max_notional", {"suggested_amount": D("0.49998")}),
        (("buy", "market", "0.4"), {}, "max_notional", {"max_notional": D(20000)}),
        (("buy", "market"), {"quote_amount": "20100"}, "max_notional", {}),
    ],
)
def test_order_above_a_maximum_of_its_market_is_refused(
    monkeypatch: pytest.MonkeyPatch, order: Any, fields: dict[str, Any], code: str, suggestion: dict[str, Decimal]
) -> None:
    bounds: dict[str, Any] = {"max_price": D(60000), "max_amount": D("0.500005"), "max_notional": D(20000)}
    monkeypatch.setitem(MARKETS, BTC, replace(MARKETS[BTC], **bounds))
    refused = refusal(EngineHarness("100000"), *order, **fields)
    assert faults(refused)[0][1] == code
    assert suggestion.items() <= refused.members.items()


def test_whole_holding_may_be_below_a_minimum_but_not_above_a_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = EngineHarness("100000")
    harness.place("buy", "market", "0.2")
    monkeypatch.setitem(MARKETS, BTC, replace(MARKETS[BTC], min_amount=D(1), max_amount=D("0.1")))
    assert faults(refusal(harness, "sell", "market", "0.2")) == [("amount", "max_amount")]
    monkeypatch.setitem(MARKETS, BTC, replace(MARKETS[BTC], max_amount=D("0.2")))
    harness.place("sell", "market", "0.2")


def test_price_that_a_market_order_cannot_have_values_nothing() -> None:
    assert faults(refusal(EngineHarness(), "buy", "market", "0.01", price="1")) == [("price", "order_type")]
