"""Request and response bodies of orders and trades."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from moniqo.domain.command import Place
from moniqo.domain.order import Fill, Liquidity, OrderSide, OrderStatus, OrderType, TimeInForce
from moniqo.http.pagination import PageRequest, broken_cursor
from moniqo.http.schemas.common import Amount, ClosedModel, JsonObject, PositiveAmount, Timestamp, View, visible_text
from moniqo.wallets.demo_orders import OrderRecord

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
)


class OrderRequest(ClosedModel):
    """An order to place; a market order gives ``amount`` (base asset) or ``quote_amount`` (quote asset)."""

    model_config = ConfigDict(json_schema_extra={"examples": list(_EXAMPLES)})

    symbol: Symbol
    side: OrderSide
    type: Literal["market", "limit"]
    amount: PositiveAmount | None = None
    quote_amount: PositiveAmount | None = None
    price: PositiveAmount | None = None
    time_in_force: Literal["GTC", "IOC", "FOK"] = "GTC"
    post_only: StrictBool = False
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
            type=OrderType(self.type),
            amount=self.amount,
            quote_amount=self.quote_amount,
            price=self.price,
            time_in_force=TimeInForce(self.time_in_force),
            post_only=self.post_only,
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
    liquidity: Liquidity
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
    average_fill_price: Annotated[Amount | None, Field(description="At 8 places, for showing.")]
    fee: Amount
    fee_currency: str
    time_in_force: TimeInForce
    post_only: bool
    fills: list[FillView]
    status_history: list[StatusChangeView]
    receipt: ReceiptView
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
    "average_fill_price",
    "fee",
    "fee_currency",
    "time_in_force",
    "post_only",
    "created_at",
    "updated_at",
    "metadata",
)


def order_view(record: OrderRecord, user_wallet_id: str) -> OrderView:
    """Show an order of a demo wallet."""
    order = record.order
    return OrderView.made(
        **{name: getattr(order, name) for name in _SAME},
        user_wallet_id=user_wallet_id,
        mode="paper",
        remaining_amount=order.remaining,
        fills=[fill_view(item) for item in record.fills],
        status_history=[StatusChangeView.made(status=status, timestamp=at) for status, at in order.status_history],
        receipt=ReceiptView.made(**order.receipt._asdict()),
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
