"""Conversion of a live order to the read model of orders."""

from __future__ import annotations

from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import Fill, average_price
from moniqo_core.domain.orders.record import OrderRecord


def live_record(order: LiveOrder, fills: tuple[Fill, ...] = (), *, replayed: bool = False) -> OrderRecord:
    """Return an order with the fills that are stored for it, oldest first."""
    request = order.request
    return OrderRecord(
        user_wallet_id=order.user_wallet_id,
        mode="live",
        order_id=order.order_id,
        client_order_id=request.client_order_id,
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        status=order.status,
        amount=order.amount,
        quote_amount=request.quote_amount,
        filled_amount=order.filled_amount,
        remaining_amount=max(order.amount - order.filled_amount, ZERO),
        filled_quote=order.filled_quote,
        price=request.price,
        stop_price=request.stop_price,
        trail_percent=request.trail_percent,
        average_fill_price=average_price(order.filled_quote, order.filled_amount) if order.filled_amount else None,
        fee=order.fee,
        fee_currency=order.fee_currency,
        time_in_force=request.time_in_force,
        expires_at=request.expires_at,
        post_only=request.post_only,
        reduce_only=request.reduce_only,
        entry=None,
        fills=fills,
        status_history=order.status_history,
        receipt=None,
        evaluated_until=order.updated_at if order.has_ended else order.acknowledged_at or order.created_at,
        reason=order.reason,
        created_at=order.created_at,
        updated_at=order.updated_at,
        metadata=request.metadata,
        replayed=replayed,
    )
