"""Request and response bodies of orders and trades."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from moniqo.domain.command import ExitSpec, Place
from moniqo.domain.live_order import LiveRecord
from moniqo.domain.money import ZERO
from moniqo.domain.order import Fill, Liquidity, OrderSide, OrderStatus, OrderType, TimeInForce, average_price
from moniqo.domain.order_form import MAX_TRAIL_PERCENT
from moniqo.http.pagination import PageRequest, broken_cursor
from moniqo.http.schemas.common import (
    Amount,
    ClosedModel,
    JsonObject,
    PositiveAmount,
    Timestamp,
    TimestampIn,
    View,
    visible_text,
)
from moniqo.wallets.demo_records import OrderRecord

MAX_METADATA_BYTES = 4096


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata, default=str)) > MAX_METADATA_BYTES:
        raise PydanticCustomError("metadata_size", "Metadata should have at most 4096 bytes of JSON")
    return metadata


Symbol = Annotated[str, Field(min_length=3, max_length=40, examples=["BTC/USDT"]), AfterValidator(visible_text)]
ClientOrderId = Annotated[
    str, Field(pattern=r"^[\x21-\x7e]{1,64}$", description="Makes a repeat harmless.", examples=["rebalance-42"])
]
Metadata = Annotated[JsonObject, AfterValidator(_small), Field(description="Yours, up to 4096 bytes of JSON.")]


_EXAMPLES: Final[tuple[JsonValue, ...]] = (
    {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.01", "client_order_id": "my-order-1"},
    {"symbol": "BTC/USDT", "side": "buy", "type": "market", "quote_amount": "100"},
    {"symbol": "ETH/USDT", "side": "sell", "type": "limit", "amount": "0.5", "price": "3500", "post_only": True},
    {"symbol": "BTC/USDT", "side": "sell", "type": "trailing_stop", "amount": "0.01", "trail_percent": "3"},
    {
        "symbol": "BTC/USDT",
        "side": "buy",
        "type": "limit",
        "amount": "0.01",
        "price": "48000",
        "time_in_force": "GTD",
        "expires_at": "2027-01-31T12:00:00Z",
        "stop_loss": {"percent": "2"},
        "take_profit": {"stop_price": "52000"},
    },
)


def _below_everything(percent: Decimal) -> Decimal:
    if percent >= 100:  # noqa: PLR2004
        raise PydanticCustomError("percent_range", "Input should be below 100")
    return percent


def _trailing(percent: Decimal) -> Decimal:
    if percent > MAX_TRAIL_PERCENT:
        raise PydanticCustomError("percent_range", "Input should be at most 50")
    return percent


class TakeProfitRequest(ClosedModel):
    """An exit above the entry: at a price, or ``percent`` above the average fill; the wallet's default for neither."""

    stop_price: PositiveAmount | None = None
    percent: PositiveAmount | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.stop_price is not None and self.percent is not None:
            raise PydanticCustomError("exit", "Give either stop_price or percent")
        return self

    def to_spec(self) -> ExitSpec:
        """Return what the command holds."""
        return ExitSpec(self.stop_price, self.percent)


class StopLossRequest(TakeProfitRequest):
    """An exit below the entry: at a price, or ``percent`` below the average fill; the wallet's default for neither."""

    percent: Annotated[PositiveAmount, AfterValidator(_below_everything)] | None = None


class OrderRequest(ClosedModel):
    """An order to place.

    Every order gives ``amount``, of the base asset; a market order may give ``quote_amount`` instead. ``limit`` and
    ``stop_limit`` need ``price``; ``stop_loss``, ``take_profit`` and ``stop_limit`` need ``stop_price``;
    ``trailing_stop`` needs ``trail_percent``; time in force ``GTD`` needs ``expires_at``. The exits ``stop_loss`` and
    ``take_profit`` are attached to buys.
    """

    model_config = ConfigDict(json_schema_extra={"examples": list(_EXAMPLES)})

    symbol: Symbol
    side: OrderSide
    type: OrderType
    amount: PositiveAmount | None = None
    quote_amount: PositiveAmount | None = None
    price: PositiveAmount | None = None
    stop_price: PositiveAmount | None = None
    trail_percent: Annotated[PositiveAmount, AfterValidator(_trailing)] | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: TimestampIn | None = None
    post_only: StrictBool = False
    reduce_only: StrictBool = False
    stop_loss: StopLossRequest | None = None
    take_profit: TakeProfitRequest | None = None
    client_order_id: ClientOrderId | None = None
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_amount(self) -> OrderRequest:
        if (self.amount is None) == (self.quote_amount is None):
            raise PydanticCustomError("amount", "Give either amount or quote_amount")
        return self

    def to_command(self, idempotency_key: str | None) -> Place:
        """Return the command; the header stands in for ``client_order_id``, which wins when both are given."""
        return Place(
            symbol=self.symbol,
            side=self.side,
            type=self.type,
            amount=self.amount,
            quote_amount=self.quote_amount,
            price=self.price,
            stop_price=self.stop_price,
            trail_percent=self.trail_percent,
            time_in_force=self.time_in_force,
            expires_at=self.expires_at,
            post_only=self.post_only,
            reduce_only=self.reduce_only,
            stop_loss=None if self.stop_loss is None else self.stop_loss.to_spec(),
            take_profit=None if self.take_profit is None else self.take_profit.to_spec(),
            client_order_id=self.client_order_id or idempotency_key,
            metadata=self.metadata,
        )


class LevelView(View):
    """What was exchanged at one price."""

    price: Amount
    amount: Amount


class FillView(View):
    """One exchange; ``quote`` is what changed hands, without ``fee``."""

    fill_id: str
    order_id: str
    symbol: str
    side: OrderSide
    price: Amount
    amount: Amount
    quote: Amount
    levels: list[LevelView]
    fee: Amount
    fee_currency: str
    liquidity: Annotated[Liquidity | None, Field(description="null where a venue does not say.")]
    timestamp: Timestamp


class StatusChangeView(View):
    """When an order came into a status."""

    status: OrderStatus
    timestamp: Timestamp


class ReceiptView(View):
    """What an order was decided on; its journal entry ``seq`` holds the rest."""

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
    """An order as it stands."""

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
    filled_quote: Annotated[Amount, Field(description="Quote amount exchanged, exact, without fee.")]
    price: Amount | None
    stop_price: Amount | None
    trail_percent: Amount | None
    average_fill_price: Annotated[Amount | None, Field(description="At 8 places, for showing.")]
    fee: Amount
    fee_currency: str
    time_in_force: TimeInForce
    expires_at: Annotated[Timestamp | None, Field(description="Fixed when the order is placed, for DAY too.")]
    post_only: bool
    reduce_only: bool
    entry: Annotated[str | None, Field(description="The order this exit belongs to.", examples=["o-12-1"])]
    fills: list[FillView]
    status_history: list[StatusChangeView]
    receipt: Annotated[ReceiptView | None, Field(description="Of paper orders; null for live ones.")]
    evaluated_until: Annotated[
        Timestamp,
        Field(
            description="How far an open order met the market, or when its venue last told of it; for one that ended,"
            " when it did."
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
        evaluated_until=order.updated_at if order.has_ended else order.seen_at or order.created_at,
        status_reason=order.reason,
    )


def fill_view(item: Fill) -> FillView:
    """Show a fill."""
    return FillView.made(
        fill_id=item.fill_id,
        order_id=item.order_id,
        symbol=item.symbol,
        side=item.side,
        price=item.price,
        amount=item.amount,
        quote=item.quote,
        levels=[LevelView.made(price=level.price, amount=level.amount) for level in item.levels],
        fee=item.fee,
        fee_currency=item.fee_currency,
        liquidity=item.liquidity,
        timestamp=item.at,
    )


def numbers_position(page: PageRequest, length: int) -> tuple[int, ...] | None:
    """Return the whole numbers a cursor holds; raises ValidationError when it holds anything else."""
    if page.position is None:
        return None
    if len(page.position) != length or not all(value.isascii() and value.isdigit() for value in page.position):
        raise broken_cursor()
    position = tuple(int(value) for value in page.position)
    if any(value >= 2**53 for value in position):
        raise broken_cursor()
    return position
