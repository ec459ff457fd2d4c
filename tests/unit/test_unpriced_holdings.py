"""A live account whose holdings lose their price, from one sync to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from moniqo_core.domain.live.loss_limits import check_losses, loss_numbers
from moniqo_core.domain.sync.account_statement import AccountStatement
from moniqo_core.domain.sync.outcome import scheduled_run
from moniqo_core.domain.sync.outcome_rules import succeeded
from moniqo_core.domain.wallets.user_wallet import LossBaseline, UserWallet
from moniqo_core.wallets.base import WalletBalance
from moniqo_core.wallets.exchange.holdings import valued
from tests.unit.test_live_losses import MIDNIGHT, NOON, held, wallet

D = Decimal
X_PRICED = {"X/USDT": D(7500)}


def synced(wallet: UserWallet, mids: dict[str, Decimal], at: datetime, **totals: str) -> UserWallet:
    """Return a wallet after a sync that finds these totals and prices."""
    balances = [WalletBalance(asset, D(total), D(0)) for asset, total in totals.items()]
    statement = AccountStatement(valued(balances, mids, at))
    return succeeded(scheduled_run(wallet.id, at, at), wallet, statement, at).after


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
