"""Checks that an order is well formed for its market: steps, bounds, and fields that fit together.

Each check yields every fault that it finds, so that one answer names them all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from moniqo_core.domain.errors import InvalidOrderError
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.money import ceil_to, floor_to, plain
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


@dataclass(frozen=True, slots=True)
class FormFault:
    """One fault of an order's form. ``code`` names the check, and ``members`` are the numbers that explain it."""

    field: str
    code: str
    message: str
    members: Mapping[str, object] = dataclasses.field(default_factory=dict)


def refuse(faults: Iterable[FormFault]) -> None:
    """Refuse an order that has faults of form. Without any, do nothing.

    Raises:
        InvalidOrderError: The detail and members are those of the first fault, and ``errors`` lists them all.

    """
    found = list(faults)
    if not found:
        return
    first = found[0]
    members: dict[str, Any] = {"field": first.field, **first.members}
    members["errors"] = [{"field": fault.field, "message": fault.message, "code": fault.code} for fault in found]
    raise InvalidOrderError(first.message, **members)


def can_have(kind: OrderType, name: str) -> bool:
    """Tell whether an order of a type has the price, stop_price or trail_percent of this name."""
    return name in _NEEDS[kind]


def field_faults(order: OrderRequest) -> Iterator[FormFault]:
    """Yield fields that do not fit together."""
    needs = _NEEDS[order.type]
    for name, value in (
        ("price", order.price),
        ("stop_price", order.stop_price),
        ("trail_percent", order.trail_percent),
    ):
        if (value is not None) != (name in needs):
            verb = "needs a" if name in needs else "cannot have a"
            yield FormFault(name, "order_type", f"A {order.type} order {verb} {name}.")
    if (order.amount is None) == (order.quote_amount is None):
        yield FormFault("amount", "one_of", "Give exactly one of amount and quote_amount.")
    if order.quote_amount is not None and order.type is not OrderType.MARKET:
        yield FormFault("quote_amount", "order_type", "Only market orders can have a quote_amount.")
    if order.type in _SELL_ONLY and order.side is OrderSide.BUY:
        message = f"A {order.type} order can only sell. To buy at a trigger price, use a stop_limit order."
        yield FormFault("side", "order_type", message)
    if order.reduce_only and order.side is OrderSide.BUY:
        message = "A buy order cannot be reduce_only. This wallet holds long positions only."
        yield FormFault("reduce_only", "side", message)
    if order.trail_percent is not None and not 0 < order.trail_percent <= MAX_TRAIL_PERCENT:
        yield FormFault("trail_percent", "range", "The trail_percent must be above 0 and at most 50.")
    yield from _time_faults(order)
    if order.has_exits:
        yield from _exit_faults(order)


def _time_faults(order: OrderRequest) -> Iterator[FormFault]:
    if order.time_in_force in _AT_ONCE and order.type not in {OrderType.MARKET, OrderType.LIMIT}:
        message = f"A {order.type} order cannot have time_in_force {order.time_in_force}."
        yield FormFault("time_in_force", "order_type", message)
    if order.post_only and (order.type is not OrderType.LIMIT or order.time_in_force in _AT_ONCE):
        message = "A post_only order must be a limit order with time_in_force GTC, DAY or GTD."
        yield FormFault("post_only", "order_type", message)
    if (order.expires_at is not None) != (order.time_in_force is TimeInForce.GTD):
        message = "Give expires_at with time_in_force GTD, and only then."
        yield FormFault("expires_at", "time_in_force", message)


def _exit_faults(order: OrderRequest) -> Iterator[FormFault]:
    if order.side is OrderSide.SELL:
        yield FormFault("stop_loss", "side", "Only buy orders can have a stop_loss or take_profit.")
    for name, spec in (("stop_loss", order.stop_loss), ("take_profit", order.take_profit)):
        if spec is not None and spec.stop_price is not None and spec.percent is not None:
            yield FormFault(name, "one_of", f"Give {name} either a stop_price or a percent, not both.")


def exit_default_faults(order: OrderRequest) -> Iterator[FormFault]:
    """Yield exits without a price or percent, for a wallet that has no limits to supply a default."""
    for name, spec in (("stop_loss", order.stop_loss), ("take_profit", order.take_profit)):
        if spec is not None and spec.stop_price is None and spec.percent is None:
            yield FormFault(name, "one_of", f"Give {name} a stop_price or a percent.")


def price_faults(order: OrderRequest, market: Market) -> Iterator[FormFault]:
    """Yield prices that are not a positive multiple of the tick size, or above the market's maximum."""
    prices = [("price", order.price), ("stop_price", order.stop_price)]
    if order.has_exits:
        exits = (("stop_loss", order.stop_loss), ("take_profit", order.take_profit))
        prices += [(f"{name}.stop_price", spec.stop_price) for name, spec in exits if spec is not None]
    for name, price in prices:
        if price is None:
            continue
        known = name.rpartition(".")[2]
        if price <= 0 or price % market.tick_size:
            nearest = _nearest(price, market.tick_size)
            message = (
                f"The {known} {plain(price)} is not a positive multiple of the tick size {plain(market.tick_size)}."
                f" The nearest valid price is {plain(nearest)}."
            )
            members = {"tick_size": market.tick_size, "suggested_price": nearest}
            yield FormFault(name, "tick_size", message, members)
        elif market.max_price is not None and price > market.max_price:
            largest = floor_to(market.max_price, market.tick_size)
            message = f"The {known} {plain(price)} is above the highest price of {market.symbol}, {plain(largest)}."
            yield FormFault(name, "max_price", message, {"max_price": market.max_price, "suggested_price": largest})


def named_price(order: OrderRequest) -> Decimal | None:
    """Return the price, else the stop_price, at which an order is valued. None if it needs or has neither."""
    needs = _NEEDS[order.type]
    for name, price in (("price", order.price), ("stop_price", order.stop_price)):
        if name in needs and price is not None and price > 0:
            return price
    return None


def amount_fault(amount: Decimal, market: Market) -> FormFault | None:
    """Return the fault of an amount that is not a multiple of the lot step or is below the market's minimum."""
    if amount < market.min_amount or amount % market.lot_step:
        nearest = max(_nearest(amount, market.lot_step), ceil_to(market.min_amount, market.lot_step))
        message = (
            f"The amount {plain(amount)} is not valid for {market.symbol}. Use at least {plain(market.min_amount)}"
            f" in steps of {plain(market.lot_step)}, for example {plain(nearest)}."
        )
        members = {"lot_step": market.lot_step, "min_amount": market.min_amount, "suggested_amount": nearest}
        return FormFault("amount", "lot_step" if amount % market.lot_step else "min_amount", message, members)
    return None


def largest_amount_fault(amount: Decimal, market: Market) -> FormFault | None:
    """Return the fault of an amount above the market's maximum."""
    if market.max_amount is not None and amount > market.max_amount:
        largest = floor_to(market.max_amount, market.lot_step)
        message = f"The amount {plain(amount)} is above the largest order of {market.symbol}, {plain(largest)}."
        members = {"max_amount": market.max_amount, "suggested_amount": largest}
        return FormFault("amount", "max_amount", message, members)
    return None


def notional_fault(amount: Decimal, price: Decimal, market: Market) -> FormFault | None:
    """Return the fault of an order that is worth less than the market's minimum notional at ``price``."""
    if amount * price < market.min_notional:
        enough = max(ceil_to(market.min_notional / price, market.lot_step), market.min_amount)
        message = f"{_worth(amount, price, market)} The smallest order is {plain(market.min_notional)} {market.quote}."
        members = {"min_notional": market.min_notional, "suggested_amount": enough}
        return FormFault("amount", "min_notional", message, members)
    return None


def largest_notional_fault(amount: Decimal, price: Decimal, market: Market) -> FormFault | None:
    """Return the fault of an order that is worth more than the market's maximum notional at ``price``."""
    if market.max_notional is not None and amount * price > market.max_notional:
        largest = floor_to(market.max_notional / price, market.lot_step)
        message = f"{_worth(amount, price, market)} The largest order is {plain(market.max_notional)} {market.quote}."
        members = {"max_notional": market.max_notional, "suggested_amount": largest}
        return FormFault("amount", "max_notional", message, members)
    return None


def _worth(amount: Decimal, price: Decimal, market: Market) -> str:
    return f"{plain(amount)} {market.base} at {plain(price)} is worth {plain(amount * price)} {market.quote}."


def _nearest(value: Decimal, step: Decimal) -> Decimal:
    steps = (value / step).to_integral_value(ROUND_HALF_EVEN)
    return max(steps, Decimal(1)) * step
