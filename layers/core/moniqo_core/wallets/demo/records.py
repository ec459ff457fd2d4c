"""An order of a demo wallet as its commit left it, and in the words every wallet shares."""

from __future__ import annotations

from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.orders.order import Order
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.paper.record import paper_record
from moniqo_core.wallets.base import OrderResult


def order_of(commit: Commit, order_id: str) -> OrderRecord:
    """Read one order of a commit with the fills it had in it."""
    order = next(order for order in commit.orders if order.order_id == order_id)
    fills = tuple(item for item in commit.fills if item.order_id == order_id)
    return paper_record(commit.after, order, fills)


def order_result(order: Order | OrderRecord) -> OrderResult:
    """Show an order in the words every wallet shares."""
    return OrderResult(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.type,
        status=order.status,
        price=order.price,
        amount=order.amount,
        filled_amount=order.filled_amount,
        average_fill_price=order.average_fill_price,
        fee=order.fee,
        fee_currency=order.fee_currency,
        timestamp=order.updated_at,
        metadata=order.metadata,
        client_order_id=order.client_order_id,
        filled_quote=order.filled_quote,
    )
