"""Orders as they are answered, paper and live ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from moniqo_core.domain.live.order import LiveRecord
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType, TimeInForce, average_price
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.http.schemas.common import Amount, Timestamp, View
from moniqo_core.http.schemas.orders.fills import FillView, fill_view


class StatusChangeView(View):
    """A status of an order and when it was reached."""

    status: OrderStatus
    timestamp: Timestamp


class ReceiptView(View):
    """The data an order was decided on. The journal entry ``seq`` holds the rest."""

    seq: int
    rules_version: int
    limits_version: int
    maker_fee_percent: Amount
    taker_fee_percent: Amount
    bid: Amount
    ask: Amount
    quoted_at: Timestamp
    source: str


class OrderView(View):
    """The current state of an order."""

    order_id: str
    client_order_id: str | None
    user_wallet_id: str
    mode: Literal["paper", "live"]
    symbol: str
    side: OrderSide
    type: OrderType
    status: OrderStatus
    amount: Amount
    quote_amount: Amount | None
    filled_amount: Amount
    remaining_amount: Amount
    filled_quote: Annotated[Amount, Field(description="Exact quote amount exchanged, without fee.")]
    price: Amount | None
    stop_price: Amount | None
    trail_percent: Amount | None
    average_fill_price: Annotated[Amount | None, Field(description="Rounded to 8 decimal places for display.")]
    fee: Amount
    fee_currency: str
    time_in_force: TimeInForce
    expires_at: Annotated[Timestamp | None, Field(description="Set when the order is placed, also for DAY.")]
    post_only: bool
    reduce_only: bool
    entry: Annotated[str | None, Field(description="The entry order that this exit belongs to.", examples=["o-12-1"])]
    fills: list[FillView]
    status_history: list[StatusChangeView]
    receipt: Annotated[ReceiptView | None, Field(description="Null for live orders.")]
    evaluated_until: Annotated[
        Timestamp,
        Field(
            description="Open paper orders: evaluated up to this time. Open live orders: the last report of the venue."
            " Ended orders: the time they ended."
        ),
    ]
    status_reason: Annotated[
        str | None, Field(description="Why a live order was rejected: the code of the error, `not_sent`, `not_found`.")
    ]
    created_at: Timestamp
    updated_at: Timestamp
    metadata: Mapping[str, Any]


class CancelledView(View):
    """Orders that were cancelled, oldest first."""

    cancelled: list[OrderView]


_SAME = (
    "order_id",
    "client_order_id",
    "symbol",
    "side",
    "type",
    "status",
    "amount",
    "quote_amount",
    "filled_amount",
    "filled_quote",
    "price",
    "stop_price",
    "trail_percent",
    "average_fill_price",
    "fee",
    "fee_currency",
    "time_in_force",
    "expires_at",
    "post_only",
    "reduce_only",
    "entry",
    "created_at",
    "updated_at",
    "metadata",
)


_ASKED = (
    "client_order_id",
    "symbol",
    "side",
    "type",
    "quote_amount",
    "price",
    "stop_price",
    "trail_percent",
    "time_in_force",
    "expires_at",
    "post_only",
    "reduce_only",
    "metadata",
)
_LEARNED = (
    "order_id",
    "status",
    "amount",
    "filled_amount",
    "filled_quote",
    "fee",
    "fee_currency",
    "created_at",
    "updated_at",
)


def order_view(record: OrderRecord | LiveRecord, user_wallet_id: str) -> OrderView:
    """Show an order, a paper or a live one."""
    if isinstance(record, LiveRecord):
        return _live_view(record)
    order = record.order
    return OrderView.made(
        **{name: getattr(order, name) for name in _SAME},
        user_wallet_id=user_wallet_id,
        mode="paper",
        remaining_amount=order.remaining,
        fills=[fill_view(item) for item in record.fills],
        status_history=[StatusChangeView.made(status=status, timestamp=at) for status, at in order.status_history],
        receipt=ReceiptView.made(**order.receipt._asdict()),
        evaluated_until=record.evaluated_until or order.updated_at,
        status_reason=None,
    )


def _live_view(record: LiveRecord) -> OrderView:
    order = record.order
    request = order.request
    return OrderView.made(
        **{name: getattr(request, name) for name in _ASKED},
        **{name: getattr(order, name) for name in _LEARNED},
        user_wallet_id=order.user_wallet_id,
        mode="live",
        remaining_amount=max(order.amount - order.filled_amount, ZERO),
        average_fill_price=average_price(order.filled_quote, order.filled_amount) if order.filled_amount else None,
        entry=None,
        fills=[fill_view(item) for item in record.fills],
        status_history=[StatusChangeView.made(status=status, timestamp=at) for status, at in order.status_history],
        receipt=None,
        evaluated_until=order.updated_at if order.has_ended else order.acknowledged_at or order.created_at,
        status_reason=order.reason,
    )
