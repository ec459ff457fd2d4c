"""The life of a demo account: opening, pausing, suspending, changing limits, closing."""

from __future__ import annotations

from datetime import datetime

from moniqo.domain.command import Close, Open, SetLimits, SetStatus
from moniqo.domain.errors import ConflictError, WalletInUseError, WalletSuspendedError
from moniqo.domain.filling import end
from moniqo.domain.ledger import Account, AccountTerms, Book, Commit, Draft, first_account
from moniqo.domain.money import exact
from moniqo.domain.order import OrderStatus
from moniqo.domain.trading import base_of


def open_account(user_wallet_id: str, terms: AccountTerms, now: datetime) -> Commit:
    """Make the first commit: the faucet pays the starting balance."""
    with exact():
        draft = Draft(first_account(user_wallet_id, terms, now), now)
        draft.move(Book.FAUCET, Book.FREE, terms.cash_asset, terms.initial_balance)
        return draft.commit(Open())


def check_transition(current: str, change: SetStatus) -> None:
    """Refuse a change of status that is not open to whoever asks.

    Owners pause and resume; only an administrator suspends and reinstates.

    Raises:
        WalletSuspendedError: the wallet is suspended and an owner wants to change that.
        ConflictError: the wallet is in the wanted status already, or was never in the one to be lifted.

    """
    if current == "suspended" and change.by != "admin":
        raise WalletSuspendedError("the wallet is suspended", wallet_status=current)
    if change.status == current:
        raise ConflictError(f"the wallet is {current} already", wallet_status=current)
    if change.status == "active" and change.by == "admin" and current != "suspended":
        raise ConflictError(f"the wallet is {current}, not suspended", wallet_status=current)


def set_status(account: Account, change: SetStatus, now: datetime) -> Commit:
    """Change the status; open orders stay, cancelling them works in every status."""
    check_transition(account.status, change)
    return Draft(account, now).commit(change, status=change.status, reason=change.reason)


def set_limits(account: Account, change: SetLimits, now: datetime) -> Commit:
    """Replace the risk limits; orders decided before keep the version they were decided by."""
    return Draft(account, now).commit(change, limits=change.limits, limits_version=account.limits_version + 1)


def close(account: Account, change: Close, now: datetime) -> Commit:
    """Delete the account; raises WalletInUseError with open orders or holdings unless forced."""
    held = sorted(symbol for symbol, position in account.positions.items() if position.amount)
    if (account.orders or held) and not change.force:
        raise WalletInUseError(
            f"{len(account.orders)} orders are open and {len(held)} positions are held",
            open_orders=len(account.orders),
            positions=held,
            hint="Cancel the orders and sell the positions, or delete with ?force=true.",
        )
    with exact():
        draft = Draft(account, now)
        for order in account.orders.values():
            end(draft, order, base_of(order), OrderStatus.CANCELLED)
        return draft.commit(change, deleted=True)
