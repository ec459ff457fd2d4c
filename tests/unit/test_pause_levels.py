"""A paused paper wallet: what each level refuses and cancels, and how the pauses of version 1 of the rules count."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain import errors
from moniqo_core.domain.ledger.commands import CancelOrder, ResetAccount
from moniqo_core.domain.ledger.rules import ALL_RULES
from moniqo_core.domain.orders.order import OrderStatus
from moniqo_core.domain.orders.request import ClosePosition, ExitSpec
from moniqo_core.domain.paper import decide
from moniqo_core.domain.paper.account_rules import pause_level_of
from moniqo_core.domain.wallets.lifecycle_commands import SetLimits, SetStatus
from moniqo_core.domain.wallets.pause_level import PauseLevel
from tests.support.engine_harness import BTC, ETH, START, WIDE, EngineHarness

D = Decimal
FULL, REDUCE_ONLY = PauseLevel.FULL, PauseLevel.REDUCE_ONLY
LOSSES = replace(WIDE, daily_loss_limit_usd=D(100))


def pause(harness: EngineHarness, level: PauseLevel | None = None, **given: Any) -> None:
    harness.do(SetStatus("paused", "owner", "lunch", level, **given))


def at_limit() -> EngineHarness:
    """Return a wallet that lost more than its daily limit and still holds 0.1 BTC."""
    harness = EngineHarness("10000", LOSSES)
    harness.place("buy", "market", "0.1")
    harness.tick("48000")
    harness.evaluate()
    assert (harness.account.status, harness.account.paused_by_limit) == ("paused", True)
    return harness


def refusal(harness: EngineHarness, side: str, kind: str, amount: str, **fields: Any) -> errors.WalletPausedError:
    with pytest.raises(errors.WalletPausedError) as refused:
        harness.place(side, kind, amount, **fields)
    return refused.value


def test_wallet_stopped_by_a_loss_limit_sells_closes_protects_and_cancels() -> None:
    harness = at_limit()
    assert harness.place("sell", "market", "0.01").status is OrderStatus.FILLED
    protected = harness.place("sell", "stop_loss", "0.02", stop_price="47000")
    harness.place("sell", "trailing_stop", "0.02", trail_percent="5")
    harness.place("sell", "limit", "0.02", price="52000")
    harness.do(CancelOrder(protected.order_id))
    harness.do(ClosePosition(BTC))
    assert harness.free("BTC") == 0
    assert harness.account.status == "paused"


def test_wallet_stopped_by_a_loss_limit_buys_nothing_and_says_what_still_works() -> None:
    harness = at_limit()
    for fields in ({"kind": "market"}, {"kind": "limit", "price": "40000"}):
        refused = refusal(harness, "buy", amount="0.01", **fields)
        assert refused.members["level"] == "reduce_only"
        assert "Selling, closing, protecting and cancelling still work." in refused.detail
        # Resuming would be refused, so the hint names what ends the breach.
        assert "PATCH /wallets/{id}" in refused.advice
    with pytest.raises(errors.ConflictError):
        harness.do(SetStatus("active", "owner"))
    harness.do(SetLimits(WIDE))
    assert "PATCH" not in refusal(harness, "buy", "market", "0.01").advice
    harness.do(SetStatus("active", "owner"))
    harness.place("buy", "market", "0.01")


def test_pause_is_reduce_only_and_cancels_what_opens() -> None:
    harness = EngineHarness("100000")
    harness.place("buy", "market", "0.2")
    sale = harness.place("sell", "limit", "0.05", price="55000")
    stop = harness.place("sell", "stop_loss", "0.05", stop_price="45000")
    buy = harness.place("buy", "limit", "0.1", price="49000", stop_loss=ExitSpec(percent=D(2)))
    other = harness.place("buy", "stop_limit", "0.1", ETH, price="3300", stop_price="3200")
    pause(harness)
    assert pause_level_of(harness.account) is REDUCE_ONLY
    assert set(harness.account.orders) == {sale.order_id, stop.order_id}
    assert [harness.order(name).status for name in (buy.order_id, other.order_id)] == ["cancelled", "cancelled"]
    assert harness.locked("USDT") == 0
    refused = refusal(harness, "buy", "market", "0.01")
    assert (refused.members["level"], refused.members["reason"]) == ("reduce_only", "lunch")
    assert (
        refused.advice
        == 'Resume the wallet: send {"confirm": true} to POST /wallets/{id}/resume. Then place the order again.'
    )
    harness.place("sell", "market", "0.01")


def test_exits_of_a_partly_filled_entry_stay_when_a_pause_cancels_its_rest() -> None:
    harness = EngineHarness("100000")
    entry = harness.place("buy", "limit", "1", price="49000", stop_loss=ExitSpec(percent=D(2)))
    harness.tick("48990", volume="4")
    harness.evaluate()
    pause(harness, FULL)
    (left,) = harness.account.orders.values()
    assert (left.entry, left.amount, left.status) == (entry.order_id, D("0.4"), OrderStatus.OPEN)
    harness.tick("47000")
    harness.evaluate()
    assert harness.free("BTC") == 0


def test_pause_that_keeps_orders_lets_them_fill() -> None:
    harness = EngineHarness("100000")
    buy = harness.place("buy", "limit", "0.1", price="49000")
    pause(harness, keep_orders=True)
    harness.tick("48000")
    harness.evaluate()
    assert harness.order(buy.order_id).status is OrderStatus.FILLED


def test_full_pause_accepts_cancellations_only() -> None:
    harness = EngineHarness("100000")
    harness.place("buy", "market", "0.2")
    sale = harness.place("sell", "limit", "0.05", price="55000")
    pause(harness, FULL)
    refused = refusal(harness, "sell", "market", "0.01")
    assert refused.members["level"] == "full"
    assert "Only cancelling works" in refused.detail
    with pytest.raises(errors.WalletPausedError):
        harness.do(ClosePosition(BTC))
    harness.do(CancelOrder(sale.order_id))
    # The next step that the hint names works.
    assert '{"level": "reduce_only"}' in refused.advice
    pause(harness, REDUCE_ONLY)
    harness.place("sell", "market", "0.01")


def test_level_of_a_pause_can_be_changed_but_not_by_chance() -> None:
    harness = EngineHarness()
    pause(harness, FULL)
    for level in (None, FULL):
        with pytest.raises(errors.ConflictError):
            pause(harness, level)
    assert pause_level_of(harness.account) is FULL
    pause(harness, REDUCE_ONLY)
    for level in (None, REDUCE_ONLY):
        with pytest.raises(errors.ConflictError):
            pause(harness, level)


def test_suspension_keeps_the_level_of_the_pause() -> None:
    harness = at_limit()
    harness.do(SetStatus("suspended", "admin", "review"))
    with pytest.raises(errors.WalletSuspendedError):
        harness.place("sell", "market", "0.01")
    harness.do(SetStatus("paused", "admin", "cleared"))
    assert pause_level_of(harness.account) is REDUCE_ONLY
    pause(harness, FULL)
    harness.do(SetStatus("suspended", "admin", "review"))
    harness.do(SetStatus("paused", "admin", "cleared"))
    assert pause_level_of(harness.account) is FULL


def test_reset_ends_a_pause_by_a_limit_and_keeps_that_of_the_owner() -> None:
    harness = at_limit()
    harness.do(ResetAccount())
    assert (harness.account.status, harness.account.pause_level) == ("active", None)
    pause(harness, FULL)
    harness.do(ResetAccount())
    assert pause_level_of(harness.account) is FULL


def test_version_1_keeps_orders_and_refuses_all_while_paused() -> None:
    harness = EngineHarness("100000")
    harness.rules = ALL_RULES[1]
    harness.place("buy", "market", "0.1")
    buy = harness.place("buy", "limit", "0.1", price="49000")
    harness.do(SetStatus("paused", "owner", "lunch"))
    assert list(harness.account.orders) == [buy.order_id]
    with pytest.raises(errors.WalletPausedError):
        harness.place("sell", "market", "0.01")
    harness.do(SetStatus("active", "owner"))


def test_stored_pauses_count_as_full_for_an_owner_and_reduce_only_for_a_limit() -> None:
    harness = EngineHarness("100000", replace(LOSSES, daily_loss_limit_usd=D(1000)))
    harness.rules = ALL_RULES[1]
    harness.place("buy", "market", "0.1")
    harness.do(SetStatus("paused", "owner", "lunch"))
    harness.rules = ALL_RULES[2]
    assert refusal(harness, "sell", "market", "0.01").members["level"] == "full"
    harness.do(SetStatus("active", "owner"))
    harness.rules = ALL_RULES[1]
    harness.tick("30000")
    harness.evaluate()
    assert harness.account.status == "paused"
    harness.rules = ALL_RULES[2]
    harness.place("sell", "market", "0.01")


def test_hint_after_the_day_of_a_daily_limit_is_to_resume() -> None:
    harness = at_limit()
    harness.now = START + timedelta(days=1)
    harness.tick("48000")
    harness.evaluate()
    assert refusal(harness, "buy", "market", "0.01").advice.startswith("Resume the wallet")
    decide.decide(harness.walk(), SetStatus("active", "owner"), None)
