"""Converts CCXT's orders, fills, books and balances to the types that all wallets share.

The functions are pure and work on plain data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from moniqo_core.domain.market.market import Candle, PriceLevel
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType, TimeInForce, average_price
from moniqo_core.domain.portfolio.average_cost import after_trade
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.domain.wallets.results import OrderResult, WalletBalance
from moniqo_core.venues.exchanges.venue import IN_QUOTE

_STATUSES: Final = {
    "open": OrderStatus.OPEN,
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELLED,
    "canceling": OrderStatus.OPEN,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}
_AT_ONCE: Final = frozenset({TimeInForce.IOC.value, TimeInForce.FOK.value})
_PRICED: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})


@dataclass(frozen=True, slots=True)
class VenueFill:
    """A fill at a venue. ``quote`` is the quote amount exchanged, without the fee.

    A fill ``on_margin`` moves borrowed money. It is not part of a spot position, and only its fee reaches the balances.
    """

    fill_id: str
    order_id: str
    symbol: str
    side: OrderSide
    price: Decimal
    amount: Decimal
    quote: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: str | None
    at: datetime
    on_margin: bool = False


def read_order(order: Mapping[str, Any], order_type: OrderType) -> OrderResult:
    """Convert an order of CCXT. ``order_type`` is its type as the venue's ``type_of`` returned it."""
    filled, quote = _amount(order.get("filled")), _amount(order.get("cost"))
    fees = _fees(order)
    currency = next(iter(fees), order["symbol"].partition("/")[2])
    average = None
    if filled and not order.get(IN_QUOTE):
        with exact():
            average = average_price(quote, filled)
    return OrderResult(
        order_id=str(order["id"]),
        symbol=order["symbol"],
        side=OrderSide(order["side"]),
        order_type=order_type,
        status=_status(order, filled),
        price=_amount(order["price"]) if order_type in _PRICED and order.get("price") else None,
        amount=_amount(order["amount"]),
        filled_amount=filled,
        average_fill_price=average,
        fee=fees.get(currency, ZERO),
        fee_currency=currency,
        timestamp=read_time(order["timestamp"]),
        metadata={"fees": {name: str(fee) for name, fee in fees.items()}} if len(fees) > 1 else {},
        client_order_id=order.get("clientOrderId"),
        filled_quote=quote,
    )


def _status(order: Mapping[str, Any], filled: Decimal) -> OrderStatus:
    status = _STATUSES.get(str(order["status"]), OrderStatus.UNKNOWN)
    if status is OrderStatus.OPEN and filled:
        return OrderStatus.PARTIALLY_FILLED
    if status is OrderStatus.EXPIRED and order.get("timeInForce") in _AT_ONCE:
        return OrderStatus.CANCELLED
    return status


def _fees(order: Mapping[str, Any]) -> dict[str, Decimal]:
    """Sum the fees by asset, in the order in which the assets first appear."""
    given = order.get("fees") or [order.get("fee")]
    sums: dict[str, Decimal] = {}
    for fee in given:
        if fee and fee.get("cost") is not None and fee.get("currency"):
            with exact():
                sums[fee["currency"]] = sums.get(fee["currency"], ZERO) + _amount(fee["cost"])
    return sums


def needs_fills(order: Mapping[str, Any]) -> bool:
    """Tell whether an order has fills, but reports no fee or no amounts in the units of its market."""
    return bool(_amount(order.get("filled"))) and (bool(order.get(IN_QUOTE)) or not _fees(order))


def with_fills(order: Mapping[str, Any], fills: Iterable[VenueFill]) -> dict[str, Any]:
    """Return an order of CCXT with the fees, and where needed the amounts, of those ``fills`` that belong to it."""
    own = [fill for fill in fills if fill.order_id == str(order["id"])]
    fees = [{"cost": fill.fee, "currency": fill.fee_currency} for fill in own]
    summed: dict[str, object] = {}
    if order.get(IN_QUOTE) and own:
        with exact():
            filled = sum((fill.amount for fill in own), ZERO)
            quote = sum((fill.quote for fill in own), ZERO)
        # Of an order whose amount is in the quote asset, nobody knows the base amount before it filled.
        amount = filled if order.get("amount") is None else order["amount"]
        summed = {"filled": filled, "cost": quote, "amount": amount, IN_QUOTE: False}
    return {**order, "fees": fees, "fee": None, **summed}


def read_fill(trade: Mapping[str, Any], *, on_margin: bool = False) -> VenueFill:
    """Convert one of the account's own trades."""
    fee = trade.get("fee") or {}
    price, amount = _number(trade["price"]), _number(trade["amount"])
    with exact():
        quote = _number(trade["cost"]) if trade.get("cost") is not None else price * amount
    return VenueFill(
        fill_id=str(trade["id"]),
        order_id=str(trade["order"]),
        symbol=trade["symbol"],
        side=OrderSide(trade["side"]),
        price=price,
        amount=amount,
        quote=quote,
        fee=_amount(fee.get("cost")),
        fee_currency=fee.get("currency") or trade["symbol"].partition("/")[2],
        liquidity=next((side for side in ("maker", "taker") if side == trade.get("takerOrMaker")), None),
        at=read_time(trade["timestamp"]),
        on_margin=on_margin,
    )


def read_balances(found: Mapping[str, Any]) -> list[WalletBalance]:
    """Convert CCXT's balance to the assets with a non-zero total, sorted by asset. ``locked`` is total less free."""
    held = []
    for asset, total in found["total"].items():
        whole, free = _amount(total), _amount(found["free"].get(asset))
        if whole:
            with exact():
                held.append(WalletBalance(asset, free, whole - free))
    return sorted(held, key=lambda balance: balance.asset)


def read_levels(side: Sequence[Sequence[Any]], *, falling: bool) -> list[PriceLevel]:
    """Convert one side of an order book, best price first.

    The levels are sorted again, because CCXT keeps prices as strings here and sorts them alphabetically.
    """
    levels = [PriceLevel(_amount(row[0]), _amount(row[1])) for row in side]
    return sorted((level for level in levels if level.amount > 0), key=lambda level: level.price, reverse=falling)


def read_candle(row: Sequence[Any]) -> Candle:
    """Convert a candle of CCXT."""
    start, *prices = row
    opened, high, low, closed, volume = (_number(value) for value in prices)
    return Candle(read_time(start), opened, high, low, closed, volume)


def position_of(fills: Iterable[VenueFill], base: str) -> Position:
    """Return the position that ``fills``, oldest first, add up to. Fills on margin are not counted."""
    position = Position()
    with exact():
        for fill in fills:
            if not fill.on_margin:
                position = after_trade(position, fill, base)
    return position


def read_time(milliseconds: int | str) -> datetime:
    """Convert a time of CCXT, in milliseconds since 1970 UTC."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _amount(value: Any) -> Decimal:
    return ZERO if value is None else _number(value)


def _number(value: Any) -> Decimal:
    """Return a number that must be there. Raise an error for anything else, such as null or NaN."""
    found = Decimal(str(value))
    if not found.is_finite():
        raise ValueError(value)
    return found
