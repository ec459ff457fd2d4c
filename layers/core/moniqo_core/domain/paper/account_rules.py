"""The status of a demo account, how it changes and which orders it forbids, and the symbols that the account trades."""

from __future__ import annotations

from moniqo_core.domain.errors import InvalidSymbolError, WalletSuspendedError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.matching.equity_samples import equity_of
from moniqo_core.domain.matching.order_closing import cancel_buys
from moniqo_core.domain.money import exact
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.risk.loss_limits import LossLimitBreach, find_breach
from moniqo_core.domain.wallets.lifecycle_commands import Reinstate, SetStatus, Suspend
from moniqo_core.domain.wallets.pause_level import PauseLevel, refuse_while_paused
from moniqo_core.domain.wallets.status_changes import (
    check_status_change,
    check_suspended,
    pause_level_after,
    status_after_suspension,
)


def check_account_status(draft: AccountDraft, side: OrderSide) -> None:
    """Refuse an order that the status of the account forbids: all while suspended, some or all while paused.

    Raises:
        WalletSuspendedError, WalletPausedError: the status forbids the order.

    """
    if draft.status == "suspended":
        raise WalletSuspendedError("The wallet is suspended.", reason=draft.reason)
    level = pause_level_of(draft)
    if level is not None:
        if not draft.rules.pauses_have_levels:
            level = PauseLevel.FULL
        refuse_while_paused(level, side, draft.reason, limit_reached=loss_limit_breach(draft) is not None)


def pause_level_of(account: Account | AccountDraft) -> PauseLevel | None:
    """Return the level of a paused account, or None if it is not paused.

    A pause by a loss limit is reduce-only. A pause by the owner that version 1 of the rules decided is full.
    """
    if account.status != "paused":
        return None
    return account.pause_level or (PauseLevel.REDUCE_ONLY if account.paused_by_limit else PauseLevel.FULL)


def loss_limit_breach(draft: AccountDraft) -> LossLimitBreach | None:
    """Return the loss limit that the account reaches at the last prices of its path, if any."""
    limits = draft.account.limits
    if limits is None:
        return None
    return find_breach(limits, equity_of(draft), draft.day, draft.peak, draft.usd_rate)


def check_account_symbol(account: Account, symbol: str, quote: str) -> None:
    """Refuse a symbol that this account does not trade, with InvalidSymbolError."""
    terms = account.terms
    if quote != terms.cash_asset or (terms.symbols is not None and symbol not in terms.symbols):
        raise InvalidSymbolError(
            f"This wallet does not trade {symbol}. Its cash asset is {terms.cash_asset}.", symbol=symbol
        )


def set_status(draft: AccountDraft, change: SetStatus) -> Commit:
    """Change the status. A pause by the owner cancels the open buys, unless it keeps them. Other orders stay.

    Raises:
        ConflictError: The status cannot change this way, or a loss limit is still reached and would pause the wallet
            again at once.
        WalletSuspendedError: Only an admin can lift a suspension.

    """
    level = pause_level_of(draft)
    check_status_change(draft.status, level, change)
    with exact():
        reached = loss_limit_breach(draft) if change.status == "active" else None
        if reached is not None:
            raise reached.still(
                "Change risk_limits with PATCH /wallets/{id}, or use POST /wallets/{id}/reset."
                " A daily limit also ends with the day."
            )
        if draft.rules.pauses_have_levels:
            draft.pause_level = pause_level_after(level or draft.pause_level, change)
            if change.status == "paused" and change.by == "owner" and not change.keep_orders:
                cancel_buys(draft, draft.at)
        draft.status, draft.reason, draft.paused_by_limit = change.status, change.reason, change.by_limit
        draft.status_before_suspension = change.before if change.status == "suspended" else None
        return draft.commit(change)


def suspend(draft: AccountDraft, request: Suspend) -> Commit:
    """Suspend the wallet, and record the status to restore. Raise ConflictError if it is suspended already."""
    return set_status(
        draft, SetStatus("suspended", "admin", request.reason, before=draft.status, by_limit=draft.paused_by_limit)
    )


def reinstate(draft: AccountDraft, request: Reinstate) -> Commit:
    """Lift a suspension. A wallet that was paused, or whose loss limit is reached, is paused afterwards.

    Raises:
        ConflictError: The wallet is not suspended.

    """
    check_suspended(draft.status)
    before = draft.status_before_suspension or request.before
    with exact():
        reached = loss_limit_breach(draft) is not None
    status = status_after_suspension(before, loss_limit_reached=reached)
    by_limit = draft.paused_by_limit or (reached and before != "paused")
    return set_status(draft, SetStatus(status.value, "admin", request.reason, before="suspended", by_limit=by_limit))
