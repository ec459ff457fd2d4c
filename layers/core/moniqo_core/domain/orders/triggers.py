"""Triggers of orders that wait for a price."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from moniqo_core.domain.money import ONE, floor_to
from moniqo_core.domain.orders.order import Order, OrderType

MARKET_WHEN_TRIGGERED: Final = frozenset({OrderType.STOP_LOSS, OrderType.TAKE_PROFIT, OrderType.TRAILING_STOP})
"""Types that fill at market once they are triggered."""

_HUNDRED: Final = Decimal(100)


def trailing_trigger(order: Order, tick_size: Decimal) -> Decimal | None:
    """Return the bid at which a trailing stop sells now, rounded down to the tick, or None for another type."""
    if order.trail_mark is None or order.trail_percent is None:
        return None
    return floor_to(order.trail_mark * (ONE - order.trail_percent / _HUNDRED), tick_size)
