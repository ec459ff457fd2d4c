"""The decision of every command of a demo account, on a draft that has walked the path up to the command."""

from __future__ import annotations

from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commands import CancelAllOrders, CancelOrder, Command, RecordEvaluation, ResetAccount
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest, ReplaceOrder
from moniqo_core.domain.paper import account_lifecycle, account_rules, order_commands
from moniqo_core.domain.paper.changes.position_closing import close_position
from moniqo_core.domain.paper.changes.replacement import replace_order
from moniqo_core.domain.wallets.lifecycle_commands import (
    ChangeLimits,
    DeleteWallet,
    Reinstate,
    SetLimits,
    SetStatus,
    Suspend,
)


def decide(draft: AccountDraft, command: Command, context: MarketContext | None) -> Commit:
    """Decide ``command``. The same draft, command and context always give the same commit.

    Raises the errors of the functions of :mod:`moniqo_core.domain.paper.order_commands`,
    :mod:`moniqo_core.domain.paper.changes`, :mod:`moniqo_core.domain.paper.account_rules` and
    :mod:`moniqo_core.domain.paper.account_lifecycle`.
    """
    match command:
        case OrderRequest() if context is not None:
            return order_commands.place(draft, command, context)
        case ClosePosition() if context is not None:
            return close_position(draft, command, context)
        case ReplaceOrder() if context is not None:
            return replace_order(draft, command, context)
        case CancelOrder():
            return order_commands.cancel(draft, command)
        case CancelAllOrders():
            return order_commands.cancel_all(draft, command)
        case RecordEvaluation():
            return draft.commit(command)
        case _:
            return _decide_lifecycle(draft, command)


def _decide_lifecycle(draft: AccountDraft, command: Command) -> Commit:
    match command:
        case SetStatus():
            return account_rules.set_status(draft, command)
        case Suspend():
            return account_rules.suspend(draft, command)
        case Reinstate():
            return account_rules.reinstate(draft, command)
        case SetLimits():
            return account_lifecycle.set_limits(draft, command)
        case ChangeLimits():
            return account_lifecycle.change_limits(draft, command)
        case ResetAccount():
            return account_lifecycle.reset(draft, command)
        case DeleteWallet():
            return account_lifecycle.delete_account(draft, command)
        case _:
            message = f"{type(command).__name__} cannot be decided on an account, or needs a market context."
            raise ValueError(message)
