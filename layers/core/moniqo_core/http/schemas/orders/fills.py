"""Fills in responses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from moniqo_core.domain.orders.order import Fill, Liquidity, OrderSide
from moniqo_core.http.schemas.common import Amount, Timestamp, View


class LevelView(View):
    """What was exchanged at one price."""

    price: Amount
    amount: Amount


class FillView(View):
    """One fill. ``quote`` is the quote amount exchanged, without ``fee``."""

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
    liquidity: Annotated[Liquidity | None, Field(description="Null where the venue does not report it.")]
    timestamp: Timestamp


def fill_view(item: Fill) -> FillView:
    """Return the view of a fill."""
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
