"""The comparison of attached exits with the price of their entry.

An exit on the wrong side of that price would sell as soon as the entry has bought.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.errors import OrderRejectedError
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.matching.attached_exits import exit_specs, exit_trigger
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.risk.limits import RiskLimits


class PlannedExit(NamedTuple):
    """An exit as its order requests it: the field, its trigger, and the price that the trigger must be beyond."""

    field: str
    trigger: Decimal
    entry_price: Decimal
    bound: Decimal

    @property
    def is_beyond(self) -> bool:
        """Whether the market can still reach the trigger after the entry was bought."""
        return self.trigger < self.bound if self.field == "stop_loss" else self.trigger > self.bound


def planned_exits(order: OrderRequest, limits: RiskLimits | None, context: MarketContext) -> Iterator[PlannedExit]:
    """Yield the exits of an order with their triggers, measured from the price of the entry.

    The price of the entry is its limit, or the ask for a market order. The stop of an entry that buys at once must also
    be below the bid, at which it would sell.
    """
    bid, ask = context.snapshot.bid, context.snapshot.ask
    price = order.price or ask
    takes = order.type in {OrderType.MARKET, OrderType.LIMIT} and context.is_open and price >= ask
    for kind, spec in exit_specs(order, limits):
        trigger = spec.stop_price
        if trigger is None:
            if spec.percent is None:
                continue
            trigger = exit_trigger(kind, spec.percent, price, context.market.tick_size)
        is_stop = kind is OrderType.STOP_LOSS
        yield PlannedExit(kind.value, trigger, price, min(price, bid) if is_stop and takes else price)


def check_exit_prices(order: OrderRequest, limits: RiskLimits | None, context: MarketContext) -> None:
    """Refuse a stop at or above the price of its entry, and a target at or below it.

    Raises:
        OrderRejectedError: An exit would sell at once. The members are the trigger, the price of the entry and the bid.

    """
    if order.side is OrderSide.SELL:
        return
    for planned in planned_exits(order, limits, context):
        if planned.is_beyond:
            continue
        is_stop = planned.field == "stop_loss"
        where = "below" if is_stop else "above"
        what = "price of its entry" if planned.bound == planned.entry_price else "bid"
        raise OrderRejectedError(
            f"The {planned.field} {plain(planned.trigger)} is not {where} the {what}, {plain(planned.bound)}."
            " It would sell at once.",
            hint=f"Choose a {planned.field} {where} {plain(planned.bound)}, or leave it out.",
            field=planned.field,
            stop_price=planned.trigger,
            entry_price=planned.entry_price,
            best_price=context.snapshot.bid,
        )
