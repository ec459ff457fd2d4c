"""Checks that a demo account accepts orders, and that it trades a symbol."""

from __future__ import annotations

from moniqo_core.domain.errors import (
    InvalidSymbolError,
    WalletPausedError,
    WalletSuspendedError,
)
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.account_draft import AccountDraft


def check_account_status(account: Account | AccountDraft) -> None:
    """Refuse orders while the account is paused or suspended."""
    if account.status == "suspended":
        raise WalletSuspendedError("The wallet is suspended.", reason=account.reason)
    if account.status == "paused":
        raise WalletPausedError("The wallet is paused.", reason=account.reason)


def check_account_symbol(account: Account, symbol: str, quote: str) -> None:
    """Refuse a symbol that this account does not trade."""
    terms = account.terms
    if quote != terms.cash_asset or (terms.symbols is not None and symbol not in terms.symbols):
        raise InvalidSymbolError(
            f"This wallet does not trade {symbol}. Its cash asset is {terms.cash_asset}.", symbol=symbol
        )
