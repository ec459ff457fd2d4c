"""A live account whose holdings lose their price, from one sync to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from moniqo_core.domain.errors import RiskLimitExceededError
from moniqo_core.domain.live.loss_limits import check_losses, loss_numbers
from moniqo_core.domain.sync.account_statement import AccountStatement
from moniqo_core.domain.sync.outcome import SyncOutcome, scheduled_run
from moniqo_core.domain.sync.outcome_rules import succeeded
from moniqo_core.domain.wallets.user_wallet import LossBaseline, UserWallet, UserWalletStatus
from moniqo_core.storage.wallets.balance_codec import balance_document, read_balance
from moniqo_core.wallets.base import WalletBalance
from moniqo_core.wallets.exchange.holdings import valued
from tests.unit.test_live_losses import MIDNIGHT, NOON, held, wallet

D = Decimal
X_PRICED = {"X/USDT": D(7500)}


def outcome(wallet: UserWallet, mids: dict[str, Decimal], at: datetime, **totals: str) -> SyncOutcome:
    """Return the outcome of a sync that finds these totals and prices."""
    balances = [WalletBalance(asset, D(total), D(0)) for asset, total in totals.items()]
    statement = AccountStatement(valued(balances, mids, at))
    return succeeded(scheduled_run(wallet.id, at, at), wallet, statement, at)


def synced(wallet: UserWallet, mids: dict[str, Decimal], at: datetime, **totals: str) -> UserWallet:
    return outcome(wallet, mids, at, **totals).after


def curve(unpriced: range, hours: int) -> dict[int, Decimal]:
    """Return the equity stored by hour, of 7,500 USD of X and 100 USDT, with two syncs an hour.

    X has no price in the ``unpriced`` half hours.
    """
    mine, points = wallet(), dict[int, Decimal]()
    for step in range(hours * 2):
        at = NOON + step * timedelta(minutes=30)
        found = outcome(mine, {} if step in unpriced else X_PRICED, at, X="1", USDT="100")
        mine = replace(found.after, balance=read_balance(balance_document(found.after.balance)))
        points |= {(sample.at - NOON) // timedelta(hours=1): sample.equity for sample in found.samples}
    return points


@pytest.mark.parametrize("unpriced", [range(3, 4), range(2, 3), range(3, 8), range(2, 40)])
def test_price_that_is_missing_for_less_than_a_day_makes_no_step_in_the_curve(unpriced: range) -> None:
    points = curve(unpriced, 24)

    assert set(points.values()) == {D(7600)}
    assert points.keys() == {hour for hour in range(24) if hour * 2 not in unpriced}


def test_holding_that_nobody_prices_any_more_stops_the_curve_for_a_day() -> None:
    points = curve(range(4, 1000), 30)

    assert points == {0: D(7600), 1: D(7600)} | {hour: D(100) for hour in range(26, 30)}


def test_holding_that_was_never_priced_stops_no_curve() -> None:
    assert curve(range(1000), 3) == dict.fromkeys(range(3), D(100))


def test_holding_that_arrives_without_a_price_makes_no_step_in_the_curve() -> None:
    mine = synced(wallet(), X_PRICED, NOON, USDT="7600")

    bought = outcome(mine, {}, NOON + timedelta(hours=1), X="1", USDT="100")

    assert bought.samples == ()


@pytest.mark.parametrize("cash", ["0", "0.009", "5"])
def test_price_that_is_missing_once_keeps_the_drawdown(cash: str) -> None:
    begun = LossBaseline(D(10_000), D(10_000), D(10_000), MIDNIGHT)
    mine = synced(wallet(baseline=begun), X_PRICED, NOON, X="1", USDT=cash)

    missing = synced(mine, {}, NOON + timedelta(minutes=5), X="1", USDT=cash)
    back = synced(missing, X_PRICED, NOON + timedelta(minutes=10), X="1", USDT=cash)

    assert missing.balance.unpriced_assets == ("X",)
    assert back.baseline is not None
    assert back.baseline.until == begun.until
    assert [round(amount, 4) for amount in back.baseline[:3]] == [10_000, 10_000, 10_000]


def test_total_is_unknown_only_while_all_but_dust_has_no_price() -> None:
    totals = {
        cash: valued([WalletBalance("X", D(1), D(0)), WalletBalance("USD", D(cash), D(0))], {}, NOON)
        for cash in ("0", "0.009", "0.01")
    }

    assert [found.total_value_usd for found in totals.values()] == [None, None, D("0.01")]
    assert valued([], {}, NOON).total_value_usd == 0


def test_order_is_measured_against_no_unknown_equity() -> None:
    begun = LossBaseline(D(10_000), D(10_000), D(10_000), MIDNIGHT)
    mine = synced(wallet(baseline=begun), X_PRICED, NOON, X="1")
    missing = synced(mine, {}, NOON, X="1")
    now = [held("X", "1", None)]

    check_losses(replace(missing, baseline=begun), now, NOON)

    numbers = loss_numbers(missing, now, NOON)
    assert (numbers["equity"], numbers["daily_loss"], numbers["unpriced_assets"]) == (None, None, ("X",))


def test_debt_beside_an_unpriced_holding_is_a_known_loss() -> None:
    begun = LossBaseline(D(100), D(100), D(100), MIDNIGHT)
    before = replace(wallet("100"), baseline=begun)
    after = synced(before, {}, NOON, USDT="-500", DUST="1")

    assert (after.balance.total_value_usd, after.status) == (D(-500), UserWalletStatus.PAUSED)
    with pytest.raises(RiskLimitExceededError):
        check_losses(before, [held("USDT", "-500", "-500"), held("DUST", "1", None)], NOON)
