"""Small rules of paper accounts that larger tests touch only by chance, each with its numbers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from moniqo_core.domain.errors import (
    InsufficientBalanceError,
    InvalidOrderError,
    RiskLimitExceededError,
)
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ExitSpec, OrderRequest
from moniqo_core.domain.paper import preflight
from moniqo_core.domain.portfolio.holding import Holding
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.lifecycle_commands import DeleteWallet, SetStatus
from moniqo_core.domain.wallets.pause_level import PauseLevel
from tests.support.engine_harness import BTC, ETH, MARKETS, START, STEP, EngineHarness

D = Decimal


def test_forced_deletion_cancels_each_order_once() -> None:
    harness = EngineHarness()
    resting = harness.place(
        "buy",
        "limit",
        "0.01",
        price="40000",
        stop_loss=ExitSpec(stop_price=D(39000)),
        take_profit=ExitSpec(stop_price=D(60000)),
    )
    commit = harness.do(DeleteWallet(force=True))
    assert commit.after.deleted
    histories = {order.order_id: [status for status, _ in order.status_history] for order in commit.orders}
    assert histories.pop(resting.order_id) == [OrderStatus.OPEN, OrderStatus.CANCELLED]
    assert list(histories.values()) == [[OrderStatus.PENDING, OrderStatus.CANCELLED]] * 2


@pytest.mark.parametrize(("free", "locked", "needed", "available"), [("-3", "0", 3, 2), ("-1.5", "-3", 3, 1)])
def test_holding_never_becomes_negative(free: str, locked: str, needed: int, available: int) -> None:
    harness = EngineHarness()
    draft = AccountDraft(harness.account, harness.now)
    draft.change("BTC", D(2), D(1))
    with pytest.raises(InsufficientBalanceError, match=f"Needs {needed} BTC. {available} BTC is available.") as refusal:
        draft.change("BTC", D(free), D(locked))
    assert refusal.value.members["needed"] == needed
    assert draft.holding("BTC") == Holding(D(2), D(1))


@pytest.mark.parametrize("level", [None, PauseLevel.FULL])
def test_preflight_shows_the_level_of_a_pause(level: PauseLevel | None) -> None:
    harness = EngineHarness()
    if level is not None:
        harness.do(SetStatus("paused", "owner", "a rest", level))
    context = MarketContext(MARKETS[BTC], harness.snapshot(BTC), {BTC: D(50000)}, D(1))
    order = OrderRequest(BTC, OrderSide.BUY, OrderType.MARKET, D("0.01"))
    numbers = {result.rule: result.numbers for result in preflight.check(harness.walk(), order, context).rules}
    expected = (
        {"wallet_status": "active"}
        if level is None
        else {"wallet_status": "paused", "level": "full", "reason": "a rest"}
    )
    assert numbers["status"] == expected


def test_preflight_tells_no_amount_where_the_order_is_not_valid_enough_to_find_one() -> None:
    harness = EngineHarness()
    context = MarketContext(MARKETS[BTC], harness.snapshot(BTC), {BTC: D(50000)}, D(1))
    order = OrderRequest(BTC, OrderSide.BUY, OrderType.LIMIT, None, price=D("50000.001"), quote_amount=D(100))
    (form,) = (each for each in preflight.check(harness.walk(), order, context).rules if each.rule == "form")
    assert (form.outcome, form.numbers["amount"]) == ("failed", None)


def test_symbol_with_an_open_buy_of_little_worth_is_an_open_position() -> None:
    harness = EngineHarness(limits=RiskLimits(D(10**9), D(10**9), 1))
    # 6 USDT at its limit, and 3 USDT at the mark, which is less than the smallest order.
    harness.place("buy", "stop_limit", "0.001", symbol=ETH, price="6000", stop_price="5900")
    with pytest.raises(RiskLimitExceededError, match="2 positions would be open"):
        harness.place("buy", "market", "0.01")


@pytest.mark.parametrize("limit", ["max_position_size_usd", "max_total_exposure_usd"])
def test_exposure_may_reach_its_limit_and_not_pass_it(limit: str) -> None:
    size, total = (D(1000 if name == limit else 10**9) for name in ("max_position_size_usd", "max_total_exposure_usd"))
    limits = RiskLimits(size, total, 10)
    EngineHarness(limits=limits).place("buy", "limit", "0.02", price="50000")
    with pytest.raises(RiskLimitExceededError):
        EngineHarness(limits=limits).place("buy", "limit", "0.02001", price="50000")


def test_order_may_be_worth_the_smallest_notional() -> None:
    EngineHarness().place("buy", "limit", "0.001", price="5000")
    with pytest.raises(InvalidOrderError):
        EngineHarness().place("buy", "limit", "0.001", price="4999.99")


@pytest.mark.parametrize(("side", "at_limit", "through"), [("buy", "49000", "48999.99"), ("sell", "51000", "51000.01")])
def test_resting_order_fills_a_tick_beyond_its_limit(side: str, at_limit: str, through: str) -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.01")
    order = harness.place(side, "limit", "0.01", price=at_limit)
    harness.tick(at_limit)
    assert harness.evaluate() is None
    harness.tick(through)
    harness.evaluate()
    assert harness.order(order.order_id).status is OrderStatus.FILLED


def test_losses_of_several_hours_of_a_day_add_up() -> None:
    harness = EngineHarness(limits=RiskLimits(D(10**9), D(10**9), 10, daily_loss_limit_usd=D(1000)))
    harness.place("buy", "market", "0.1")
    for price in ("44000", "39000"):
        harness.now += timedelta(hours=1)
        harness.tick(price)
    harness.evaluate()
    assert harness.account.status == "paused"


def test_exits_follow_each_fill_of_their_entry_within_one_walk() -> None:
    def life(*, looks: bool) -> tuple[Decimal, Decimal]:
        harness = EngineHarness()
        harness.book(("0", "0.01"))
        stop = ExitSpec(percent=D(2))
        harness.place("buy", "limit", "0.1", price="50500", stop_loss=stop)
        harness.book(("0", "1"))
        # The first point fills more at the limit, which raises the average, and the trigger of the stop above 49,200.
        # The second has no volume, so it touches nothing but the stop.
        for price, volume in (("50000", "0.1"), ("49200", "0"), ("50000", "0")):
            harness.tick(price, volume=volume)
            if looks:
                harness.evaluate()
        harness.evaluate()
        return harness.account.holding("BTC").total, harness.account.holding("USDT").total

    assert life(looks=False) == life(looks=True)
    assert life(looks=False)[0] == 0


def test_account_is_idle_since_its_sale_although_the_order_would_have_expired_later() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    ends = START + 3 * STEP
    harness.place("sell", "limit", "0.1", price="51000", time_in_force=TimeInForce.GTD, expires_at=ends)
    for trade in ("50000", "51002", "50000", "50000"):
        harness.tick(trade)
    harness.evaluate()
    assert harness.account.idle_since == START + 2 * STEP


def test_hour_is_sampled_again_when_late_prices_of_a_symbol_arrive() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.01")
    harness.now += timedelta(minutes=90)  # nothing is known of this time
    harness.place("buy", "market", "0.1", symbol=ETH)
    harness.tick("50000")
    harness.do(OrderRequest(BTC, OrderSide.BUY, OrderType.MARKET, D("0.01")))
    hour = START + timedelta(hours=1)
    assert [[sample.at for sample in commit.samples] for commit in harness.commits[2:4]] == [[hour], [hour]]


def test_fill_has_only_its_own_result() -> None:
    """Each sell of a third loses its spread and fees. A sum over all fills would grow from one to the next."""
    harness = EngineHarness()
    harness.book(("0", "100"))
    harness.place("buy", "market", "0.03")
    sells = [harness.do(OrderRequest(BTC, OrderSide.SELL, OrderType.MARKET, D("0.01"))) for _ in range(3)]
    results = [fill.realised for commit in sells for fill in commit.fills]
    assert len(results) == 3
    assert results[0] == results[1] == results[2] < 0
