"""Preflight checks an order without placing it and comes to the same decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest

from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ExitSpec, OrderRequest
from moniqo_core.domain.orders.rule_check import Preflight, RuleOutcome, RuleResult
from moniqo_core.domain.paper import order_commands, preflight
from moniqo_core.domain.paper.largest_amount import dry_run_refusal
from tests.support.engine_harness import BTC, MARKETS, START, WIDE, EngineHarness

D = Decimal
LOT = MARKETS[BTC].lot_step


def ask(harness: EngineHarness, side: str, kind: str, amount: str | None = None, **fields: object) -> Preflight:
    size = None if amount is None else D(amount)
    order = OrderRequest(BTC, OrderSide(side), OrderType(kind), size, **fields)  # type: ignore[arg-type]
    marks = {name: harness.snapshot(name).mid for name in MARKETS}
    return preflight.check(harness.walk(), order, MarketContext(MARKETS[BTC], harness.snapshot(BTC), marks, D(1)))


def rule(found: Preflight, name: str) -> RuleResult:
    return next(result for result in found.rules if result.rule == name)


def test_largest_amount_is_what_the_cash_buys() -> None:
    harness = EngineHarness("10000")
    harness.book(("0", "0.1"), ("10", "5"))
    found = ask(harness, "buy", "market", "0.1")
    # 0.1 at 50,001 and 0.09976 at 50,011, with a fee of 0.1%
    assert found.largest_amount == D("0.19977")
    assert found.estimate is not None
    assert (found.estimate.quote, found.estimate.fee, found.estimate.funds_needed) == (
        D("5000.1"), D("5.0001"), D("5005.1001"),
    )  # fmt: skip


def test_preflight_leaves_the_draft_unchanged() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.05", stop_loss=ExitSpec(percent=D(2)))
    before = harness.walk().__dict__
    ask(harness, "sell", "market", "0.05")
    ask(harness, "buy", "market", "0.05")
    assert harness.walk().__dict__ == before


@pytest.mark.parametrize("seed", range(60))
def test_preflight_agrees_with_the_decision(seed: int) -> None:
    """An order that passes is accepted, and one that fails is refused for the first reported reason.

    The largest amount passes, and one lot more fails.
    """
    rng = Random(seed)
    limits = replace(
        WIDE,
        max_position_size_usd=D(rng.choice([3000, 9000, 10**9])),
        max_total_exposure_usd=D(rng.choice([2000, 8000, 10**9])),
    )
    harness = EngineHarness(rng.choice(["1000", "10000", "1000000"]), limits)
    harness.book(("0", "0.05"), ("5", "0.2"), ("10", rng.choice(["0.3", "20"])))
    for _ in range(rng.randrange(3)):
        try:
            harness.place("buy", "limit", "0.02", price=rng.choice(["48000", "50001"]))
        except WalletError:
            continue
    side = rng.choice([OrderSide.BUY, OrderSide.SELL])
    kind = rng.choice([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_LIMIT])
    stop = D(50500) if side is OrderSide.BUY else D(49500)
    order = OrderRequest(
        BTC, side, kind, D(rng.choice(["0.01", "0.07", "0.4", "30"])),
        price=None if kind is OrderType.MARKET else D(rng.choice([49000, 49999, 50001, 50011, 51000])),
        stop_price=stop if kind is OrderType.STOP_LIMIT else None,
        time_in_force=rng.choice([TimeInForce.GTC, TimeInForce.FOK, TimeInForce.IOC])
        if kind is not OrderType.STOP_LIMIT else TimeInForce.GTC,
    )  # fmt: skip
    marks = {name: harness.snapshot(name).mid for name in MARKETS}
    context = MarketContext(MARKETS[BTC], harness.snapshot(BTC), marks, D(1))
    draft = harness.walk()
    found = preflight.check(draft, order, context)

    assert found.would_pass is (dry_run_refusal(draft, order, context) is None)
    if not found.would_pass:
        first = next(result for result in found.rules if result.outcome is RuleOutcome.FAILED)
        assert first.refusal is not None
        with pytest.raises(type(first.refusal)) as refused:
            order_commands.place(draft, order, context)
        assert refused.value.detail == first.refusal.detail
        assert refused.value.members == first.refusal.members
        if "suggested_amount" in refused.value.members:
            assert refused.value.members["suggested_amount"] == found.largest_amount
    largest = found.largest_amount
    if largest is None:
        assert order.time_in_force is TimeInForce.IOC
        return
    if largest:
        assert dry_run_refusal(draft, replace(order, amount=largest), context) is None
    above = (largest // LOT + 1) * LOT
    assert dry_run_refusal(draft, replace(order, amount=above), context) is not None
    assert dry_run_refusal(draft, replace(order, amount=above + 7 * LOT), context) is not None


def test_losses_are_reported_before_a_limit_is_reached() -> None:
    harness = EngineHarness("10000", replace(WIDE, daily_loss_limit_usd=D(500), max_drawdown_percent=D(20)))
    harness.place("buy", "market", "0.1")
    harness.tick("49000")
    harness.evaluate()
    numbers = rule(ask(harness, "buy", "market", "0.01"), "losses").numbers
    # bought at 50,001 with a fee of 5.0001, now worth 4,900
    assert (numbers["daily_loss"], numbers["daily_loss_limit_usd"]) == (D("105.1001"), D(500))
    assert numbers["drawdown_percent"] == D("1.051001")
    assert numbers["equity"] == D("9894.8999")


def test_expired_order_fails_the_expiry_rule_with_its_times() -> None:
    found = ask(
        EngineHarness(),
        "buy",
        "limit",
        "0.01",
        price=D(49000),
        time_in_force=TimeInForce.GTD,
        expires_at=START - timedelta(1),
    )
    assert rule(found, "expiry").outcome is RuleOutcome.FAILED
    assert rule(found, "expiry").numbers == {"now": START, "expires_at": START - timedelta(1)} | {"field": "expires_at"}
    assert rule(found, "funds").outcome is RuleOutcome.PASSED
    assert found.largest_amount == 0


def test_closed_market_allows_limit_orders_and_refuses_market_orders() -> None:
    harness = EngineHarness()
    order = OrderRequest(BTC, OrderSide.BUY, OrderType.LIMIT, D("0.01"), price=D(60000))
    opens = START + timedelta(hours=1)
    context = MarketContext(
        replace(MARKETS[BTC], hours="XNYS"), harness.snapshot(BTC), {}, D(1), session_close=None, is_open=False,
        next_open=opens,
    )  # fmt: skip
    waiting = preflight.check(harness.walk(), order, context)
    assert waiting.would_pass
    assert waiting.estimate is not None
    assert (waiting.estimate.amount, waiting.estimate.remaining_amount) == (D(0), D("0.01"))
    refused = preflight.check(harness.walk(), replace(order, type=OrderType.MARKET, price=None), context)
    assert rule(refused, "market").numbers["next_open"] == opens
    assert refused.largest_amount == 0


def test_exit_larger_than_the_book_depth_fails_the_order() -> None:
    harness = EngineHarness("1000000")
    harness.book(("0", "0.01"))
    shown = harness.snapshot(BTC)
    context = MarketContext(MARKETS[BTC], replace(shown, bids=[shown.bids[0]._replace(amount=D("0.001"))]), {}, D(1))
    # Beyond the book a buy of 0.5 costs 2.4% more, so a stop 1% below its price is above the bid, which takes 0.101.
    order = OrderRequest(BTC, OrderSide.BUY, OrderType.MARKET, D("0.5"), stop_loss=ExitSpec(percent=D(1)))
    found = preflight.check(harness.walk(), order, context)
    assert rule(found, "exits").outcome is RuleOutcome.FAILED
    assert not found.would_pass
    smaller = preflight.check(harness.walk(), replace(order, amount=D("0.1")), context)
    assert rule(smaller, "exits").outcome is RuleOutcome.PASSED
    assert smaller.would_pass
    assert "exits" not in {result.rule for result in ask(harness, "buy", "market", "0.1").rules}


def test_preflight_refuses_an_exit_on_the_wrong_side_with_its_numbers() -> None:
    wrong = ask(EngineHarness(), "buy", "market", "0.01", stop_loss=ExitSpec(D(60000)), take_profit=ExitSpec(D(70000)))
    assert rule(wrong, "exits").outcome is RuleOutcome.FAILED
    numbers = rule(wrong, "exits").numbers
    assert (numbers["entry_price"], numbers["stop_loss"], numbers["take_profit"]) == (D(50001), D(60000), D(70000))
    assert (numbers["field"], numbers["stop_price"], numbers["best_price"]) == ("stop_loss", D(60000), D(49999))
    assert wrong.largest_amount == 0
    right = ask(EngineHarness(), "buy", "market", "0.01", stop_loss=ExitSpec(D(49000)))
    assert right.would_pass
