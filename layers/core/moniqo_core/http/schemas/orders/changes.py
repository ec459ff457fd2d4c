"""Request bodies that change an open order or close positions."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from moniqo_core.domain.orders.request import REPLACEABLE, ClosePosition, ReplaceOrder
from moniqo_core.http.schemas.common import ClosedModel, NonNegativeAmount, PositiveAmount
from moniqo_core.http.schemas.orders.requests import TrailPercent
from moniqo_core.http.schemas.wallets.requests import Confirmed


class ReplaceOrderRequest(ClosedModel):
    """New values of an open order. What is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount": "0.01", "price": "48000", "if_filled_amount": "0"}]}
    )

    amount: Annotated[
        PositiveAmount | None,
        Field(description="The new total amount, including what has filled already."),
    ] = None
    price: Annotated[PositiveAmount | None, Field(description="The new limit price.")] = None
    stop_price: Annotated[PositiveAmount | None, Field(description="The new trigger price.")] = None
    trail_percent: Annotated[
        TrailPercent | None,
        Field(description="The new distance of a trailing stop from the highest bid, in percent."),
    ] = None
    if_filled_amount: Annotated[
        NonNegativeAmount | None,
        Field(description="Refuse the change when another amount has filled."),
    ] = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        for name in self.model_fields_set:
            if getattr(self, name) is None:
                raise PydanticCustomError("null", "{name} can be changed but not removed", {"name": name})
        if not self.model_fields_set & set(REPLACEABLE):
            raise PydanticCustomError("empty", "Give at least one of amount, price, stop_price and trail_percent")
        return self

    def to_command(self, order_id: str) -> ReplaceOrder:
        """Return the command for an order."""
        return ReplaceOrder(order_id, **{name: getattr(self, name) for name in self.model_fields_set})


def _at_most_everything(percent: Decimal) -> Decimal:
    if percent > 100:  # noqa: PLR2004
        raise PydanticCustomError("percent_range", "Input should be at most 100")
    return percent


class ClosePositionRequest(ClosedModel):
    """The part of a position to sell. Without a body, all of it is sold."""

    # A client that lost its body must not sell everything.
    null_is_absent: ClassVar[bool] = False

    model_config = ConfigDict(json_schema_extra={"examples": [{"percent": "50"}, {"amount": "0.005"}]})

    amount: Annotated[PositiveAmount | None, Field(description="Sell this amount of the base asset.")] = None
    percent: Annotated[
        Annotated[PositiveAmount, AfterValidator(_at_most_everything)] | None,
        Field(description="Sell this percentage of the position, rounded down to the lot. 100 sells all of it."),
    ] = None

    @model_validator(mode="after")
    def _one_part(self) -> Self:
        if (self.amount is None) == (self.percent is None):
            raise PydanticCustomError("part", "Give either amount or percent, or send no body to close all of it")
        return self


def close_command(symbol: str, body: ClosePositionRequest | None, idempotency_key: str | None) -> ClosePosition:
    """Return the command to close a position in a symbol, or the part that the body names."""
    if body is None:
        return ClosePosition(symbol, idempotency_key)
    return ClosePosition(symbol, idempotency_key, body.amount, body.percent)


class CloseAllRequest(ClosedModel):
    """Confirmation that every position should be sold at market."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"confirm": True}]})

    confirm: Annotated[Confirmed, Field(description="Must be true.")]
