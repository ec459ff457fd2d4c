"""The losses of a live wallet, followed from one look at its account to the next; reaching a limit pauses it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from moniqo.domain.account import Day
from moniqo.domain.equity import Breach, breach, day_began, next_midnight
from moniqo.domain.errors import RiskLimitExceededError
from moniqo.domain.money import ONE, exact
from moniqo.domain.rule_numbers import Numbers
from moniqo.domain.user_wallet import STOPPED, LossBaseline, UserWallet, UserWalletStatus

RECENT: Final = timedelta(days=1)
"""How long before a day the equity it begins with may have been seen; without one it begins with the first look."""

RESUME_HINT: Final = "Wait for the next day, or change risk_limits."


def baseline_at(wallet: UserWallet, equity: Decimal, now: datetime) -> LossBaseline:
    """Return what losses count from when ``wallet``, as the last sync left it, is worth ``equity``.

    A day begins with the last equity seen before it. A new time zone holds from the next day.
    """
    before, last = wallet.baseline, wallet.balance
    if before is None or now >= before.until:
        zone = wallet.risk_limits.timezone
        is_recent = last.last_synced_at is not None and last.last_synced_at >= day_began(now, zone) - RECENT
        start = equity if last.total_value_usd is None or not is_recent else last.total_value_usd
        before = LossBaseline(start, start, start if before is None else before.peak, next_midnight(now, zone))
    return before._replace(peak=max(before.peak, equity))


def reached(wallet: UserWallet, baseline: LossBaseline, equity: Decimal) -> Breach | None:
    """Return the loss limit that a wallet worth ``equity`` reaches, if any."""
    day = Day(baseline.day_start, baseline.until)
    with exact():
        return breach(wallet.risk_limits, equity, day, baseline.peak, ONE, baseline.percent_from)


def paused_by(wallet: UserWallet, found: Breach) -> UserWallet:
    """Pause a wallet that is in use; whatever its status, what may still buy is to be cancelled."""
    if wallet.status in STOPPED:
        return replace(wallet, buys_stopped=True)
    return replace(wallet, status=UserWalletStatus.PAUSED, status_reason=found.reason, buys_stopped=True)


def check_losses(wallet: UserWallet, equity: Decimal | None, now: datetime) -> None:
    """Refuse a purchase while a loss limit is reached, or while nobody can tell."""
    if equity is None:
        raise RiskLimitExceededError(
            "whether a loss limit is reached cannot be told: something held has no price",
            limit_type="daily_loss_limit",
            hint="Try again when the venue prices it; sales are not held back.",
        )
    found = reached(wallet, baseline_at(wallet, equity, now), equity)
    if found is not None:
        raise found.refusal()


def loss_numbers(wallet: UserWallet, equity: Decimal | None, now: datetime) -> Numbers:
    """Return the numbers of the loss limits."""
    limits = wallet.risk_limits
    return {
        "equity": equity,
        "daily_loss": None if equity is None else baseline_at(wallet, equity, now).day_start - equity,
        "daily_loss_limit_usd": limits.daily_loss_limit_usd,
        "daily_loss_limit_percent": limits.daily_loss_limit_percent,
        "max_drawdown_percent": limits.max_drawdown_percent,
    }
