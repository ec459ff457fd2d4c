"""The lifecycle of a demo account: open, fork, reset, pause, suspend, change limits, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from moniqo_core.domain.counting import counted
from moniqo_core.domain.errors import ConflictError, WalletInUseError
from moniqo_core.domain.ledger.account import Account, AccountTerms, unopened_account
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commands import OpenAccount, ResetAccount
from moniqo_core.domain.ledger.commit import Commit, LedgerAccount
from moniqo_core.domain.ledger.rules import RULES, Rules
from moniqo_core.domain.matching.equity_samples import equity_of
from moniqo_core.domain.matching.order_closing import close_order
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import OrderStatus
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.domain.risk.limits import changed_limits
from moniqo_core.domain.risk.loss_limits import LocalDay, next_local_midnight
from moniqo_core.domain.wallets.lifecycle_commands import (
    ChangeLimits,
    DeleteWallet,
    SetLimits,
)


def open_account(user_wallet_id: str, terms: AccountTerms, now: datetime, rules: Rules = RULES) -> Commit:
    """Make the first commit, in which the faucet pays the starting balance."""
    with exact():
        draft = AccountDraft(unopened_account(user_wallet_id, terms, now), now, rules)
        draft.move(LedgerAccount.FAUCET, LedgerAccount.FREE, terms.cash_asset, terms.initial_balance)
        return _begin(draft, OpenAccount(), terms.initial_balance)


def fork_account(
    user_wallet_id: str,
    source: Account,
    terms: AccountTerms,
    now: datetime,
    marks: Mapping[str, Decimal],
    rules: Rules = RULES,
) -> Commit:
    """Make the first commit of a copy of ``source``, with its balances and cost basis.

    The copy has no open orders, and its profit starts at zero. ``marks`` are the current mark prices of its holdings,
    so that its losses count from now.
    """
    with exact():
        copied = replace(
            unopened_account(user_wallet_id, terms, now), taken=source.taken, observed_markets=source.observed_markets
        )
        draft = AccountDraft(copied, now, rules)
        for asset, holding in source.balances.items():
            draft.move(LedgerAccount.FAUCET, LedgerAccount.FREE, asset, holding.total)
        for symbol, position in source.positions.items():
            if position.amount:
                draft.positions[symbol] = Position(position.amount, position.cost)
                draft.marks[symbol] = marks[symbol]
                draft.evaluated_until[symbol] = draft.at
        cost = sum((position.cost for position in draft.positions.values()), ZERO)
        opening = draft.holding(terms.cash_asset).total + cost
        origin = f"{source.user_wallet_id}:{source.seq}"
        return _begin(draft, OpenAccount(forked_from=origin), opening, forked_from=origin)


def reset(draft: AccountDraft, command: ResetAccount) -> Commit:
    """Start a new epoch: cancel the orders, return all holdings, and pay the starting balance.

    The balance of the command counts for this epoch only. Without one, it is the balance of the account's terms.
    A pause by a loss limit is lifted, a suspension is not. Liquidity taken from a book stays taken.
    """
    account = draft.account
    opening = account.terms.initial_balance if command.initial_balance is None else command.initial_balance
    with exact():
        for order_id in draft.open_ids():
            order = draft.edit(order_id)
            if order is not None and order.is_open:
                close_order(draft, order, OrderStatus.CANCELLED, draft.at)
        for asset in {**account.balances, **draft.balances}:
            draft.move(LedgerAccount.FREE, LedgerAccount.FAUCET, asset, draft.holding(asset).free)
        draft.move(LedgerAccount.FAUCET, LedgerAccount.FREE, account.terms.cash_asset, opening)
        for symbol in {**account.positions, **draft.positions}:
            draft.positions[symbol] = Position()
        if draft.paused_by_limit and draft.status == "paused":
            draft.status, draft.reason, draft.pause_level = "active", None, None
        elif draft.paused_by_limit and draft.status_before_suspension is not None:
            draft.status_before_suspension, draft.pause_level = "active", None
        draft.paused_by_limit = False
        return _begin(draft, command, opening, epoch=account.epoch + 1)


def _begin(draft: AccountDraft, command: OpenAccount | ResetAccount, opening: Decimal, **changes: str | int) -> Commit:
    """Start an epoch with a new baseline, peak and local day."""
    zone = draft.account.limits.timezone if draft.account.limits else "UTC"
    draft.peak = equity_of(draft)
    draft.idle_since = None
    draft.day = LocalDay(draft.peak, next_local_midnight(draft.at, zone))
    return draft.commit(command, None, opening=opening, **changes)


def change_limits(draft: AccountDraft, request: ChangeLimits) -> Commit:
    """Change some risk limits of those that are stored now.

    Raises:
        ConflictError: The account has no limits.
        ValidationError: No daily loss limit would stay set.

    """
    limits = draft.account.limits
    if limits is None:
        raise ConflictError("This account was opened without risk limits.", hint="Create a wallet with POST /wallets.")
    return set_limits(draft, SetLimits(changed_limits(limits, request.changes)))


def set_limits(draft: AccountDraft, change: SetLimits) -> Commit:
    """Replace the risk limits. Earlier orders keep the version that they were decided on."""
    return draft.commit(change, limits=change.limits, limits_version=draft.account.limits_version + 1)


def delete_account(draft: AccountDraft, change: DeleteWallet) -> Commit:
    """Delete the account. Raises WalletInUseError if it has open orders or holdings, unless forced."""
    held = sorted(draft.held_symbols())
    open_orders = [order_id for order_id in draft.open_ids() if draft.peek(order_id).is_open]
    if (open_orders or held) and not change.force:
        raise WalletInUseError(
            f"The wallet has {counted(len(open_orders), 'open order')} and {counted(len(held), 'position')}.",
            open_orders=len(open_orders),
            positions=held,
            hint="Cancel the orders and close the positions, or delete the wallet with ?force=true.",
        )
    with exact():
        for order_id in open_orders:
            order = draft.edit(order_id)
            if order is not None and order.is_open:
                close_order(draft, order, OrderStatus.CANCELLED, draft.at)
        return draft.commit(change, deleted=True)
