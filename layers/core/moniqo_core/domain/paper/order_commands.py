"""Placing and cancelling orders of a demo wallet, as pure decisions on a draft and the state of the market."""

from __future__ import annotations

from moniqo_core.domain.errors import OrderNotFoundError, WalletError
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commands import CancelAllOrders, CancelOrder
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.matching.order_closing import close_order
from moniqo_core.domain.money import exact
from moniqo_core.domain.orders.order import OrderStatus
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.paper.largest_amount import copy_of, with_largest_amount
from moniqo_core.domain.paper.order_execution import execute_order
from moniqo_core.domain.paper.order_rules import PaperDecision


def place(draft: AccountDraft, order: OrderRequest, context: MarketContext) -> Commit:
    """Decide whether to accept an order, and execute it.

    Raises:
        WalletPausedError, WalletSuspendedError: The wallet accepts no orders.
        InvalidOrderError, InvalidSymbolError: The order can never be accepted in this form.
        InsufficientBalanceError, RiskLimitExceededError: Funds or the owner's limits forbid it.
        OrderRejectedError: The market forbids it now.
        RateLimitExceededError: 500 orders are already open.

    """
    with exact():
        # Only an exit that must sell at once can still refuse an order that is being executed.
        before = copy_of(draft) if order.has_exits else draft
        decision = PaperDecision(draft, order, context)
        try:
            for _, check in decision.rules():
                check()
            execute_order(decision)
        except WalletError as refusal:
            raise with_largest_amount(refusal, before, order, context) from None
        return draft.commit(order, context)


def cancel(draft: AccountDraft, command: CancelOrder) -> Commit:
    """Cancel an open order. Raises OrderNotFoundError when it is not open."""
    order = draft.edit(command.order_id)
    if order is None or not order.is_open:
        raise OrderNotFoundError(f"This wallet has no open order {command.order_id[:40]}.")
    with exact():
        close_order(draft, order, OrderStatus.CANCELLED, draft.at)
        return draft.commit(command)


def cancel_all(draft: AccountDraft, command: CancelAllOrders) -> Commit:
    """Cancel every open order, or those of one symbol. The commit lists them."""
    with exact():
        for order_id in draft.open_ids():
            order = draft.edit(order_id)
            if order is not None and order.is_open and command.symbol in {None, order.symbol}:
                close_order(draft, order, OrderStatus.CANCELLED, draft.at)
        return draft.commit(command)
