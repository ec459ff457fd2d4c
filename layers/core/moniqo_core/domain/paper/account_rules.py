"""Checks that a demo account accepts orders, and that it trades a symbol."""

from __future__ import annotations

from moniqo_core.domain.errors import InvalidSymbolError, WalletSuspendedError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.matching.equity_samples import equity_of
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.risk.loss_limits import LossLimitBreach, find_breach
from moniqo_core.domain.wallets.pause_level import PauseLevel, refuse_while_paused


def check_account_status(draft: AccountDraft, side: OrderSide) -> None:
    """Refuse an order that the status of the account forbids: all while suspended, some or all while paused."""
    if draft.status == "suspended":
        raise WalletSuspendedError("The wallet is suspended.", reason=draft.reason)
    level = pause_level_of(draft)
    if level is not None:
        if not draft.rules.pauses_have_levels:
            level = PauseLevel.FULL
        refuse_while_paused(level, side, draft.reason, limit_reached=loss_limit_breach(draft) is not None)


def pause_level_of(account: Account | AccountDraft) -> PauseLevel | None:
    """Return the level of a paused account, or None if it is not paused.

    A pause by a loss limit is reduce-only. One by its owner that version 1 of the rules decided is a full one.
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
    """Refuse a symbol that this account does not trade."""
    terms = account.terms
    if quote != terms.cash_asset or (terms.symbols is not None and symbol not in terms.symbols):
        raise InvalidSymbolError(
            f"This wallet does not trade {symbol}. Its cash asset is {terms.cash_asset}.", symbol=symbol
        )
