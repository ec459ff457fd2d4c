"""Losses of a live wallet, measured from one sync of its account to the next. Reaching a limit pauses the wallet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from moniqo_core.domain.live.transfers import SMALLEST_TRANSFER_USD
from moniqo_core.domain.money import ONE, ZERO, exact
from moniqo_core.domain.orders.rule_check import Numbers
from moniqo_core.domain.portfolio.valuation import live_total, unpriced
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
    SnapshotAsset,
    UserWallet,
    UserWalletStatus,
)

RECENT_EQUITY_AGE: Final = timedelta(days=1)
"""How old an equity may be to count as the start of a day. Without one, the day starts with its first measurement."""

_SHOWN: Final = Decimal("0.00000001")


def baseline_at(
    wallet: UserWallet,
    equity: Decimal,
    now: datetime,
    paid_in: Decimal = ZERO,
    repriced: Decimal = ZERO,
    *,
    firm: bool = True,
) -> LossBaseline:
    """Return the baseline for losses when a wallet is worth ``equity``. ``wallet`` is as the last sync left it.

    A day begins with the last equity measured before it, if that was within 24 hours. Otherwise it begins with the
    present equity less ``paid_in`` and ``repriced``. A new time zone takes effect with the next day. ``paid_in`` was
    deposited since the last sync (withdrawn if negative), and ``repriced`` is the result of :func:`repriced_usd`. Both
    are neither gain nor loss. ``repriced`` counts only if the last equity is known, since an unknown one moved no
    baseline. An equity that is not ``firm`` sets no peak. If the last equity was not firm, it does not begin a day.
    """
    before, last = wallet.baseline, wallet.balance
    if last.total_value_usd is None:
        repriced = ZERO
    if before is None or now >= before.until:
        zone = wallet.risk_limits.timezone
        is_recent = (
            last.firm
            and last.last_synced_at is not None
            and last.last_synced_at >= local_day_start(now, zone) - RECENT_EQUITY_AGE
        )
        start = equity - paid_in - repriced if last.total_value_usd is None or not is_recent else last.total_value_usd
        peak = before.peak if before is not None else start if firm else ZERO
        before = LossBaseline(start, start, peak, next_local_midnight(now, zone))
    with exact():
        # A price comes or goes before anything else happens, so that later losses count from what is left.
        seen = equity - paid_in - repriced if last.total_value_usd is None else last.total_value_usd
        moved = _moved(_moved(before, seen + repriced, repriced), equity, paid_in)
    return moved._replace(peak=max(moved.peak, equity)) if firm else moved


def _moved(baseline: LossBaseline, equity: Decimal, paid_in: Decimal) -> LossBaseline:
    """Adjust the baseline for a transfer, so that the losses in dollars and in percent stay the same."""
    if not paid_in:
        return baseline
    start, own = baseline.day_start + paid_in, equity - paid_in
    if own < SMALLEST_TRANSFER_USD:  # everything in the account was just paid in
        return baseline._replace(day_start=start, percent_from=equity, peak=ZERO)
    percent_from, peak = ((amount * equity / own).quantize(_SHOWN) for amount in (baseline.percent_from, baseline.peak))
    return LossBaseline(start, percent_from, peak, baseline.until)


def repriced_usd(before: BalanceSnapshot, now: Iterable[SnapshotAsset]) -> Decimal:
    """Return the value of what got a price since a snapshot minus the value of what lost it, in US dollars.

    A price that comes or goes is neither gain nor loss. The holding joins or leaves both sides of every comparison, as
    if it had been paid in or out.
    """
    current = {held.asset: held for held in now if held.total}
    moved = ZERO
    with exact():
        for held in before.assets:
            after = current.get(held.asset)
            if after is None or not held.total:
                continue
            if held.value_usd is None and after.value_usd is not None:
                moved += held.total * after.value_usd / after.total
            elif held.value_usd is not None and after.value_usd is None:
                moved -= after.total * held.value_usd / held.total
    return moved


def reached_loss_limit(wallet: UserWallet, baseline: LossBaseline, equity: Decimal) -> LossLimitBreach | None:
    """Return the loss limit that a wallet worth ``equity`` reaches, if any.

    The drawdown counts from the start of the day while no equity was firm enough for a peak.
    """
    day = LocalDay(baseline.day_start, baseline.until)
    with exact():
        return find_breach(
            wallet.risk_limits, equity, day, baseline.peak or baseline.percent_from, ONE, baseline.percent_from
        )


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


def last_known_breach(wallet: UserWallet, now: datetime) -> LossLimitBreach | None:
    """Return the loss limit that the wallet still reaches if it is worth as much as at its last sync, if any.

    A daily limit ends with the day.
    """
    equity = wallet.balance.total_value_usd
    if equity is None or wallet.baseline is None:
        return None
    return reached_loss_limit(wallet, baseline_at(wallet, equity, now, firm=wallet.balance.firm), equity)


def check_losses(wallet: UserWallet, held: Sequence[SnapshotAsset], now: datetime) -> None:
    """Refuse a buy order while a loss limit is reached. ``held`` is what the wallet holds at its present value.

    Nothing is refused while the equity is not known.

    Raises:
        RiskLimitExceededError: a loss limit is reached.

    """
    equity = live_total(held)
    if equity is None:
        return
    found = reached_loss_limit(wallet, _baseline_now(wallet, held, equity, now), equity)
    if found is not None:
        raise found.refusal()


def loss_numbers(wallet: UserWallet, held: Sequence[SnapshotAsset], now: datetime) -> Numbers:
    """Return the current losses, the loss limits, and the assets without a price, which both leave out."""
    limits, equity = wallet.risk_limits, live_total(held)
    return {
        "equity": equity,
        "daily_loss": None if equity is None else _baseline_now(wallet, held, equity, now).day_start - equity,
        "daily_loss_limit_usd": limits.daily_loss_limit_usd,
        "daily_loss_limit_percent": limits.daily_loss_limit_percent,
        "max_drawdown_percent": limits.max_drawdown_percent,
        "unpriced_assets": unpriced(held),
    }


def _baseline_now(wallet: UserWallet, held: Sequence[SnapshotAsset], equity: Decimal, now: datetime) -> LossBaseline:
    return baseline_at(wallet, equity, now, repriced=repriced_usd(wallet.balance, held))
