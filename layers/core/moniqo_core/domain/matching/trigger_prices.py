"""The open orders of a symbol, indexed by price, so that a point is matched only with orders it can affect."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import takewhile
from operator import attrgetter
from typing import Final

from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.market.market import PathPoint
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import Order, OrderSide, OrderStatus, OrderType

_NEVER_BELOW: Final = Decimal("-Infinity")
_NEVER_ABOVE: Final = Decimal("Infinity")

Thresholds = list[tuple[Decimal, int]]
"""Prices with the age rank of their order, sorted so that the price reached first is at the front."""


class OrdersByTrigger:
    """The open orders of one symbol. Valid until one of them opens, ends, triggers or changes its price.

    A resting limit is reached when the market trades beyond its price, a trigger when the bid or ask reaches it. A
    trailing stop must process every point.
    """

    __slots__ = ("_always", "_buys", "_falling", "_ids", "_nearest", "_rising", "_sells")

    def __init__(self, orders: list[Order]) -> None:
        """Index ``orders``, which are sorted oldest first."""
        self._ids = [order.order_id for order in orders]
        self._always: list[int] = []
        self._buys: Thresholds = []
        self._sells: Thresholds = []
        self._falling: Thresholds = []
        self._rising: Thresholds = []
        for place, order in enumerate(orders):
            self._enter(order, place)
        for thresholds in (self._buys, self._falling):
            thresholds.sort(reverse=True)
        for thresholds in (self._sells, self._rising):
            thresholds.sort()
        self._nearest = (
            self._buys[0][0] if self._buys else _NEVER_BELOW,
            self._sells[0][0] if self._sells else _NEVER_ABOVE,
            self._falling[0][0] if self._falling else _NEVER_BELOW,
            self._rising[0][0] if self._rising else _NEVER_ABOVE,
        )

    def _enter(self, order: Order, place: int) -> None:
        buying = order.side is OrderSide.BUY
        if order.rests and order.price is not None:
            if takes_at_open(order):
                (self._falling if buying else self._rising).append((order.price, place))
            else:
                (self._buys if buying else self._sells).append((order.price, place))
        elif order.type is OrderType.TRAILING_STOP:
            self._always.append(place)
        elif order.stop_price is not None:
            falls = order.type is OrderType.STOP_LOSS or (order.type is OrderType.STOP_LIMIT and not buying)
            (self._falling if falls else self._rising).append((order.stop_price, place))

    def touched_by(self, point: PathPoint) -> list[str]:
        """Return the ids of the orders that a point may fill, trigger or trail, oldest first."""
        price, half = point.price, point.half_spread
        bid, ask = price - half, price + half
        buy, sell, fall, rise = self._nearest
        if price >= buy and price <= sell and bid > fall and ask < rise:
            return [self._ids[place] for place in self._always] if self._always else []
        places = list(self._always)
        places += _reached(self._buys, lambda limit: price < limit)
        places += _reached(self._sells, lambda limit: price > limit)
        places += _reached(self._falling, lambda trigger: bid <= trigger)
        places += _reached(self._rising, lambda trigger: ask >= trigger)
        return [self._ids[place] for place in sorted(places)]


def _reached(thresholds: Thresholds, test: Callable[[Decimal], bool]) -> list[int]:
    return [place for _, place in takewhile(lambda threshold: test(threshold[0]), thresholds)]


def orders_by_trigger(draft: AccountDraft, symbol: str) -> OrdersByTrigger | None:
    """Index the open orders of a symbol. Return None when nothing of it is open or held."""
    orders = [draft.peek(order_id) for order_id in draft.open_ids()]
    mine = [order for order in orders if order.symbol == symbol and order.is_open]
    if not mine and not draft.position(symbol).amount:
        return None
    waiting = [order for order in mine if order.status is not OrderStatus.PENDING]
    return OrdersByTrigger(sorted(waiting, key=attrgetter("age")))


def takes_at_open(order: Order) -> bool:
    """Tell whether a limit had crossed the quote when it was placed or replaced, and has not filled since.

    Its market was closed then. Such an order meets its first point as a taker, and not as a resting order that the
    market trades through. A stop_limit order that has triggered is a limit once it is replaced.
    """
    filled = order.filled_when_replaced
    if filled is None:
        filled = ZERO if order.type is OrderType.LIMIT else None
    if order.price is None or order.filled_amount != filled:
        return False
    return order.price >= order.receipt.ask if order.side is OrderSide.BUY else order.price <= order.receipt.bid
