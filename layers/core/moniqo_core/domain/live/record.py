"""Conversion of a live order to the read model of orders."""

from __future__ import annotations

from datetime import datetime

from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.fees import AssetFee, fees_by_asset
from moniqo_core.domain.orders.order import Fill, average_price
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.triggers import MARKET_WHEN_TRIGGERED


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
        mark_price=None,
        triggered_at=_triggered_at(order, fills),
        average_fill_price=average_price(order.filled_quote, order.filled_amount) if order.filled_amount else None,
        fee=order.fee,
        fee_currency=order.fee_currency,
        fees=_fees(order, fills),
        time_in_force=request.time_in_force,
        expires_at=request.expires_at,
        post_only=request.post_only,
        reduce_only=request.reduce_only,
        exits=(),
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


def _fees(order: LiveOrder, fills: tuple[Fill, ...]) -> tuple[AssetFee, ...]:
    """Return the fees of all fills, or the fee that the venue reports for the order while fills are missing."""
    with exact():
        if sum((fill.amount for fill in fills), ZERO) >= order.filled_amount:
            return fees_by_asset(fills)
    return (AssetFee(order.fee_currency, order.fee),) if order.fee else ()


def _triggered_at(order: LiveOrder, fills: tuple[Fill, ...]) -> datetime | None:
    """Return when a stop or target began to fill. Venues do not tell when they triggered another order."""
    return fills[0].at if fills and order.request.type in MARKET_WHEN_TRIGGERED else None
