"""Losses of a live wallet, measured from one sync of its account to the next. Reaching a limit pauses the wallet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from moniqo_core.domain.errors import RiskLimitExceededError
from moniqo_core.domain.money import ONE, ZERO, exact
from moniqo_core.domain.orders.rule_check import Numbers
from moniqo_core.domain.portfolio.balance_equation import EquationLine
from moniqo_core.domain.risk.loss_limits import (
    LocalDay,
    LossLimitBreach,
    find_breach,
    local_day_start,
    next_local_midnight,
)
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import (
    STOPPED_STATUSES,
    BalanceSnapshot,
    LossBaseline,
    UserWallet,
    UserWalletStatus,
)

RECENT_EQUITY_AGE: Final = timedelta(days=1)
"""How old an equity may be to count as the start of a day. Without one, the day starts with its first measurement."""

SMALLEST_TRANSFER_USD: Final = Decimal("0.01")
"""In US dollars. A smaller residue is rounding, or an amount that no order can sell."""

_SHOWN: Final = Decimal("0.00000001")


def baseline_at(wallet: UserWallet, equity: Decimal, now: datetime, paid_in: Decimal = ZERO) -> LossBaseline:
    """Return the baseline for losses when a wallet is worth ``equity``. ``wallet`` is as the last sync left it.

    A day begins with the last equity measured before it, if that was within 24 hours. Otherwise it begins with the
    present equity less ``paid_in``. A new time zone takes effect with the next day. ``paid_in`` was deposited since
    the last sync (withdrawn if negative), and is neither gain nor loss.
    """
    before, last = wallet.baseline, wallet.balance
    if before is None or now >= before.until:
        zone = wallet.risk_limits.timezone
        is_recent = (
            last.last_synced_at is not None and last.last_synced_at >= local_day_start(now, zone) - RECENT_EQUITY_AGE
        )
        start = equity - paid_in if last.total_value_usd is None or not is_recent else last.total_value_usd
        before = LossBaseline(start, start, start if before is None else before.peak, next_local_midnight(now, zone))
    with exact():
        moved = _moved(before, equity, paid_in)
    return moved._replace(peak=max(moved.peak, equity))


def _moved(baseline: LossBaseline, equity: Decimal, paid_in: Decimal) -> LossBaseline:
    """Adjust the baseline for a transfer, so that the losses in dollars and in percent stay the same."""
    if not paid_in:
        return baseline
    start, own = baseline.day_start + paid_in, equity - paid_in
    if own < SMALLEST_TRANSFER_USD:  # everything in the account was just paid in
        return baseline._replace(day_start=start, percent_from=equity, peak=equity)
    percent_from, peak = ((amount * equity / own).quantize(_SHOWN) for amount in (baseline.percent_from, baseline.peak))
    return LossBaseline(start, percent_from, peak, baseline.until)


def paid_in_usd(equation: Sequence[EquationLine] | None, before: BalanceSnapshot, after: BalanceSnapshot) -> Decimal:
    """Return the deposits minus the withdrawals between two snapshots, in US dollars at their prices.

    Venues do not report transfers, so they are taken from the residues of the balance equation. Residues of both signs
    are an exchange without a reported fill and count as a trading result. Residues worth less than a cent are ignored.
    """
    with exact():
        prices = {
            held.asset: held.value_usd / held.total
            for held in (*before.assets, *after.assets)
            if held.total and held.value_usd is not None
        }
        left = [(line.residue, prices.get(line.asset)) for line in equation or () if line.residue]
        counted = [
            (amount, price) for amount, price in left if price is None or abs(amount * price) >= SMALLEST_TRANSFER_USD
        ]
        if len({amount > 0 for amount, _ in counted}) != 1:
            return ZERO
        return sum((amount * price for amount, price in counted if price is not None), ZERO)


def reached_loss_limit(wallet: UserWallet, baseline: LossBaseline, equity: Decimal) -> LossLimitBreach | None:
    """Return the loss limit that a wallet worth ``equity`` reaches, if any."""
    day = LocalDay(baseline.day_start, baseline.until)
    with exact():
        return find_breach(wallet.risk_limits, equity, day, baseline.peak, ONE, baseline.percent_from)


def paused_by_loss(wallet: UserWallet, found: LossLimitBreach) -> UserWallet:
    """Pause a wallet that is in use. Whatever its status, mark its open buys for cancellation."""
    if wallet.status in STOPPED_STATUSES:
        return replace(wallet, buys_stopped=True)
    return replace(
        wallet,
        status=UserWalletStatus.PAUSED,
        status_reason=found.reason,
        pause_level=PauseLevel.REDUCE_ONLY,
        buys_stopped=True,
    )


def last_known_breach(wallet: UserWallet) -> LossLimitBreach | None:
    """Return the loss limit that the wallet reached at its last sync, if any."""
    equity = wallet.balance.total_value_usd
    if equity is None or wallet.baseline is None:
        return None
    return reached_loss_limit(wallet, wallet.baseline, equity)


def check_losses(wallet: UserWallet, equity: Decimal | None, now: datetime) -> None:
    """Refuse a buy order while a loss limit is reached, or while the losses are unknown."""
    if equity is None:
        raise RiskLimitExceededError(
            "An asset held in this wallet has no price, so the loss limits cannot be checked.",
            limit_type="daily_loss_limit",
            hint="Try again when the venue prices it. Sell orders are still accepted.",
        )
    found = reached_loss_limit(wallet, baseline_at(wallet, equity, now), equity)
    if found is not None:
        raise found.refusal()


def loss_numbers(wallet: UserWallet, equity: Decimal | None, now: datetime) -> Numbers:
    """Return the current losses and the loss limits."""
    limits = wallet.risk_limits
    return {
        "equity": equity,
        "daily_loss": None if equity is None else baseline_at(wallet, equity, now).day_start - equity,
        "daily_loss_limit_usd": limits.daily_loss_limit_usd,
        "daily_loss_limit_percent": limits.daily_loss_limit_percent,
        "max_drawdown_percent": limits.max_drawdown_percent,
    }
