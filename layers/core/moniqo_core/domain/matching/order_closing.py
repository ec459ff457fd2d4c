"""Closing an order of a demo wallet: releasing its lock and updating its attached exits."""

from __future__ import annotations

from datetime import datetime

from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.matching.exit_pair_lock import open_exits, share_lock
from moniqo_core.domain.matching.locked_funds import set_lock
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import Order, OrderSide, OrderStatus


def close_order(draft: AccountDraft, order: Order, status: OrderStatus, at: datetime) -> None:
    """End an order with ``status``, release its lock, and update its exits.

    The exits of an entry that never filled are cancelled with it. When an exit ends, its sibling takes over the lock.
    """
    set_lock(draft, order, ZERO)
    order.become(status, at)
    draft.orders[order.order_id] = order
    if order.entry is None:
        for exit_order in open_exits(draft, order.order_id):
            if not exit_order.amount:
                exit_order.become(OrderStatus.CANCELLED, at)
    else:
        share_lock(draft, open_exits(draft, order.order_id))


def cancel_buys(draft: AccountDraft, at: datetime) -> None:
    """Cancel every open order that buys. Exits of what an entry has bought stay open."""
    for order_id in draft.open_ids():
        placed = draft.peek(order_id)
        if placed.is_open and placed.side is OrderSide.BUY:
            order = draft.edit(order_id)
            if order is not None:
                close_order(draft, order, OrderStatus.CANCELLED, at)
