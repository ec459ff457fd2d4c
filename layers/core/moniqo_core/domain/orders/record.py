"""The read model of an order, the same for paper and live wallets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from moniqo_core.domain.orders.fees import AssetFee
from moniqo_core.domain.orders.order import Fill, HistoryMark, OrderSide, OrderStatus, OrderType, Receipt, TimeInForce


class ExitSummary(NamedTuple):
    """An exit of an entry order. ``stop_price`` is None until the entry fills if the exit was given in percent."""

    order_id: str
    type: OrderType
    stop_price: Decimal | None
    status: OrderStatus


class OrderRecord(NamedTuple):
    """An order with all its fills, oldest first.

    ``amount`` and ``filled_amount`` are in the base asset. ``filled_quote`` is in the quote asset and excludes ``fee``.
    ``average_fill_price`` has 8 places and is None before the first fill. The ``stop_price`` of a trailing stop is its
    present trigger, and ``mark_price`` the highest bid that the trigger follows. ``triggered_at`` is None while an
    order waits for its trigger, for an order without one, and where nobody recorded the time. ``fees`` are all fees by
    asset, of which ``fee`` is the part in ``fee_currency``. ``exits`` are the exits attached to an entry order, and
    ``entry`` names the order that an exit belongs to. ``receipt`` is None for a live order, and ``reason`` is None for
    a paper order. For an open order, ``evaluated_until`` tells how far it was matched against the market, or when its
    venue last reported it. For an ended order, it is the time of the end. ``replayed`` tells that an earlier request
    placed the order.
    """

    user_wallet_id: str
    mode: Literal["paper", "live"]
    order_id: str
    client_order_id: str | None
    symbol: str
    side: OrderSide
    type: OrderType
    status: OrderStatus
    amount: Decimal
    quote_amount: Decimal | None
    filled_amount: Decimal
    remaining_amount: Decimal
    filled_quote: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    trail_percent: Decimal | None
    mark_price: Decimal | None
    triggered_at: datetime | None
    average_fill_price: Decimal | None
    fee: Decimal
    fee_currency: str
    fees: tuple[AssetFee, ...]
    time_in_force: TimeInForce
    expires_at: datetime | None
    post_only: bool
    reduce_only: bool
    exits: tuple[ExitSummary, ...]
    entry: str | None
    fills: tuple[Fill, ...]
    status_history: tuple[tuple[HistoryMark, datetime], ...]
    receipt: Receipt | None
    evaluated_until: datetime
    reason: str | None
    created_at: datetime
    updated_at: datetime
    metadata: Mapping[str, object]
    replayed: bool = False
