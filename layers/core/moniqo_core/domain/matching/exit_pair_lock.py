"""The lock that the two exits of an entry share: the first open one holds the amount for both."""

from __future__ import annotations

from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.matching.locked_funds import set_lock
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import Order


def exit_group_of(order_id: str) -> str:
    """Return the common part of the ids of an entry and its exits."""
    return order_id.rpartition("-")[0]


def exit_ids(order_id: str) -> tuple[str, str]:
    """Return the ids that the stop loss and the take profit of an order's group have, if they exist."""
    group = exit_group_of(order_id)
    return f"{group}-2", f"{group}-3"


def open_exits(draft: AccountDraft, order_id: str) -> list[Order]:
    """Exits of an order's group that have not ended, as copies the draft may change."""
    found = (draft.edit(exit_id) for exit_id in exit_ids(order_id))
    return [order for order in found if order is not None and order.is_open]


def share_lock(draft: AccountDraft, exits: list[Order]) -> None:
    """Let the first open exit hold the pair's amount, and the other nothing."""
    for exit_order in exits[1:]:
        set_lock(draft, exit_order, ZERO)
    for exit_order in exits[:1]:
        set_lock(draft, exit_order, exit_order.remaining)


def take_shared_lock(draft: AccountDraft, order: Order) -> None:
    """Move the lock of a pair of exits to the one that is about to fill."""
    if order.entry is None or order.locked:
        return
    for sibling in open_exits(draft, order.order_id):
        if sibling.order_id != order.order_id:
            order.locked, sibling.locked = sibling.locked, ZERO
