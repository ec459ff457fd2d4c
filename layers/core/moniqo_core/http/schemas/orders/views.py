"""Paper and live orders in responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.orders.order import HistoryMark, OrderSide, OrderStatus, OrderType, TimeInForce
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.http.schemas.common import Amount, Timestamp, View
from moniqo_core.http.schemas.orders.fills import FillView, fill_view


class StatusChangeView(View):
    """A status of an order and when it was reached, or `replaced` and when that happened."""

    status: HistoryMark
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


class ExitView(View):
    """An exit that is attached to an entry order."""

    order_id: str
    type: OrderType
    stop_price: Annotated[
        Amount | None, Field(description="Price that triggers it. Given in percent, it is null until the entry fills.")
    ]
    status: Annotated[OrderStatus, Field(description="Status of the exit.")]


class AssetFeeView(View):
    """The fees of an order in one asset."""

    asset: str
    amount: Annotated[Amount, Field(description="Sum of the fees in this asset.")]


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
    stop_price: Annotated[
        Amount | None, Field(description="Price that triggers the order. Of a trailing stop: the present trigger.")
    ]
    trail_percent: Amount | None
    mark_price: Annotated[
        Amount | None, Field(description="Trailing stops: the highest bid, which the trigger follows.")
    ]
    triggered_at: Annotated[
        Timestamp | None, Field(description="Null before that, and for stop_limit orders of live wallets.")
    ]
    average_fill_price: Annotated[Amount | None, Field(description="Rounded to 8 decimal places for display.")]
    fee: Amount
    fee_currency: str
    fees: Annotated[list[AssetFeeView], Field(description="All fees, in every asset that paid them.")]
    time_in_force: TimeInForce
    expires_at: Annotated[
        Timestamp | None,
        Field(description="Fixed when the order is placed. For DAY: the close of the session, or the next midnight."),
    ]
    post_only: bool
    reduce_only: bool
    exits: Annotated[list[ExitView], Field(description="Exits attached to this entry order.")]
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


def order_view(record: OrderRecord) -> OrderView:
    """Return the view of an order."""
    receipt = record.receipt
    return OrderView.made(
        order_id=record.order_id,
        client_order_id=record.client_order_id,
        symbol=record.symbol,
        side=record.side,
        type=record.type,
        status=record.status,
        amount=record.amount,
        quote_amount=record.quote_amount,
        filled_amount=record.filled_amount,
        filled_quote=record.filled_quote,
        price=record.price,
        stop_price=record.stop_price,
        trail_percent=record.trail_percent,
        mark_price=record.mark_price,
        triggered_at=record.triggered_at,
        average_fill_price=record.average_fill_price,
        fee=record.fee,
        fee_currency=record.fee_currency,
        fees=[AssetFeeView.made(asset=fee.asset, amount=fee.amount) for fee in record.fees],
        time_in_force=record.time_in_force,
        expires_at=record.expires_at,
        post_only=record.post_only,
        reduce_only=record.reduce_only,
        exits=[ExitView.made(**item._asdict()) for item in record.exits],
        entry=record.entry,
        created_at=record.created_at,
        updated_at=record.updated_at,
        metadata=record.metadata,
        user_wallet_id=record.user_wallet_id,
        mode=record.mode,
        remaining_amount=record.remaining_amount,
        fills=[fill_view(item) for item in record.fills],
        status_history=[StatusChangeView.made(status=status, timestamp=at) for status, at in record.status_history],
        receipt=None if receipt is None else ReceiptView.made(**receipt._asdict()),
        evaluated_until=record.evaluated_until,
        status_reason=record.reason,
    )


def with_order_view(error: WalletError) -> WalletError:
    """Return an error whose member ``order`` is shown as a response shows it."""
    order = error.members.get("order")
    if isinstance(order, OrderRecord):
        error.members["order"] = order_view(order)
    return error
