"""Checks that an order is well formed for its market: steps, minimums, and fields that fit together."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from moniqo_core.domain.errors import InvalidOrderError
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.money import ceil_to, plain
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import OrderRequest

MAX_TRAIL_PERCENT: Final = Decimal(50)

_NEEDS: Final = {
    OrderType.MARKET: (),
    OrderType.LIMIT: ("price",),
    OrderType.STOP_LOSS: ("stop_price",),
    OrderType.TAKE_PROFIT: ("stop_price",),
    OrderType.STOP_LIMIT: ("price", "stop_price"),
    OrderType.TRAILING_STOP: ("trail_percent",),
}
_SELL_ONLY: Final = frozenset({OrderType.STOP_LOSS, OrderType.TAKE_PROFIT, OrderType.TRAILING_STOP})
_AT_ONCE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})


def check_fields(order: OrderRequest) -> None:
    """Refuse fields that do not fit together. Raises InvalidOrderError."""
    needs = _NEEDS[order.type]
    for name, value in (
        ("price", order.price),
        ("stop_price", order.stop_price),
        ("trail_percent", order.trail_percent),
    ):
        if (value is not None) != (name in needs):
            verb = "needs a" if name in needs else "cannot have a"
            raise InvalidOrderError(f"A {order.type} order {verb} {name}.", field=name)
    if (order.amount is None) == (order.quote_amount is None):
        raise InvalidOrderError("Give exactly one of amount and quote_amount.", field="amount")
    if order.quote_amount is not None and order.type is not OrderType.MARKET:
        raise InvalidOrderError("Only market orders can have a quote_amount.", field="quote_amount")
    if order.type in _SELL_ONLY and order.side is OrderSide.BUY:
        raise InvalidOrderError(
            f"A {order.type} order can only sell. To buy at a trigger price, use a stop_limit order.", field="side"
        )
    if order.reduce_only and order.side is OrderSide.BUY:
        raise InvalidOrderError(
            "A buy order cannot be reduce_only. This wallet holds long positions only.", field="reduce_only"
        )
    _check_time(order)
    _check_exits(order)


def _check_time(order: OrderRequest) -> None:
    if order.time_in_force in _AT_ONCE and order.type not in {OrderType.MARKET, OrderType.LIMIT}:
        raise InvalidOrderError(
            f"A {order.type} order cannot have time_in_force {order.time_in_force}.", field="time_in_force"
        )
    if order.post_only and (order.type is not OrderType.LIMIT or order.time_in_force in _AT_ONCE):
        raise InvalidOrderError(
            "A post_only order must be a limit order with time_in_force GTC, DAY or GTD.", field="post_only"
        )
    if (order.expires_at is not None) != (order.time_in_force is TimeInForce.GTD):
        raise InvalidOrderError("Give expires_at with time_in_force GTD, and only then.", field="expires_at")


def _check_exits(order: OrderRequest) -> None:
    if order.stop_loss is None and order.take_profit is None:
        return
    if order.side is OrderSide.SELL:
        raise InvalidOrderError("Only buy orders can have a stop_loss or take_profit.", field="stop_loss")
    for name, spec in (("stop_loss", order.stop_loss), ("take_profit", order.take_profit)):
        if spec is not None and spec.stop_price is not None and spec.percent is not None:
            raise InvalidOrderError(f"Give {name} either a stop_price or a percent, not both.", field=name)


def check_exit_defaults(order: OrderRequest) -> None:
    """Refuse exits without a price or percent, for a wallet that has no limits to supply a default."""
    for name, spec in (("stop_loss", order.stop_loss), ("take_profit", order.take_profit)):
        if spec is not None and spec.stop_price is None and spec.percent is None:
            raise InvalidOrderError(f"Give {name} a stop_price or a percent.", field=name)


def check_price(name: str, price: Decimal, market: Market) -> None:
    """Refuse a price that is not a positive multiple of the tick size."""
    if price <= 0 or price % market.tick_size:
        nearest = _nearest(price, market.tick_size)
        raise InvalidOrderError(
            f"The {name} {plain(price)} is not a positive multiple of the tick size {plain(market.tick_size)}."
            f" The nearest valid price is {plain(nearest)}.",
            field=name,
            tick_size=market.tick_size,
            suggested_price=nearest,
        )


def check_amount(amount: Decimal, market: Market) -> None:
    """Refuse an amount that is not a multiple of the lot step or is below the market's minimum."""
    if amount < market.min_amount or amount % market.lot_step:
        nearest = max(_nearest(amount, market.lot_step), ceil_to(market.min_amount, market.lot_step))
        raise InvalidOrderError(
            f"The amount {plain(amount)} is not valid for {market.symbol}. Use at least {plain(market.min_amount)}"
            f" in steps of {plain(market.lot_step)}, for example {plain(nearest)}.",
            field="amount",
            lot_step=market.lot_step,
            min_amount=market.min_amount,
            suggested_amount=nearest,
        )


def check_notional(amount: Decimal, price: Decimal, market: Market) -> None:
    """Refuse an order that is worth less than the market's minimum notional at ``price``."""
    if amount * price < market.min_notional:
        enough = max(ceil_to(market.min_notional / price, market.lot_step), market.min_amount)
        raise InvalidOrderError(
            f"{plain(amount)} {market.base} at {plain(price)} is worth {plain(amount * price)} {market.quote}."
            f" The smallest order is {plain(market.min_notional)} {market.quote}.",
            field="amount",
            min_notional=market.min_notional,
            suggested_amount=enough,
        )


def _nearest(value: Decimal, step: Decimal) -> Decimal:
    steps = (value / step).to_integral_value(ROUND_HALF_EVEN)
    return max(steps, Decimal(1)) * step
