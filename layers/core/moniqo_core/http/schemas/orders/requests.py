"""Request bodies of orders."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from moniqo_core.domain.errors import ValidationError
from moniqo_core.domain.orders.field_rules import MAX_TRAIL_PERCENT
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ExitSpec, OrderRequest
from moniqo_core.http.schemas.common import ClosedModel, JsonObject, PositiveAmount, visible_text
from moniqo_core.http.schemas.times import TimestampIn

MAX_METADATA_BYTES = 4096


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata, default=str)) > MAX_METADATA_BYTES:
        raise PydanticCustomError("metadata_size", "Metadata should have at most 4096 bytes of JSON")
    return metadata


Symbol = Annotated[str, Field(min_length=3, max_length=40, examples=["BTC/USDT"]), AfterValidator(visible_text)]
ClientOrderId = Annotated[
    str,
    Field(
        pattern=r"^[\x21-\x7e]{1,64}$",
        description="An id that you choose. The same order sent again with this id returns the first order and places"
        " no second one. Another order with this id is refused.",
        examples=["rebalance-42"],
    ),
]
Metadata = Annotated[JsonObject, AfterValidator(_small), Field(description="Your own data, up to 4096 bytes of JSON.")]


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


TrailPercent = Annotated[PositiveAmount, AfterValidator(_trailing)]


class TakeProfitRequest(ClosedModel):
    """An exit above the entry, at a price or ``percent`` above the average fill. The default is the wallet's."""

    stop_price: PositiveAmount | None = None
    percent: PositiveAmount | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.stop_price is not None and self.percent is not None:
            raise PydanticCustomError("exit", "Give either stop_price or percent, not both")
        return self

    def to_spec(self) -> ExitSpec:
        """Return the exit as the domain has it."""
        return ExitSpec(self.stop_price, self.percent)


class StopLossRequest(TakeProfitRequest):
    """An exit below the entry, at a price or ``percent`` below the average fill. The default is the wallet's."""

    percent: Annotated[PositiveAmount, AfterValidator(_below_everything)] | None = None


class PlaceOrderRequest(ClosedModel):
    """An order to place.

    Every order gives ``amount`` in the base asset. A market order may give ``quote_amount`` instead. ``limit`` and
    ``stop_limit`` need ``price``. ``stop_loss``, ``take_profit`` and ``stop_limit`` need ``stop_price``.
    ``trailing_stop`` needs ``trail_percent``, and time in force ``GTD`` needs ``expires_at``. Only buys can have the
    exits ``stop_loss`` and ``take_profit``.
    """

    model_config = ConfigDict(json_schema_extra={"examples": list(_EXAMPLES)})

    symbol: Symbol
    side: OrderSide
    type: OrderType
    amount: PositiveAmount | None = None
    quote_amount: PositiveAmount | None = None
    price: PositiveAmount | None = None
    stop_price: PositiveAmount | None = None
    trail_percent: TrailPercent | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: TimestampIn | None = None
    post_only: StrictBool = False
    reduce_only: StrictBool = False
    stop_loss: StopLossRequest | None = None
    take_profit: TakeProfitRequest | None = None
    client_order_id: ClientOrderId | None = None
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_amount(self) -> PlaceOrderRequest:
        if (self.amount is None) == (self.quote_amount is None):
            raise PydanticCustomError("amount", "Give exactly one of amount and quote_amount")
        return self

    def to_command(self, idempotency_key: str | None) -> OrderRequest:
        """Return the command. The header ``idempotency_key`` stands in for ``client_order_id``.

        Raises:
            ValidationError: both are given and differ, so it is not clear which one identifies a repeat.

        """
        if idempotency_key is not None and self.client_order_id not in {None, idempotency_key}:
            message = "The client_order_id differs from the header Idempotency-Key. Leave one of them out."
            errors = [{"field": "client_order_id", "message": message, "code": "client_order_id"}]
            raise ValidationError(message, errors=errors)
        return OrderRequest(
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
