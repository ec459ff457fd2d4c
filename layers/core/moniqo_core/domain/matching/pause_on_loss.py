"""The loss limits of a demo wallet, checked along the path. Reaching one pauses the wallet and cancels its buys."""

from __future__ import annotations

from datetime import datetime

from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.matching.equity_samples import equity_of
from moniqo_core.domain.matching.order_closing import cancel_buys
from moniqo_core.domain.risk.loss_limits import LocalDay, find_breach, next_local_midnight


def begin_local_day(draft: AccountDraft, at: datetime) -> None:
    """Begin the owner's local day that contains ``at``, unless it has begun.

    A new time zone takes effect with the next day.
    """
    if draft.day is None or at >= draft.day.until:
        zone = draft.account.limits.timezone if draft.account.limits else "UTC"
        draft.day = LocalDay(equity_of(draft), next_local_midnight(at, zone))


def enforce_loss_limits(draft: AccountDraft, at: datetime, *, buying: bool) -> bool:
    """Update the peak, and pause the wallet and cancel its buys if a loss limit is reached.

    Exits stay open. A wallet that is not active keeps its status. ``buying`` tells whether the wallet may have open
    buys. Return whether a limit was enforced.
    """
    limits = draft.account.limits
    equity = equity_of(draft)
    draft.peak = max(draft.peak, equity)
    if limits is None or (draft.status != "active" and not buying):
        return False
    reached = find_breach(limits, equity, draft.day, draft.peak, draft.usd_rate)
    if reached is None:
        return False
    if draft.status == "active":
        draft.status, draft.paused_by_limit = "paused", True
        draft.reason = reached.reason
    cancel_buys(draft, at)
    return True
