"""Conversion of a paper order to the read model of orders."""

from __future__ import annotations

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.orders.order import Fill, Order
from moniqo_core.domain.orders.record import OrderRecord


def paper_record(
    account: Account, order: Order, fills: tuple[Fill, ...] = (), *, replayed: bool = False
) -> OrderRecord:
    """Return an order of ``account`` with its ``fills``, oldest first."""
    return OrderRecord(
        user_wallet_id=account.user_wallet_id,
        mode="paper",
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        status=order.status,
        amount=order.amount,
        quote_amount=order.quote_amount,
        filled_amount=order.filled_amount,
        remaining_amount=order.remaining,
        filled_quote=order.filled_quote,
        price=order.price,
        stop_price=order.stop_price,
        trail_percent=order.trail_percent,
        average_fill_price=order.average_fill_price,
        fee=order.fee,
        fee_currency=order.fee_currency,
        time_in_force=order.time_in_force,
        expires_at=order.expires_at,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        entry=order.entry,
        fills=fills,
        status_history=order.status_history,
        receipt=order.receipt,
        evaluated_until=account.evaluated_until[order.symbol] if order.is_open else order.updated_at,
        reason=None,
        created_at=order.created_at,
        updated_at=order.updated_at,
        metadata=order.metadata,
        replayed=replayed,
    )
