"""The paper engine, rule by rule, with hand-computed numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions

from moniqo_core.domain import errors, money
from moniqo_core.domain.ledger.commands import CancelAllOrders, CancelOrder, ResetAccount
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.ledger.rules import ALL_RULES
from moniqo_core.domain.orders import open_order_limit
from moniqo_core.domain.orders.order import Order, OrderSide, OrderStatus, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ClosePosition, ExitSpec, OrderRequest
from moniqo_core.domain.paper import account_lifecycle, decide
from moniqo_core.domain.wallets.lifecycle_commands import Reinstate, SetLimits, SetStatus, Suspend
from moniqo_core.storage.orders import order_codec
from moniqo_core.storage.paper import account_codec
from moniqo_core.storage.paper.account_codec import read_account, state_document
from tests.support.engine_harness import BTC, ETH, MARKETS, START, STEP, WIDE, EngineHarness

D = Decimal
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(dict, tz_aware=True)


def test_market_order_walks_the_book_and_pays_one_fee() -> None:
    harness = EngineHarness()
    harness.book(("0", "0.01"), ("10", "0.02"), ("20", "5"))
    order = harness.place("buy", "market", "0.05")
    # 0.01 at 50,001 + 0.02 at 50,011 + 0.02 at 50,021
    assert order.filled_quote == D("500.01") + D("1000.22") + D("1000.42")
    assert order.fee == D("2.50065")
    assert harness.free("USDT") == D(10000) - D("2500.65") - D("2.50065")


def test_market_order_beyond_the_book_slips_with_the_excess_depth() -> None:
    harness = EngineHarness("10000000")
    harness.book(("0", "1"))
    order = harness.place("buy", "market", "3")
    # 1 at 50,001; the other 2 at 50,001 x (1 + 5bp x 2 / 1) = 50,051.001, up to the tick
    assert order.filled_quote == D("50001") + 2 * D("50051.01")
    with pytest.raises(errors.OrderRejectedError) as refused:
        harness.place("buy", "market", "102")
    # 5% / 5bp = 100 times the depth, of which 2 are taken
    assert refused.value.members["suggested_amount"] == D(98)


def test_taken_liquidity_stays_taken_until_the_level_changes() -> None:
    harness = EngineHarness("1000000")
    harness.book(("0", "1"), ("5", "1"))
    assert harness.place("buy", "market", "1").average_fill_price == D(50001)
    assert harness.place("buy", "market", "1").average_fill_price == D(50006)
    harness.book(("0", "2"), ("5", "1"))
    assert harness.place("buy", "market", "1").average_fill_price == D(50001)


def test_resting_buy_fills_only_when_traded_through_and_frees_its_lock() -> None:
    harness = EngineHarness()
    order = harness.place("buy", "limit", "0.1", price="49000")
    assert harness.locked("USDT") == D("4904.9")  # 4,900 and the highest fee
    harness.tick("49000.00")
    assert harness.evaluate() is None
    harness.tick("48999.99")
    commit = harness.evaluate()
    assert commit is not None
    assert harness.order(order.order_id).status is OrderStatus.FILLED
    assert commit.fills[0].liquidity == "maker"
    assert (harness.free("USDT"), harness.locked("USDT")) == (D("5095.1"), D(0))


def test_path_point_fills_a_tenth_of_its_volume_oldest_order_first() -> None:
    harness = EngineHarness("100000")
    first = harness.place("buy", "limit", "0.3", price="49000")
    second = harness.place("buy", "limit", "0.3", price="49000")
    harness.tick("48000", volume="4")
    harness.evaluate()
    assert harness.order(first.order_id).filled_amount == D("0.3")
    assert harness.order(second.order_id).filled_amount == D("0.1")


def test_stop_fills_at_the_worse_of_trigger_and_gap_with_slippage() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    stop = harness.place("sell", "stop_loss", "0.1", stop_price="49000")
    assert harness.locked("BTC") == D("0.1")
    harness.tick("47000")
    harness.evaluate()
    filled = harness.order(stop.order_id)
    # bid 46,999 is worse than 49,000; 5bp of slippage, down to the tick
    assert filled.average_fill_price == D("46975.50")
    assert filled.status is OrderStatus.FILLED


def test_take_profit_fills_at_its_trigger() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    order = harness.place("sell", "take_profit", "0.1", stop_price="52000")
    harness.tick("55000")
    harness.evaluate()
    assert harness.order(order.order_id).average_fill_price == D(51974)


def test_trailing_stop_follows_the_bid_and_triggers_before_its_mark_moves() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    order = harness.place("sell", "trailing_stop", "0.1", trail_percent="10")
    for price in ("55001", "60001", "54001.01"):
        harness.tick(price)
    assert harness.evaluate() is None
    harness.tick("54001")
    harness.evaluate()
    # mark 60,000, trigger 54,000
    assert harness.order(order.order_id).average_fill_price == D(53973)


def test_stop_limit_rests_until_its_trigger_and_then_its_limit() -> None:
    harness = EngineHarness()
    order = harness.place("buy", "stop_limit", "0.01", price="51000", stop_price="50500")
    harness.tick("50499.50")
    harness.evaluate()
    waiting = harness.order(order.order_id)
    assert waiting.triggered
    assert waiting.average_fill_price == D("50500.50")
    late = harness.place("buy", "stop_limit", "0.01", price="51000", stop_price="50600")
    harness.tick("51500")
    harness.evaluate()
    assert harness.order(late.order_id).status is OrderStatus.OPEN
    harness.tick("50999")
    harness.evaluate()
    assert harness.order(late.order_id).average_fill_price == D(51000)


def test_filled_exit_cancels_the_other_and_both_lock_the_amount_once() -> None:
    harness = EngineHarness()
    entry = harness.place("buy", "market", "0.1", stop_loss=ExitSpec(percent=D(2)), take_profit=ExitSpec(percent=D(5)))
    group = entry.order_id[:-1]
    assert (harness.locked("BTC"), harness.free("BTC")) == (D("0.1"), D(0))
    assert harness.order(group + "2").stop_price == D("49000.98")  # 50,001 less 2%, down to the tick
    assert harness.order(group + "3").stop_price == D("52501.05")
    harness.tick("53000")
    harness.evaluate()
    assert harness.order(group + "3").status is OrderStatus.FILLED
    assert harness.order(group + "2").status is OrderStatus.CANCELLED
    assert harness.account.holding("BTC").total == 0


def test_exits_grow_with_a_partially_filled_entry_and_cancel_its_rest() -> None:
    harness = EngineHarness("100000")
    entry = harness.place("buy", "limit", "1", price="49000", stop_loss=ExitSpec(stop_price=D(48000)))
    exit_id = entry.order_id[:-1] + "2"
    assert harness.order(exit_id).status is OrderStatus.PENDING
    harness.tick("48990", volume="4")
    harness.evaluate()
    assert harness.order(exit_id).amount == D("0.4")
    harness.tick("47000", volume="1")
    harness.evaluate()
    # by age the entry meets the point first and fills another 0.1, then the exit sells all 0.5
    assert harness.order(exit_id).filled_amount == D("0.5")
    assert harness.order(entry.order_id).status is OrderStatus.CANCELLED
    assert harness.locked("USDT") == 0


def test_cancelling_an_unfilled_entry_ends_its_exits() -> None:
    harness = EngineHarness()
    entry = harness.place("buy", "limit", "0.1", price="49000", stop_loss=ExitSpec(), take_profit=ExitSpec())
    harness.do(CancelOrder(entry.order_id))
    assert not harness.account.orders
    assert harness.free("USDT") == D(10000)


def test_cancelling_one_exit_passes_the_lock_to_the_other() -> None:
    harness = EngineHarness()
    entry = harness.place("buy", "market", "0.1", stop_loss=ExitSpec(), take_profit=ExitSpec())
    harness.do(CancelOrder(entry.order_id[:-1] + "2"))
    assert harness.locked("BTC") == D("0.1")
    harness.do(CancelOrder(entry.order_id[:-1] + "3"))
    assert harness.free("BTC") == D("0.1")


def test_fill_wins_over_expiry_when_its_point_ends_first() -> None:
    harness = EngineHarness()
    at = START + STEP
    gtd = TimeInForce.GTD
    wins = harness.place("buy", "limit", "0.01", price="49000", time_in_force=gtd, expires_at=at)
    loses = harness.place(
        "buy", "limit", "0.01", price="48000", time_in_force=gtd, expires_at=at + timedelta(seconds=1)
    )
    harness.tick("48500")
    harness.tick("47000")
    harness.evaluate()
    assert harness.order(wins.order_id).status is OrderStatus.FILLED
    assert harness.order(loses.order_id).status is OrderStatus.EXPIRED
    assert harness.locked("USDT") == 0


def test_day_order_expires_at_local_midnight() -> None:
    harness = EngineHarness(limits=replace(WIDE, timezone="America/New_York"))
    order = harness.place("buy", "limit", "0.01", price="49000", time_in_force=TimeInForce.DAY)
    assert order.expires_at is not None
    assert order.expires_at.isoformat() == "2026-03-03T05:00:00+00:00"


def test_daily_loss_limit_pauses_wallet_cancels_buys_and_keeps_exits() -> None:
    harness = EngineHarness(limits=replace(WIDE, daily_loss_limit_usd=D(100)))
    harness.place("buy", "market", "0.1")
    stop = harness.place("sell", "stop_loss", "0.1", stop_price="40000")
    bid = harness.place("buy", "limit", "0.01", price="40000")
    harness.tick("49500")
    assert harness.evaluate() is None  # 10,000 - 5 - 0.1 x 501 leaves a loss of 55
    harness.tick("48900")
    harness.evaluate()
    assert harness.account.status == "paused"
    assert harness.order(bid.order_id).status is OrderStatus.CANCELLED
    assert harness.order(stop.order_id).is_open
    with pytest.raises(errors.WalletPausedError):
        harness.place("buy", "market", "0.01")
    with pytest.raises(errors.ConflictError) as refused:
        harness.do(SetStatus("active", "owner"))
    assert refused.value.members["limit_type"] == "daily_loss_limit_usd"
    harness.tick("50500")
    harness.do(SetStatus("active", "owner"))
    assert harness.account.status == "active"


def test_reset_begins_a_new_epoch_with_the_starting_balance() -> None:
    harness = EngineHarness(limits=replace(WIDE, daily_loss_limit_usd=D(100)))
    harness.place("buy", "market", "0.1")
    harness.place("buy", "limit", "0.01", price="40000")
    harness.tick("40001")
    harness.evaluate()
    assert harness.account.status == "paused"
    harness.do(ResetAccount())
    assert harness.account.epoch == 2
    assert harness.account.status == "active"
    assert not harness.account.orders
    assert harness.free("USDT") == D(10000)
    assert harness.account.holding("BTC").total == 0


def test_closing_a_position_cancels_its_exits() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1", stop_loss=ExitSpec(), take_profit=ExitSpec())
    harness.do(ClosePosition(BTC))
    assert not harness.account.orders
    assert harness.account.holding("BTC").total == 0


def test_cancel_all_affects_only_the_given_symbol() -> None:
    harness = EngineHarness()
    harness.place("buy", "limit", "0.01", price="49000")
    other = harness.place("buy", "limit", "0.1", symbol=ETH, price="2900")
    harness.do(CancelAllOrders(BTC))
    assert list(harness.account.orders) == [other.order_id]


@pytest.mark.parametrize(
    ("side", "kind", "fields", "error"),
    [
        ("sell", "stop_loss", {"stop_price": "50000"}, errors.OrderRejectedError),
        ("sell", "take_profit", {"stop_price": "49999"}, errors.OrderRejectedError),
        ("buy", "stop_loss", {"stop_price": "49000"}, errors.InvalidOrderError),
        ("buy", "stop_limit", {"price": "50100", "stop_price": "50001"}, errors.OrderRejectedError),
        ("sell", "trailing_stop", {"trail_percent": "51"}, errors.InvalidOrderError),
        ("sell", "limit", {"price": "50000", "post_only": True}, None),
        ("sell", "limit", {"price": "49999", "post_only": True}, errors.OrderRejectedError),
        ("buy", "market", {"reduce_only": True}, errors.InvalidOrderError),
        (
            "buy",
            "limit",
            {"price": "49000", "time_in_force": TimeInForce.GTD, "expires_at": START},
            errors.InvalidOrderError,
        ),
        ("buy", "limit", {"price": "49000", "time_in_force": TimeInForce.FOK}, errors.OrderRejectedError),
        ("sell", "stop_loss", {"stop_price": "49000", "time_in_force": TimeInForce.IOC}, errors.InvalidOrderError),
        ("sell", "market", {"stop_loss": ExitSpec()}, errors.InvalidOrderError),
    ],
)
def test_invalid_orders_are_refused_and_change_nothing(
    side: str, kind: str, fields: dict[str, Any], error: type[Exception] | None
) -> None:
    harness = EngineHarness("100000")
    harness.place("buy", "market", "0.1")
    before = harness.account
    if error is None:
        harness.place(side, kind, "0.01", **fields)
        return
    with pytest.raises(error):
        harness.place(side, kind, "0.01", **fields)
    assert harness.account is before


def test_reduce_only_without_a_position_is_refused() -> None:
    with pytest.raises(errors.OrderRejectedError):
        EngineHarness().place("sell", "limit", "0.01", price="60000", reduce_only=True)


def test_quote_amount_caps_a_buy_and_floors_a_sell() -> None:
    harness = EngineHarness()
    bought = harness.place("buy", "market", quote_amount="1000")
    assert bought.filled_quote + bought.fee <= 1000
    assert bought.filled_quote + bought.fee > 1000 - D("0.6")
    sold = harness.place("sell", "market", quote_amount="500")
    assert sold.filled_quote - sold.fee >= 500
    assert sold.filled_quote - sold.fee < 500 + D("0.6")


def test_selling_everything_ignores_the_lot_step() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.01")
    with pytest.raises(errors.InvalidOrderError):
        harness.place("sell", "market", "0.000001")
    harness.place("sell", "market", "0.01")
    position = harness.account.position(BTC)
    assert (position.amount, position.cost) == (D(0), D(0))


def test_equity_is_sampled_on_full_hours() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    for _ in range(60 * 4 + 1):
        harness.tick("51000")
    commit = harness.evaluate()
    assert commit is not None
    assert [(point.at, point.equity) for point in commit.samples] == [
        (START + timedelta(hours=1), D(10000) - D("5000.1") - D("5.0001") + D(5100))
    ]


def test_exits_of_a_partially_filled_ioc_order_stay_open() -> None:
    harness = EngineHarness("100000")
    harness.book(("0", "0.4"))
    ioc = TimeInForce.IOC
    entry = harness.place("buy", "limit", "1", price="50001", time_in_force=ioc, stop_loss=ExitSpec(percent=D(2)))
    assert (entry.status, entry.filled_amount) == (OrderStatus.CANCELLED, D("0.4"))
    stop = harness.order(entry.order_id[:-1] + "2")
    assert (stop.status, stop.amount, harness.locked("BTC")) == (OrderStatus.OPEN, D("0.4"), D("0.4"))


def test_partial_fills_never_cost_more_than_the_locked_funds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MARKETS, BTC, replace(MARKETS[BTC], lot_step=D("0.00000001")))
    # 0.00020002 x 49,000.01 = 9.8009820002, kept in 8 places; the fee is a thousandth of it.
    harness = EngineHarness("9.81078300")
    order = harness.place("buy", "limit", "0.00020002", price="49000.01")
    assert harness.free("USDT") == 0
    for _ in range(3):
        harness.tick("48000", volume="0.0008001")
        harness.evaluate()
    filled = harness.order(order.order_id)
    assert (filled.status, filled.fill_count) == (OrderStatus.FILLED, 3)
    assert sum((fill.quote for commit in harness.commits for fill in commit.fills), D(0)) == D("9.80098201")
    assert filled.fee == D("0.00980099")


def test_buy_after_a_price_fall_does_not_raise_the_peak() -> None:
    harness = EngineHarness(limits=replace(WIDE, max_drawdown_percent=D(5)))
    harness.place("buy", "market", "0.05")
    harness.tick("50000")
    harness.evaluate()
    peak = harness.account.peak
    harness.prices[BTC] = D(48000)
    harness.place("buy", "market", "0.1")
    assert harness.account.peak == peak


def test_loss_limit_cancels_buys_even_when_nothing_is_held_any_more() -> None:
    harness = EngineHarness(limits=replace(WIDE, daily_loss_limit_usd=D(100)))
    harness.place("buy", "market", "0.1")
    bid = harness.place("buy", "limit", "0.01", price="40000")
    harness.prices[BTC] = D(48000)
    harness.place("sell", "market", "0.1")
    harness.tick("48000")
    harness.evaluate()
    assert harness.account.status == "paused"
    assert harness.order(bid.order_id).status is OrderStatus.CANCELLED


def test_loss_limit_cancels_buys_of_a_wallet_paused_by_its_owner() -> None:
    harness = EngineHarness(limits=replace(WIDE, daily_loss_limit_usd=D(100)))
    harness.place("buy", "market", "0.1")
    bid = harness.place("buy", "limit", "0.01", price="40000")
    harness.do(SetStatus("paused", "owner", "lunch"))
    harness.tick("48000")
    harness.evaluate()
    assert (harness.account.status, harness.account.reason) == ("paused", "lunch")
    assert harness.order(bid.order_id).status is OrderStatus.CANCELLED


def test_order_expired_before_a_pause_is_expired_however_often_evaluated() -> None:
    for looks in (False, True):
        harness = EngineHarness(limits=replace(WIDE, daily_loss_limit_usd=D(100)))
        harness.place("buy", "market", "0.1", symbol=ETH)
        harness.now += timedelta(seconds=5)
        until = harness.now + timedelta(seconds=2)
        late = harness.place("buy", "limit", "0.01", price="40000", time_in_force=TimeInForce.GTD, expires_at=until)
        harness.now += timedelta(seconds=5)
        if looks:
            harness.evaluate()
        harness.now = START
        harness.tick("1000", ETH)
        harness.evaluate()
        assert harness.account.status == "paused"
        assert harness.order(late.order_id).status is OrderStatus.EXPIRED


def test_equity_is_sampled_while_orders_or_holdings_exist_and_once_after() -> None:
    harness = EngineHarness()
    until = START + timedelta(minutes=30)
    harness.place("buy", "limit", "0.01", price="40000", time_in_force=TimeInForce.GTD, expires_at=until)
    for _ in range(60 * 4):
        harness.tick("51000")
    commit = harness.evaluate()
    assert commit is not None
    assert [(point.at, point.equity) for point in commit.samples] == [(START + timedelta(hours=1), D(10000))]


@pytest.mark.parametrize("every", [1, 7, 60 * 4, 60 * 4 * 20])
def test_constant_equity_is_sampled_in_its_first_hour_and_on_its_first_day(every: int) -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    harness.place("sell", "take_profit", "0.1", stop_price="52000")
    until = START + timedelta(days=2)
    while harness.now < until:
        harness.tick("53000" if harness.now >= START + timedelta(minutes=80) else "50000")
        if (harness.now - START) // STEP % every == 0:
            harness.evaluate()
    harness.place("buy", "market", "0.01")

    told = {point.at: point.equity for commit in harness.commits for point in commit.samples}
    hours = [START + timedelta(hours=number) for number in (0, 1, 2, 12)]
    assert list(told) == hours
    assert told[hours[2]] == told[hours[3]] > told[hours[0]] > told[hours[1]]


def test_path_points_with_implausible_prices_are_skipped() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.05")
    harness.place("sell", "stop_loss", "0.05", stop_price="40000")
    harness.place("buy", "limit", "0.01", price="40000")
    for price, half in (("0", "1"), ("-1", "1"), ("30000", "-1"), ("30000", "30000")):
        harness.half = D(half)
        harness.tick(price)
        assert harness.evaluate() is None
    assert harness.account.peak == D(10000)


def test_quote_amount_sale_reaches_its_amount_far_below_the_best_bid() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    harness.book(("0", "0.001"), ("30000", "10"))
    sold = harness.place("sell", "market", quote_amount="1000")
    assert sold.filled_quote - sold.fee >= 1000


def test_fork_is_valued_at_present_prices() -> None:
    harness = EngineHarness(limits=replace(WIDE, max_drawdown_percent=D(5)))
    harness.place("buy", "market", "0.1")
    fork = account_lifecycle.fork_account("copy", harness.account, harness.account.terms, harness.now, {BTC: D(30000)})
    assert fork.after.peak == harness.free("USDT") + 3000
    assert fork.after.marks == {BTC: D(30000)}


def test_open_order_limit_still_allows_closing_a_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_order_limit, "MAX_OPEN_ORDERS", 2)
    harness = EngineHarness("100000")
    harness.place("buy", "market", "0.1")
    harness.place("buy", "limit", "0.01", price="40000")
    with pytest.raises(errors.RateLimitExceededError):
        harness.place("buy", "limit", "0.01", price="40000", stop_loss=ExitSpec())
    harness.place("buy", "limit", "0.01", price="40000")
    with pytest.raises(errors.RateLimitExceededError):
        harness.place("buy", "limit", "0.01", price="40000")
    harness.do(ClosePosition(BTC))
    assert harness.account.holding("BTC").total == 0


def test_exit_without_price_or_default_is_refused_before_funds_are_checked() -> None:
    with pytest.raises(errors.InvalidOrderError):
        EngineHarness("10", limits=None).place("buy", "market", "1", stop_loss=ExitSpec())


def test_path_ends_with_the_last_order_however_often_evaluated() -> None:
    for looks in (False, True):
        harness = EngineHarness()
        harness.place("buy", "market", "0.1")
        harness.prices[BTC] = D(49000)
        harness.place("sell", "market", "0.1")
        at = START + timedelta(seconds=5)
        harness.place("buy", "limit", "0.01", price="40000", time_in_force=TimeInForce.GTD, expires_at=at)
        harness.do(SetLimits(replace(WIDE, daily_loss_limit_usd=D(50))))
        if looks:
            harness.now = at
            harness.evaluate()
            harness.now = START
        harness.tick("49000")
        harness.evaluate()
        assert harness.account.status == "active"


def test_sale_fee_never_exceeds_its_proceeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MARKETS, BTC, replace(MARKETS[BTC], lot_step=D("0.00000001")))
    monkeypatch.setattr(money, "FIAT", frozenset({"USDT"}))
    # 0.01 x 3,001 = 30.01, and 0.0301 of fee: nothing is left.
    harness = EngineHarness("30.0401")
    harness.prices[BTC] = D(3000)
    harness.place("buy", "market", "0.01")
    order = harness.place("sell", "limit", "0.01", price="3100")
    harness.tick("3200", volume="0.0000001")
    harness.evaluate()
    # 0.00000001 x 3,100 is less than the smallest unit; the fee of one waits for the next fill.
    assert (harness.free("USDT"), harness.order(order.order_id).fee) == (D(0), D(0))
    harness.tick("3200")
    harness.evaluate()
    assert harness.order(order.order_id).fee == D("0.031")
    assert harness.free("USDT") == D("30.969")


def test_suggested_amount_is_affordable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MARKETS, BTC, replace(MARKETS[BTC], lot_step=D("0.00000001")))
    monkeypatch.setattr(money, "FIAT", frozenset({"USDT"}))
    harness = EngineHarness("100")
    with pytest.raises(errors.InsufficientBalanceError) as refused:
        harness.place("buy", "limit", "0.003", price="49999")
    suggested = refused.value.members["suggested_amount"]
    harness.place("buy", "limit", str(suggested), price="49999")


@pytest.mark.parametrize(
    ("cash", "limits", "fields", "largest"),
    [
        # 0.19979 x 50,001 and a fee of 0.1% are 9,999.69
        ("10000", WIDE, {"kind": "limit", "price": "60000"}, "0.19979"),
        ("10000", WIDE, {"kind": "limit", "price": "49000"}, "0.20387"),
        ("10000", WIDE, {"kind": "limit", "price": "60000", "time_in_force": TimeInForce.FOK}, "0.19979"),
        # 0.1 is shown at 50,001, and the rest locks 60,000 each
        ("20000", WIDE, {"kind": "limit", "price": "60000", "shown": "0.1"}, "0.34966"),
        ("10000", WIDE, {"kind": "market"}, "0.19979"),
        # the position may be worth more than the cash buys
        ("10000", replace(WIDE, max_position_size_usd=D(9995)), {"kind": "market"}, "0.19979"),
        ("10000", replace(WIDE, max_position_size_usd=D(9000)), {"kind": "market"}, "0.18"),
        ("100000", WIDE, {"kind": "limit", "price": "60000", "time_in_force": TimeInForce.FOK, "shown": "0.5"}, "0.5"),
        # no amount above the market's minimum passes
        ("3", WIDE, {"kind": "market"}, "0"),
    ],
)
def test_suggested_amount_is_the_largest_that_passes(
    cash: str, limits: Any, fields: dict[str, Any], largest: str
) -> None:
    harness = EngineHarness(cash, limits)
    kind, given = fields["kind"], {name: value for name, value in fields.items() if name not in {"kind", "shown"}}
    harness.book(("0", fields.get("shown", "1000")))
    with pytest.raises(errors.WalletError) as refused:
        harness.place("buy", kind, "3", **given)
    assert refused.value.members["suggested_amount"] == D(largest)
    if largest == "0":
        assert "No amount" in refused.value.advice
        return
    with pytest.raises(errors.WalletError):
        harness.place("buy", kind, str(D(largest) + MARKETS[BTC].lot_step), **given)
    harness.place("buy", kind, largest, **given)


def test_limit_placed_while_market_is_closed_fills_at_the_opening_price() -> None:
    harness = EngineHarness("100000")
    marks = {BTC: D(50000)}
    closed = MarketContext(MARKETS[BTC], harness.snapshot(BTC), marks, D(1), is_open=False)
    order = OrderRequest(BTC, OrderSide.BUY, OrderType.LIMIT, D(1), price=D(52000))
    placed = harness.keep(decide.decide(harness.walk(), order, closed)).orders[0]
    harness.tick("51000", volume="4")
    harness.evaluate()
    opened = harness.order(placed.order_id)
    assert (opened.filled_amount, opened.average_fill_price) == (D("0.4"), D(51001))
    harness.tick("51500", volume="100")
    harness.evaluate()
    # What the opening left over rests, and is met at its limit like any other.
    assert harness.commits[-1].fills[0].liquidity == "maker"
    assert harness.order(placed.order_id).filled_quote == D("0.4") * 51001 + D("0.6") * 52000


@pytest.mark.parametrize(
    ("entry", "exits"),
    [
        # a market buy at 50,001, which could be sold at 49,999
        ({"kind": "market"}, {"stop_loss": ExitSpec(D(60000))}),
        ({"kind": "market"}, {"stop_loss": ExitSpec(D(50001))}),
        ({"kind": "market"}, {"stop_loss": ExitSpec(D(50000))}),
        ({"kind": "market"}, {"stop_loss": ExitSpec(D(49999))}),
        ({"kind": "market"}, {"stop_loss": ExitSpec(percent=D("0.002"))}),
        ({"kind": "market"}, {"take_profit": ExitSpec(D(40000))}),
        ({"kind": "market"}, {"take_profit": ExitSpec(D(50001))}),
        ({"kind": "market"}, {"take_profit": ExitSpec(percent=D("0.00001"))}),
        ({"kind": "market"}, {"stop_loss": ExitSpec(D(49000)), "take_profit": ExitSpec(D(50000))}),
        # entries with a limit
        ({"kind": "limit", "price": "48000"}, {"stop_loss": ExitSpec(D(48000))}),
        ({"kind": "limit", "price": "48000"}, {"take_profit": ExitSpec(D(48000))}),
        ({"kind": "limit", "price": "60000"}, {"stop_loss": ExitSpec(D(55000))}),
        ({"kind": "limit", "price": "60000"}, {"take_profit": ExitSpec(D(59000))}),
        ({"kind": "stop_limit", "price": "52000", "stop_price": "51000"}, {"stop_loss": ExitSpec(D(53000))}),
        ({"kind": "stop_limit", "price": "52000", "stop_price": "51000"}, {"take_profit": ExitSpec(D(52000))}),
    ],
)
def test_exit_that_would_sell_at_once_is_refused_with_the_numbers(entry: dict[str, Any], exits: dict[str, Any]) -> None:
    harness = EngineHarness("100000")
    with pytest.raises(errors.OrderRejectedError) as refused:
        harness.place("buy", amount="0.1", **entry, **exits)
    members: dict[str, Any] = refused.value.members
    wrong = members["field"]
    assert members["entry_price"] == D(entry.get("price", "50001"))
    assert members["best_price"] == D(49999)
    stop = exits[wrong].stop_price
    assert stop is None or members["stop_price"] == stop
    assert money.plain(members["stop_price"]) in refused.value.detail
    # Version 1 accepts the same order.
    harness.rules = ALL_RULES[1]
    harness.place("buy", amount="0.1", **entry, **exits)


@pytest.mark.parametrize(
    ("entry", "exits"),
    [
        ({"kind": "market"}, {"stop_loss": ExitSpec(D("49998.99")), "take_profit": ExitSpec(D("50001.01"))}),
        ({"kind": "limit", "price": "48000"}, {"stop_loss": ExitSpec(D("47999.99"))}),
        ({"kind": "limit", "price": "48000"}, {"take_profit": ExitSpec(D("48000.01"))}),
        ({"kind": "stop_limit", "price": "52000", "stop_price": "51000"}, {"stop_loss": ExitSpec(D("51999.99"))}),
    ],
)
def test_exit_one_tick_beyond_the_price_of_its_entry_is_accepted(entry: dict[str, Any], exits: dict[str, Any]) -> None:
    harness = EngineHarness("100000")
    order = harness.place("buy", amount="0.1", **entry, **exits)
    assert [item.status for item in harness.account.orders.values() if item.entry == order.order_id] == [
        "open" if entry["kind"] == "market" else "pending"
    ] * len(exits)


def test_exposure_counts_in_dollars_at_other_rates_than_one() -> None:
    harness = EngineHarness("100000", replace(WIDE, max_position_size_usd=D(3000), max_total_exposure_usd=D(5500)))
    harness.usd_rate = D("0.5")
    harness.place("buy", "market", "0.1")  # 0.1 x 50,000 x 0.5 = 2,500
    with pytest.raises(errors.RiskLimitExceededError) as refused:
        harness.place("buy", "market", "0.03")
    assert (refused.value.members["value"], refused.value.members["suggested_amount"]) == (D(3250), D("0.02"))
    harness.place("buy", "market", "2", symbol=ETH)  # 2 x 3,000 x 0.5 = 3,000, the whole limit of a position
    with pytest.raises(errors.RiskLimitExceededError) as refused:
        harness.place("buy", "market", "0.001")
    assert (refused.value.members["value"], refused.value.members["limit_type"]) == (D(5525), "max_total_exposure_usd")


def test_daily_loss_counts_in_dollars_when_pausing_and_when_resuming() -> None:
    harness = EngineHarness("100000", replace(WIDE, daily_loss_limit_usd=D(100)))
    harness.usd_rate = D("0.5")
    harness.place("buy", "market", "0.1")
    harness.tick("48100")  # a loss of 195.1 USDT is 97.55 USD
    harness.evaluate()
    assert harness.account.status == "active"
    harness.tick("48000")
    harness.evaluate()
    assert harness.account.reason == "daily_loss_limit_usd 100 was reached at 102.55"
    harness.tick("48100")
    harness.do(SetStatus("active", "owner"))


def test_open_stop_limit_buy_counts_at_its_limit_for_its_whole_life() -> None:
    harness = EngineHarness("100000", replace(WIDE, max_position_size_usd=D(1000)))
    # 0.0155 at its limit of 60,000 are 930. At the mid they are 775, and a further 0.004 would fit.
    waiting = harness.place("buy", "stop_limit", "0.0155", price="60000", stop_price="55000")
    with pytest.raises(errors.RiskLimitExceededError) as refused:
        harness.place("buy", "market", "0.004")
    assert refused.value.members["value"] == D("0.0155") * 60000 + D("0.004") * 50000
    assert refused.value.members["suggested_amount"] == D("0.0014")
    # The rest of a triggered one counts at its limit as well. 0.004 filled at 56,001.
    harness.tick("56000", volume="0.04")
    harness.evaluate()
    assert harness.order(waiting.order_id).remaining == D("0.0115")
    with pytest.raises(errors.RiskLimitExceededError) as refused:
        harness.place("buy", "market", "0.002")
    assert refused.value.members["value"] == D("0.0115") * 60000 + D("0.006") * 56000
    harness.rules = ALL_RULES[1]
    harness.place("buy", "market", "0.002")


def test_open_stop_limit_buy_of_another_symbol_counts_at_its_limit_after_a_reload() -> None:
    harness = EngineHarness("100000", replace(WIDE, max_total_exposure_usd=D(1000)))
    harness.place("buy", "stop_limit", "0.2", ETH, price="4500", stop_price="4000", metadata={"note": "stop_limit"})
    harness.place("buy", "limit", "0.001", price="45000", metadata={"note": "stop_limit"})
    harness.account = read_account(bson.decode(bson.encode(state_document(harness.account)), CODEC))
    with pytest.raises(errors.RiskLimitExceededError) as refused:
        harness.place("buy", "market", "0.002")
    assert refused.value.members["value"] == D("0.2") * 4500 + D("0.003") * 50000


def test_only_a_buy_under_risk_limits_decodes_stored_stop_limit_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = 0

    def counted(packed: bytes, unpack: Callable[[bytes], Order] = order_codec.unpack_order) -> Order:
        nonlocal decoded
        decoded += 1
        return unpack(packed)

    monkeypatch.setattr(account_codec, "unpack_order", counted)
    for limits, of_a_buy in ((None, 0), (WIDE, 3)):
        harness = EngineHarness("100000", limits)
        harness.place("buy", "market", "0.1")
        market = MarketContext(MARKETS[BTC], harness.snapshot(BTC), {ETH: D(3000)}, D(1))
        for _ in range(3):
            harness.place("buy", "stop_limit", "0.01", ETH, price="4500", stop_price="4000")
            harness.place("buy", "limit", "0.01", ETH, price="2000")
        stored = bson.decode(bson.encode(state_document(harness.account)), CODEC)
        decoded = 0
        for side, expected in ((OrderSide.SELL, 0), (OrderSide.BUY, of_a_buy)):
            harness.account = read_account(stored)
            decide.decide(harness.walk(), OrderRequest(BTC, side, OrderType.MARKET, D("0.01")), market)
            assert decoded == expected


def test_limit_that_waits_for_the_opening_above_the_market_counts_at_its_limit() -> None:
    harness = EngineHarness("100000", replace(WIDE, max_position_size_usd=D(1000)))
    market = replace(MARKETS[BTC], hours="XNYS")
    closed = MarketContext(market, harness.snapshot(BTC), {BTC: D(50000)}, D(1), is_open=False)
    buy = OrderRequest(BTC, OrderSide.BUY, OrderType.LIMIT, D("0.0155"), price=D(60000))
    harness.keep(decide.decide(harness.walk(), buy, closed))
    with pytest.raises(errors.RiskLimitExceededError):
        decide.decide(harness.walk(), replace(buy, amount=D("0.004"), price=D(50000)), closed)


def test_stop_at_a_point_without_volume_slips_most() -> None:
    for version, price in ((1, "47976"), (2, "45600")):
        harness = EngineHarness("100000")
        harness.rules = ALL_RULES[version]
        harness.place("buy", "market", "0.1")
        stop = harness.place("sell", "stop_loss", "0.1", stop_price="48000")
        harness.tick("48001", volume="0")  # the bid is 48,000
        harness.evaluate()
        # 5 bp worse, as if it were no larger than the volume, or the most of 5%
        assert harness.order(stop.order_id).average_fill_price == D(price), version


def test_day_order_ends_with_the_running_day_after_a_change_of_zone() -> None:
    harness = EngineHarness("100000", WIDE)
    before = harness.place("buy", "limit", "0.01", price="40000", time_in_force=TimeInForce.DAY)
    harness.do(SetLimits(replace(WIDE, timezone="America/New_York")))
    after = harness.place("buy", "limit", "0.01", price="40000", time_in_force=TimeInForce.DAY)
    midnight = START.replace(hour=0) + timedelta(days=1)
    harness.rules = ALL_RULES[1]
    old = harness.place("buy", "limit", "0.01", price="40000", time_in_force=TimeInForce.DAY)
    assert old.expires_at == START.replace(hour=5) + timedelta(days=1)
    harness.rules = ALL_RULES[2]
    assert (harness.order(before.order_id).expires_at, after.expires_at) == (midnight, midnight)
    harness.now = midnight
    harness.tick("50000")
    harness.evaluate()
    assert [harness.order(item.order_id).status for item in (before, after)] == ["expired", "expired"]
    tomorrow = harness.place("buy", "limit", "0.01", price="40000", time_in_force=TimeInForce.DAY)
    # the next day ends with that of the new zone, five hours after midnight in UTC
    assert tomorrow.expires_at == midnight + timedelta(hours=5)


def test_liquidity_taken_from_a_level_at_the_end_of_the_shown_book_ends_with_its_size() -> None:
    harness = EngineHarness("1000000")
    harness.book(("0", "1"), ("5", "1"))
    harness.place("buy", "market", "1.5")
    harness.book(("0", "1"), ("5", "2"))  # the last level shown has another size
    harness.place("buy", "limit", "0.1", price="50006")
    harness.book(("0", "1"), ("5", "1"))
    # Of the level at 50,006 nothing is taken any more, but what was just bought there.
    assert harness.place("buy", "limit", "1", price="50006", time_in_force=TimeInForce.IOC).filled_amount == D(1)


def test_liquidity_taken_beyond_the_shown_book_stays_taken() -> None:
    harness = EngineHarness("1000000")
    harness.book(("0", "1"), ("5", "1"))
    harness.place("buy", "market", "1.5")
    harness.book(("0", "2"))
    harness.place("buy", "market", "2")
    harness.book(("0", "2"), ("5", "1"))
    assert harness.place("buy", "limit", "1", price="50006", time_in_force=TimeInForce.IOC).filled_amount == D("0.5")


def test_half_of_a_venue_s_spread_is_remembered_for_the_path() -> None:
    harness = EngineHarness("100000")
    terms = replace(harness.account.terms, feed="venue")
    harness.account = replace(harness.account, terms=terms)
    harness.place("buy", "market", "0.01")  # at 49,999 / 50,001
    assert harness.account.observed_markets[BTC].half_spread == D(1)


def test_lifted_suspension_goes_back_to_a_pause_by_a_loss_limit() -> None:
    harness = EngineHarness(limits=replace(WIDE, daily_loss_limit_usd=D(50)))
    harness.place("buy", "market", "0.1")
    harness.tick("49000")
    harness.evaluate()
    assert (harness.account.status, harness.account.paused_by_limit) == ("paused", True)
    harness.do(Suspend("a review"))
    harness.do(Reinstate("cleared"))
    assert (harness.account.status, harness.account.paused_by_limit) == ("paused", True)
    harness.do(ResetAccount())
    assert harness.account.status == "active"


def test_reset_during_a_suspension_lifts_the_pause_by_a_loss_limit_below_it() -> None:
    harness = EngineHarness(limits=replace(WIDE, daily_loss_limit_usd=D(50)))
    harness.place("buy", "market", "0.1")
    harness.tick("49000")
    harness.evaluate()
    harness.do(Suspend("a review"))
    harness.do(ResetAccount())
    assert harness.account.status == "suspended"
    harness.do(Reinstate("cleared"))
    assert harness.account.status == "active"


def test_suspension_during_which_a_loss_limit_is_reached_ends_in_a_pause() -> None:
    harness = EngineHarness(limits=replace(WIDE, daily_loss_limit_usd=D(50)))
    harness.place("buy", "market", "0.1")
    harness.do(Suspend("a review"))
    harness.tick("49000")
    harness.evaluate()
    harness.do(Reinstate("cleared"))
    assert (harness.account.status, harness.account.paused_by_limit) == ("paused", True)


def test_suspension_that_version_0_1_0_recorded_goes_back_to_what_the_user_wallet_says() -> None:
    for before, after in ((None, "active"), ("active", "active"), ("paused", "paused"), ("error", "active")):
        harness = EngineHarness()
        harness.do(SetStatus("suspended", "admin", "a review"))
        harness.do(Reinstate("cleared", before))
        assert harness.account.status == after


def test_only_a_suspended_account_can_be_reinstated() -> None:
    harness = EngineHarness()
    for status in ("active", "paused"):
        if status == "paused":
            harness.do(SetStatus("paused", "owner"))
        with pytest.raises(errors.ConflictError, match=f"is {status}, not suspended"):
            harness.do(Reinstate("cleared", "paused"))


@pytest.mark.parametrize(("seen", "half_spread"), [(True, D(1)), (False, D("0.005"))])
def test_closed_market_keeps_the_spread_that_was_last_seen(seen: bool, half_spread: Decimal) -> None:
    harness = EngineHarness("100000")
    harness.account = replace(harness.account, terms=replace(harness.account.terms, feed="venue"))
    if seen:
        harness.place("buy", "market", "0.01")  # at 49,999 / 50,001
    harness.half = D(500)
    closed = MarketContext(MARKETS[BTC], harness.snapshot(BTC), {BTC: D(50000)}, D(1), is_open=False)
    order = OrderRequest(BTC, OrderSide.BUY, OrderType.LIMIT, D("0.01"), price=D(40000))

    after = harness.keep(decide.decide(harness.walk(), order, closed)).after

    assert after.observed_markets[BTC].half_spread == half_spread
