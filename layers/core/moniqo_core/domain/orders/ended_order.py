"""The refusal of a change to an order that has ended, the same for paper and live orders."""

from __future__ import annotations

from typing import Final

from moniqo_core.domain.errors import ConflictError, OrderAlreadyClosedError, OrderAlreadyFilledError
from moniqo_core.domain.orders.order import OrderStatus
from moniqo_core.domain.orders.record import OrderRecord

NOTHING_TO_REPLACE: Final = (
    "Nothing is left to change. The member 'order' shows the final state. POST /wallets/{id}/orders places a new order."
)


def already_ended(order: OrderRecord, *, hint: str | None = None) -> ConflictError:
    """Return OrderAlreadyFilledError or OrderAlreadyClosedError for an order that has ended."""
    kind = OrderAlreadyFilledError if order.status is OrderStatus.FILLED else OrderAlreadyClosedError
    return kind(f"Order {order.order_id} is already {order.status}.", order=order, hint=hint)
