"""Market conditions that forbid an order now: closed hours, a passed trigger, a post-only order that would fill."""

from __future__ import annotations

from decimal import Decimal

from moniqo_core.domain.clock import rfc3339
from moniqo_core.domain.errors import OrderRejectedError
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import Snapshot
from moniqo_core.domain.matching.order_book import FillPlan
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import OrderRequest


def refuse_closed(order: OrderRequest, context: MarketContext) -> None:
    """Raise OrderRejectedError for an order that cannot or may not wait for the market to open."""
    opens = context.next_open
    raise OrderRejectedError(
        f"The market of {order.symbol} is closed{f' until {rfc3339(opens)}' if opens else ''}.",
        next_open=opens,
        hint="Wait for the market to open. If risk_limits set respect_market_hours to false, orders that can wait are"
        " accepted now.",
    )


def check_trigger(order: OrderRequest, snapshot: Snapshot) -> None:
    """Refuse a trigger price that the market has already passed. A sell triggers on the bid, a buy on the ask.

    Raises:
        OrderRejectedError: the market has passed the price, or is at it.

    """
    stop = order.stop_price
    if stop is None:
        return
    buying = order.side is OrderSide.BUY
    now = snapshot.ask if buying else snapshot.bid
    waits_for_rise = buying or order.type is OrderType.TAKE_PROFIT
    if now >= stop if waits_for_rise else now <= stop:
        raise OrderRejectedError(
            f"The {'ask' if buying else 'bid'} {plain(now)} has already passed the stop_price {plain(stop)}.",
            stop_price=stop,
            best_price=now,
        )


def check_post_only(order: OrderRequest, snapshot: Snapshot) -> None:
    """Refuse a post-only limit that would fill at once, with OrderRejectedError."""
    if not order.post_only or order.price is None:
        return
    buying = order.side is OrderSide.BUY
    best = snapshot.ask if buying else snapshot.bid
    if order.price >= best if buying else order.price <= best:
        raise OrderRejectedError(
            f"A post-only {order.side} at {plain(order.price)} would fill at once. The best price is {plain(best)}.",
            best_price=best,
        )


def check_all_at_once(order: OrderRequest, amount: Decimal, plan: FillPlan, base: str) -> None:
    """Refuse a fill-or-kill order that cannot fill completely, with OrderRejectedError."""
    if order.time_in_force is TimeInForce.FOK and plan.amount < amount:
        raise OrderRejectedError(
            f"Only {plain(plan.amount)} of {plain(amount)} {base} can fill at once.",
            available=plan.amount,
            suggested_amount=plan.amount,
        )
