"""Whether an order is well formed for its market: steps, minimums, and fields that belong together."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from moniqo.domain.command import Place
from moniqo.domain.errors import InvalidOrderError
from moniqo.domain.market import Market
from moniqo.domain.money import ceil_to, plain
from moniqo.domain.order import OrderType, TimeInForce

SUPPORTED_TYPES = frozenset({OrderType.MARKET, OrderType.LIMIT})
SUPPORTED_TIMES = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})


def check_fields(order: Place) -> None:
    """Refuse fields that do not belong together; raises InvalidOrderError."""
    if order.type not in SUPPORTED_TYPES:
        raise InvalidOrderError(f"order type {order.type} is not supported by this wallet")
    if order.time_in_force not in SUPPORTED_TIMES:
        raise InvalidOrderError(f"time in force {order.time_in_force} is not supported by this wallet")
    if (order.amount is None) == (order.quote_amount is None):
        raise InvalidOrderError("give either amount or quote_amount")
    if order.type is OrderType.MARKET:
        if order.price is not None:
            raise InvalidOrderError("a market order has no price")
        if order.post_only:
            raise InvalidOrderError("a market order always takes, post_only cannot hold")
        return
    if order.price is None:
        raise InvalidOrderError("a limit order needs a price")
    if order.quote_amount is not None:
        raise InvalidOrderError("quote_amount is for market orders only")
    if order.post_only and order.time_in_force is not TimeInForce.GTC:
        raise InvalidOrderError("post_only rests in the book, IOC and FOK never do")


def check_price(price: Decimal, market: Market) -> None:
    """Refuse a price that is not positive or not a multiple of the tick."""
    nearest = _nearest(price, market.tick_size)
    if price <= 0 or price != nearest:
        raise InvalidOrderError(
            f"price {plain(price)} is not a positive multiple of the tick {plain(market.tick_size)},"
            f" {plain(nearest)} is the nearest",
            field="price",
            tick_size=market.tick_size,
            suggested_price=nearest,
        )


def check_amount(amount: Decimal, market: Market) -> None:
    """Refuse an amount that is not a multiple of the lot step or is below the market's smallest amount."""
    nearest = max(_nearest(amount, market.lot_step), ceil_to(market.min_amount, market.lot_step))
    if amount < market.min_amount or amount != nearest:
        raise InvalidOrderError(
            f"amount {plain(amount)} does not fit {market.symbol}: at least {plain(market.min_amount)}"
            f" in steps of {plain(market.lot_step)}, {plain(nearest)} is the nearest",
            field="amount",
            lot_step=market.lot_step,
            min_amount=market.min_amount,
            suggested_amount=nearest,
        )


def check_notional(amount: Decimal, price: Decimal, market: Market) -> None:
    """Refuse an order worth less than the market's smallest notional at ``price``."""
    if amount * price < market.min_notional:
        enough = max(ceil_to(market.min_notional / price, market.lot_step), market.min_amount)
        raise InvalidOrderError(
            f"{plain(amount)} {market.base} at {plain(price)} are worth {plain(amount * price)} {market.quote},"
            f" the smallest order is {plain(market.min_notional)} {market.quote}",
            field="amount",
            min_notional=market.min_notional,
            suggested_amount=enough,
        )


def _nearest(value: Decimal, step: Decimal) -> Decimal:
    steps = (value / step).to_integral_value(ROUND_HALF_EVEN)
    return max(steps, Decimal(1)) * step
