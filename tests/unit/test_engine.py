"""The paper engine rule by rule, with numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain import errors, money
from moniqo_core.domain.ledger.commands import Cancel, CancelAll, ClosePosition, Reset
from moniqo_core.domain.ledger.commit import Basis
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ExitSpec, Place
from moniqo_core.domain.paper import decide as deciding
from moniqo_core.domain.paper import lifecycle
from moniqo_core.domain.paper import rules as decision
from moniqo_core.domain.wallets.changes import SetLimits, SetStatus
from tests.support.desk import BTC, ETH, MARKETS, START, STEP, WIDE, Desk

D = Decimal


def test_market_order_walks_the_book_and_pays_one_fee() -> None:
    desk = Desk()
    desk.book(("0", "0.01"), ("10", "0.02"), ("20", "5"))
    order = desk.place("buy", "market", "0.05")
    # 0.01 at 50,001 + 0.02 at 50,011 + 0.02 at 50,021
    assert order.filled_quote == D("500.01") + D("1000.22") + D("1000.42")
    assert order.fee == D("2.50065")
    assert desk.free("USDT") == D(10000) - D("2500.65") - D("2.50065")


def test_beyond_the_book_slips_by_what_exceeds_the_depth() -> None:
    desk = Desk("1000000")
    desk.book(("0", "1"))
    order = desk.place("buy", "market", "3")
    # 1 at 50,001; the other 2 at 50,001 x (1 + 5bp x 2 / 1) = 50,051.001, up to the tick
    assert order.filled_quote == D("50001") + 2 * D("50051.01")
    with pytest.raises(errors.OrderRejectedError) as refused:
        desk.place("buy", "market", "102")
    # 5% / 5bp = 100 times the depth, of which 2 are taken
    assert refused.value.members["suggested_amount"] == D(98)


def test_taken_liquidity_stays_taken_until_the_level_changes() -> None:
    desk = Desk("1000000")
    desk.book(("0", "1"), ("5", "1"))
    assert desk.place("buy", "market", "1").average_fill_price == D(50001)
    assert desk.place("buy", "market", "1").average_fill_price == D(50006)
    desk.book(("0", "2"), ("5", "1"))
    assert desk.place("buy", "market", "1").average_fill_price == D(50001)


def test_resting_buy_fills_only_when_traded_through_and_returns_the_rest_of_its_lock() -> None:
    desk = Desk()
    order = desk.place("buy", "limit", "0.1", price="49000")
    assert desk.locked("USDT") == D("4904.9")  # 4,900 and the highest fee
    desk.tick("49000.00")
    assert desk.look() is None
    desk.tick("48999.99")
    commit = desk.look()
    assert commit is not None
    assert desk.order(order.order_id).status is OrderStatus.FILLED
    assert commit.fills[0].liquidity == "maker"
    assert (desk.free("USDT"), desk.locked("USDT")) == (D("5095.1"), D(0))


def test_a_point_gives_a_tenth_of_its_volume_shared_by_age() -> None:
    desk = Desk("100000")
    first = desk.place("buy", "limit", "0.3", price="49000")
    second = desk.place("buy", "limit", "0.3", price="49000")
    desk.tick("48000", volume="4")
    desk.look()
    assert desk.order(first.order_id).filled_amount == D("0.3")
    assert desk.order(second.order_id).filled_amount == D("0.1")


def test_a_stop_fills_at_the_worse_of_trigger_and_gap_with_slippage() -> None:
    desk = Desk()
    desk.place("buy", "market", "0.1")
    stop = desk.place("sell", "stop_loss", "0.1", stop_price="49000")
    assert desk.locked("BTC") == D("0.1")
    desk.tick("47000")
    desk.look()
    filled = desk.order(stop.order_id)
    # bid 46,999 is worse than 49,000; 5bp of slippage, down to the tick
    assert filled.average_fill_price == D("46975.50")
    assert filled.status is OrderStatus.FILLED


def test_take_profit_fills_at_its_trigger() -> None:
    desk = Desk()
    desk.place("buy", "market", "0.1")
    order = desk.place("sell", "take_profit", "0.1", stop_price="52000")
    desk.tick("55000")
    desk.look()
    assert desk.order(order.order_id).average_fill_price == D(51974)


def test_trailing_stop_follows_the_bid_and_is_tested_before_its_mark_moves() -> None:
    desk = Desk()
    desk.place("buy", "market", "0.1")
    order = desk.place("sell", "trailing_stop", "0.1", trail_percent="10")
    for price in ("55001", "60001", "54001.01"):
        desk.tick(price)
    assert desk.look() is None
    desk.tick("54001")
    desk.look()
    # mark 60,000, trigger 54,000
    assert desk.order(order.order_id).average_fill_price == D(53973)


def test_stop_limit_waits_for_its_trigger_then_for_its_limit() -> None:
    desk = Desk()
    order = desk.place("buy", "stop_limit", "0.01", price="51000", stop_price="50500")
    desk.tick("50499.50")
    desk.look()
    waiting = desk.order(order.order_id)
    assert waiting.triggered
    assert waiting.average_fill_price == D("50500.50")
    late = desk.place("buy", "stop_limit", "0.01", price="51000", stop_price="50600")
    desk.tick("51500")
    desk.look()
    assert desk.order(late.order_id).status is OrderStatus.OPEN
    desk.tick("50999")
    desk.look()
    assert desk.order(late.order_id).average_fill_price == D(51000)


def test_one_exit_cancels_the_other_and_they_hold_the_amount_once() -> None:
    desk = Desk()
    entry = desk.place("buy", "market", "0.1", stop_loss=ExitSpec(percent=D(2)), take_profit=ExitSpec(percent=D(5)))
    group = entry.order_id[:-1]
    assert (desk.locked("BTC"), desk.free("BTC")) == (D("0.1"), D(0))
    assert desk.order(group + "2").stop_price == D("49000.98")  # 50,001 less 2%, down to the tick
    assert desk.order(group + "3").stop_price == D("52501.05")
    desk.tick("53000")
    desk.look()
    assert desk.order(group + "3").status is OrderStatus.FILLED
    assert desk.order(group + "2").status is OrderStatus.CANCELLED
    assert desk.account.holding("BTC").total == 0


def test_exits_of_a_resting_entry_grow_with_it_and_end_it() -> None:
    desk = Desk("100000")
    entry = desk.place("buy", "limit", "1", price="49000", stop_loss=ExitSpec(stop_price=D(48000)))
    exit_id = entry.order_id[:-1] + "2"
    assert desk.order(exit_id).status is OrderStatus.PENDING
    desk.tick("48990", volume="4")
    desk.look()
    assert desk.order(exit_id).amount == D("0.4")
    desk.tick("47000", volume="1")
    desk.look()
    # by age the entry meets the point first and fills another 0.1, then the exit sells all 0.5
    assert desk.order(exit_id).filled_amount == D("0.5")
    assert desk.order(entry.order_id).status is OrderStatus.CANCELLED
    assert desk.locked("USDT") == 0


def test_cancelling_an_entry_ends_exits_that_hold_nothing() -> None:
    desk = Desk()
    entry = desk.place("buy", "limit", "0.1", price="49000", stop_loss=ExitSpec(), take_profit=ExitSpec())
    desk.do(Cancel(entry.order_id))
    assert not desk.account.orders
    assert desk.free("USDT") == D(10000)


def test_cancelling_one_exit_hands_the_lock_to_the_other() -> None:
    desk = Desk()
    entry = desk.place("buy", "market", "0.1", stop_loss=ExitSpec(), take_profit=ExitSpec())
    desk.do(Cancel(entry.order_id[:-1] + "2"))
    assert desk.locked("BTC") == D("0.1")
    desk.do(Cancel(entry.order_id[:-1] + "3"))
    assert desk.free("BTC") == D("0.1")


def test_an_expiry_loses_against_a_fill_whose_point_ends_by_it() -> None:
    desk = Desk()
    at = START + STEP
    gtd = TimeInForce.GTD
    wins = desk.place("buy", "limit", "0.01", price="49000", time_in_force=gtd, expires_at=at)
    loses = desk.place("buy", "limit", "0.01", price="48000", time_in_force=gtd, expires_at=at + timedelta(seconds=1))
    desk.tick("48500")
    desk.tick("47000")
    desk.look()
    assert desk.order(wins.order_id).status is OrderStatus.FILLED
    assert desk.order(loses.order_id).status is OrderStatus.EXPIRED
    assert desk.locked("USDT") == 0


def test_a_day_order_ends_with_the_local_day() -> None:
    desk = Desk(limits=replace(WIDE, timezone="America/New_York"))
    order = desk.place("buy", "limit", "0.01", price="49000", time_in_force=TimeInForce.DAY)
    assert order.expires_at is not None
    assert order.expires_at.isoformat() == "2026-03-03T05:00:00+00:00"


def test_daily_loss_pauses_cancels_buys_and_keeps_exits() -> None:
    desk = Desk(limits=replace(WIDE, daily_loss_limit_usd=D(100)))
    desk.place("buy", "market", "0.1")
    stop = desk.place("sell", "stop_loss", "0.1", stop_price="40000")
    bid = desk.place("buy", "limit", "0.01", price="40000")
    desk.tick("49500")
    assert desk.look() is None  # 10,000 - 5 - 0.1 x 501 leaves a loss of 55
    desk.tick("48900")
    desk.look()
    assert desk.account.status == "paused"
    assert desk.order(bid.order_id).status is OrderStatus.CANCELLED
    assert desk.order(stop.order_id).is_open
    with pytest.raises(errors.WalletPausedError):
        desk.place("buy", "market", "0.01")
    with pytest.raises(errors.ConflictError) as refused:
        desk.do(SetStatus("active", "owner"))
    assert refused.value.members["limit_type"] == "daily_loss_limit_usd"
    desk.tick("50500")
    desk.do(SetStatus("active", "owner"))
    assert desk.account.status == "active"


def test_reset_begins_a_new_epoch_with_the_starting_balance() -> None:
    desk = Desk(limits=replace(WIDE, daily_loss_limit_usd=D(100)))
    desk.place("buy", "market", "0.1")
    desk.place("buy", "limit", "0.01", price="40000")
    desk.tick("40001")
    desk.look()
    assert desk.account.status == "paused"
    desk.do(Reset())
    assert desk.account.epoch == 2
    assert desk.account.status == "active"
    assert not desk.account.orders
    assert desk.free("USDT") == D(10000)
    assert desk.account.holding("BTC").total == 0


def test_closing_a_position_cancels_what_would_sell_it() -> None:
    desk = Desk()
    desk.place("buy", "market", "0.1", stop_loss=ExitSpec(), take_profit=ExitSpec())
    desk.do(ClosePosition(BTC))
    assert not desk.account.orders
    assert desk.account.holding("BTC").total == 0


def test_cancel_all_of_one_symbol() -> None:
    desk = Desk()
    desk.place("buy", "limit", "0.01", price="49000")
    other = desk.place("buy", "limit", "0.1", symbol=ETH, price="2900")
    desk.do(CancelAll(BTC))
    assert list(desk.account.orders) == [other.order_id]


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
def test_refusals(side: str, kind: str, fields: dict[str, Any], error: type[Exception] | None) -> None:
    desk = Desk("100000")
    desk.place("buy", "market", "0.1")
    before = desk.account
    if error is None:
        desk.place(side, kind, "0.01", **fields)
        return
    with pytest.raises(error):
        desk.place(side, kind, "0.01", **fields)
    assert desk.account is before


def test_reduce_only_without_a_position_is_refused() -> None:
    with pytest.raises(errors.OrderRejectedError):
        Desk().place("sell", "limit", "0.01", price="60000", reduce_only=True)


def test_quote_amount_spends_at_most_and_sells_at_least() -> None:
    desk = Desk()
    bought = desk.place("buy", "market", quote_amount="1000")
    assert bought.filled_quote + bought.fee <= 1000
    assert bought.filled_quote + bought.fee > 1000 - D("0.6")
    sold = desk.place("sell", "market", quote_amount="500")
    assert sold.filled_quote - sold.fee >= 500
    assert sold.filled_quote - sold.fee < 500 + D("0.6")


def test_selling_everything_skips_the_lot_so_no_dust_is_stuck() -> None:
    desk = Desk()
    desk.place("buy", "market", "0.01")
    with pytest.raises(errors.InvalidOrderError):
        desk.place("sell", "market", "0.000001")
    desk.place("sell", "market", "0.01")
    position = desk.account.position(BTC)
    assert (position.amount, position.cost) == (D(0), D(0))


def test_hourly_samples_stand_on_full_hours() -> None:
    desk = Desk()
    desk.place("buy", "market", "0.1")
    for _ in range(60 * 4 + 1):
        desk.tick("51000")
    commit = desk.look()
    assert commit is not None
    assert [(point.at, point.equity) for point in commit.samples] == [
        (START + timedelta(hours=1), D(10000) - D("5000.1") - D("5.0001") + D(5100))
    ]


def test_exits_of_what_an_ioc_order_filled_outlive_its_rest() -> None:
    desk = Desk("100000")
    desk.book(("0", "0.4"))
    ioc = TimeInForce.IOC
    entry = desk.place("buy", "limit", "1", price="50001", time_in_force=ioc, stop_loss=ExitSpec(percent=D(2)))
    assert (entry.status, entry.filled_amount) == (OrderStatus.CANCELLED, D("0.4"))
    stop = desk.order(entry.order_id[:-1] + "2")
    assert (stop.status, stop.amount, desk.locked("BTC")) == (OrderStatus.OPEN, D("0.4"), D("0.4"))


def test_partial_fills_never_cost_more_than_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MARKETS, BTC, replace(MARKETS[BTC], lot_step=D("0.00000001")))
    # 0.00020002 x 49,000.01 = 9.8009820002, kept in 8 places; the fee is a thousandth of it.
    desk = Desk("9.81078300")
    order = desk.place("buy", "limit", "0.00020002", price="49000.01")
    assert desk.free("USDT") == 0
    for _ in range(3):
        desk.tick("48000", volume="0.0008001")
        desk.look()
    filled = desk.order(order.order_id)
    assert (filled.status, filled.fill_count) == (OrderStatus.FILLED, 3)
    assert sum((fill.quote for commit in desk.commits for fill in commit.fills), D(0)) == D("9.80098201")
    assert filled.fee == D("0.00980099")


def test_a_purchase_after_a_fall_is_no_peak() -> None:
    desk = Desk(limits=replace(WIDE, max_drawdown_percent=D(5)))
    desk.place("buy", "market", "0.05")
    desk.tick("50000")
    desk.look()
    peak = desk.account.peak
    desk.prices[BTC] = D(48000)
    desk.place("buy", "market", "0.1")
    assert desk.account.peak == peak


def test_a_loss_made_by_the_last_sale_still_cancels_what_buys() -> None:
    desk = Desk(limits=replace(WIDE, daily_loss_limit_usd=D(100)))
    desk.place("buy", "market", "0.1")
    bid = desk.place("buy", "limit", "0.01", price="40000")
    desk.prices[BTC] = D(48000)
    desk.place("sell", "market", "0.1")
    desk.tick("48000")
    desk.look()
    assert desk.account.status == "paused"
    assert desk.order(bid.order_id).status is OrderStatus.CANCELLED


def test_a_loss_limit_cancels_the_buys_of_a_wallet_its_owner_paused() -> None:
    desk = Desk(limits=replace(WIDE, daily_loss_limit_usd=D(100)))
    desk.place("buy", "market", "0.1")
    bid = desk.place("buy", "limit", "0.01", price="40000")
    desk.do(SetStatus("paused", "owner", "lunch"))
    desk.tick("48000")
    desk.look()
    assert (desk.account.status, desk.account.reason) == ("paused", "lunch")
    assert desk.order(bid.order_id).status is OrderStatus.CANCELLED


def test_an_order_that_expired_before_a_pause_is_expired_whenever_one_looks() -> None:
    for looks in (False, True):
        desk = Desk(limits=replace(WIDE, daily_loss_limit_usd=D(100)))
        desk.place("buy", "market", "0.1", symbol=ETH)
        desk.now += timedelta(seconds=5)
        until = desk.now + timedelta(seconds=2)
        late = desk.place("buy", "limit", "0.01", price="40000", time_in_force=TimeInForce.GTD, expires_at=until)
        desk.now += timedelta(seconds=5)
        if looks:
            desk.look()
        desk.now = START
        desk.tick("1000", ETH)
        desk.look()
        assert desk.account.status == "paused"
        assert desk.order(late.order_id).status is OrderStatus.EXPIRED


def test_hours_are_sampled_while_something_is_at_stake_and_once_after() -> None:
    desk = Desk()
    until = START + timedelta(minutes=30)
    desk.place("buy", "limit", "0.01", price="40000", time_in_force=TimeInForce.GTD, expires_at=until)
    for _ in range(60 * 4):
        desk.tick("51000")
    commit = desk.look()
    assert commit is not None
    assert [(point.at, point.equity) for point in commit.samples] == [(START + timedelta(hours=1), D(10000))]


@pytest.mark.parametrize("every", [1, 7, 60 * 4, 60 * 4 * 20])
def test_equity_that_stands_still_is_told_by_its_first_hour_and_its_first_day(every: int) -> None:
    desk = Desk()
    desk.place("buy", "market", "0.1")
    desk.place("sell", "take_profit", "0.1", stop_price="52000")
    until = START + timedelta(days=2)
    while desk.now < until:
        desk.tick("53000" if desk.now >= START + timedelta(minutes=80) else "50000")
        if (desk.now - START) // STEP % every == 0:
            desk.look()
    desk.place("buy", "market", "0.01")

    told = {point.at: point.equity for commit in desk.commits for point in commit.samples}
    hours = [START + timedelta(hours=number) for number in (0, 1, 2, 12)]
    assert list(told) == hours
    assert told[hours[2]] == told[hours[3]] > told[hours[0]] > told[hours[1]]


def test_points_without_a_sane_price_are_skipped() -> None:
    desk = Desk()
    desk.place("buy", "market", "0.05")
    desk.place("sell", "stop_loss", "0.05", stop_price="40000")
    desk.place("buy", "limit", "0.01", price="40000")
    for price, half in (("0", "1"), ("-1", "1"), ("30000", "-1"), ("30000", "30000")):
        desk.half = D(half)
        desk.tick(price)
        assert desk.look() is None
    assert desk.account.peak == D(10000)


def test_a_quoted_sale_brings_what_it_says_far_below_the_best_bid() -> None:
    desk = Desk()
    desk.place("buy", "market", "0.1")
    desk.book(("0", "0.001"), ("30000", "10"))
    sold = desk.place("sell", "market", quote_amount="1000")
    assert sold.filled_quote - sold.fee >= 1000


def test_a_fork_is_worth_what_the_market_says_now() -> None:
    desk = Desk(limits=replace(WIDE, max_drawdown_percent=D(5)))
    desk.place("buy", "market", "0.1")
    fork = lifecycle.fork_account("copy", desk.account, desk.account.terms, desk.now, {BTC: D(30000)})
    assert fork.after.peak == desk.free("USDT") + 3000
    assert fork.after.marks == {BTC: D(30000)}


def test_a_full_wallet_still_takes_orders_that_stay_open_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "MAX_OPEN_ORDERS", 2)
    desk = Desk("100000")
    desk.place("buy", "market", "0.1")
    desk.place("buy", "limit", "0.01", price="40000")
    with pytest.raises(errors.RateLimitExceededError):
        desk.place("buy", "limit", "0.01", price="40000", stop_loss=ExitSpec())
    desk.place("buy", "limit", "0.01", price="40000")
    with pytest.raises(errors.RateLimitExceededError):
        desk.place("buy", "limit", "0.01", price="40000")
    desk.do(ClosePosition(BTC))
    assert desk.account.holding("BTC").total == 0


def test_an_exit_without_a_place_is_refused_before_funds_are_looked_at() -> None:
    with pytest.raises(errors.InvalidOrderError):
        Desk("10", limits=None).place("buy", "market", "1", stop_loss=ExitSpec())


def test_the_path_ends_with_the_last_order_whenever_one_looks() -> None:
    for looks in (False, True):
        desk = Desk()
        desk.place("buy", "market", "0.1")
        desk.prices[BTC] = D(49000)
        desk.place("sell", "market", "0.1")
        at = START + timedelta(seconds=5)
        desk.place("buy", "limit", "0.01", price="40000", time_in_force=TimeInForce.GTD, expires_at=at)
        desk.do(SetLimits(replace(WIDE, daily_loss_limit_usd=D(50))))
        if looks:
            desk.now = at
            desk.look()
            desk.now = START
        desk.tick("49000")
        desk.look()
        assert desk.account.status == "active"


def test_a_sale_never_costs_more_than_it_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MARKETS, BTC, replace(MARKETS[BTC], lot_step=D("0.00000001")))
    monkeypatch.setattr(money, "_FIAT", frozenset({"USDT"}))
    # 0.01 x 3,001 = 30.01, and 0.0301 of fee: nothing is left.
    desk = Desk("30.0401")
    desk.prices[BTC] = D(3000)
    desk.place("buy", "market", "0.01")
    order = desk.place("sell", "limit", "0.01", price="3100")
    desk.tick("3200", volume="0.0000001")
    desk.look()
    # 0.00000001 x 3,100 is less than the smallest unit; the fee of one waits for the next fill.
    assert (desk.free("USDT"), desk.order(order.order_id).fee) == (D(0), D(0))
    desk.tick("3200")
    desk.look()
    assert desk.order(order.order_id).fee == D("0.031")
    assert desk.free("USDT") == D("30.969")


def test_the_amount_suggested_for_the_funds_there_are_is_affordable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MARKETS, BTC, replace(MARKETS[BTC], lot_step=D("0.00000001")))
    monkeypatch.setattr(money, "_FIAT", frozenset({"USDT"}))
    desk = Desk("100")
    with pytest.raises(errors.InsufficientBalanceError) as refused:
        desk.place("buy", "limit", "0.003", price="49999")
    suggested = refused.value.members["suggested_amount"]
    desk.place("buy", "limit", str(suggested), price="49999")


def test_a_limit_that_waited_for_the_market_to_open_takes_what_the_opening_offers() -> None:
    desk = Desk("100000")
    marks = {BTC: D(50000)}
    closed = Basis(MARKETS[BTC], desk.snapshot(BTC), marks, D(1), is_open=False)
    order = Place(BTC, OrderSide.BUY, OrderType.LIMIT, D(1), price=D(52000))
    placed = desk._keep(deciding.decide(desk._walk(), order, closed)).orders[0]
    desk.tick("51000", volume="4")
    desk.look()
    opened = desk.order(placed.order_id)
    assert (opened.filled_amount, opened.average_fill_price) == (D("0.4"), D(51001))
    desk.tick("51500", volume="100")
    desk.look()
    # What the opening left over rests, and is met at its limit like any other.
    assert desk.commits[-1].fills[0].liquidity == "maker"
    assert desk.order(placed.order_id).filled_quote == D("0.4") * 51001 + D("0.6") * 52000
