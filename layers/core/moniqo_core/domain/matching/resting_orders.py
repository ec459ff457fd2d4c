"""Matching the open orders of a symbol against one point of the path."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.market.market import Market, PathPoint
from moniqo_core.domain.matching.attached_exits import close_exit_group, resize_exits
from moniqo_core.domain.matching.exit_pair_lock import open_exits, take_shared_lock
from moniqo_core.domain.matching.fill_postings import apply_fill
from moniqo_core.domain.matching.order_book import fill_at_one_price
from moniqo_core.domain.matching.slippage import slipped_price
from moniqo_core.domain.matching.trigger_prices import takes_at_open
from moniqo_core.domain.money import ceil_to, floor_to
from moniqo_core.domain.orders.order import Liquidity, Order, OrderSide, OrderType
from moniqo_core.domain.orders.triggers import trailing_trigger

MAX_PARTICIPATION: Final = Decimal("0.1")
"""Fraction of a point's traded volume that the resting orders of one wallet may fill against."""


def match_orders(draft: AccountDraft, point: PathPoint, market: Market, order_ids: Sequence[str]) -> bool:
    """Match these orders, oldest first. Resting orders share a tenth of the point's volume.

    Return whether any order opened, ended, triggered or changed its price. A moved trail mark does not count.
    """
    left = MAX_PARTICIPATION * point.volume
    changed = False
    for order_id in order_ids:
        placed = draft.peek(order_id)
        if not placed.is_open or (placed.active_from or placed.created_at) > point.start:
            continue
        if not _can_match(placed, point, market):
            continue
        order = draft.edit(order_id)
        if order is None:
            continue
        status, triggered, fills = order.status, order.triggered, len(draft.fills)
        if order.rests:
            left -= _match_limit(draft, order, point, market, left)
        elif order.type is OrderType.STOP_LIMIT:
            left -= _match_stop_limit(draft, order, point, market, left)
        elif order.type is OrderType.TRAILING_STOP:
            _match_trailing_stop(draft, order, point, market)
        elif order.stop_price is not None and _is_triggered(
            order.type, order.stop_price, point.price - point.half_spread
        ):
            sell_at_market(draft, order, order.stop_price, point, market)
        moved = len(draft.fills) > fills and bool(open_exits(draft, order_id))
        changed |= moved or order.status is not status or order.triggered is not triggered
    return changed


def _can_match(order: Order, point: PathPoint, market: Market) -> bool:
    """Tell whether a point can affect an order, without making a copy of the order."""
    if order.rests:
        buying = order.side is OrderSide.BUY
        through = order.price is not None and trades_through(point, order.price, market.tick_size, buying=buying)
        return through or takes_at_open(order)
    return True


def _is_triggered(kind: OrderType, stop_price: Decimal, bid: Decimal) -> bool:
    return bid <= stop_price if kind is OrderType.STOP_LOSS else bid >= stop_price


def _match_limit(draft: AccountDraft, order: Order, point: PathPoint, market: Market, left: Decimal) -> Decimal:
    """Fill a resting limit that the market traded through. Return how much of the shared volume it used."""
    limit = order.price
    buying = order.side is OrderSide.BUY
    if limit is not None and takes_at_open(order):
        return _take_at_quote(draft, order, limit, point, market, left)
    if limit is None or not trades_through(point, limit, market.tick_size, buying=buying):
        return Decimal(0)
    return _fill_up_to(draft, order, limit, Liquidity.MAKER, point, market, left)


def _match_stop_limit(draft: AccountDraft, order: Order, point: PathPoint, market: Market, left: Decimal) -> Decimal:
    """Trigger on the bid (sell) or ask (buy).

    The part that the limit allows fills at once. The rest goes into the book.
    """
    buying = order.side is OrderSide.BUY
    limit, stop = order.price, order.stop_price
    quote = point.price + point.half_spread if buying else point.price - point.half_spread
    if limit is None or stop is None or (quote < stop if buying else quote > stop):
        return Decimal(0)
    order.triggered = True
    if draft.rules.dates_triggers:
        order.triggered_at = point.end
    return _take_at_quote(draft, order, limit, point, market, left)


def _take_at_quote(
    draft: AccountDraft, order: Order, limit: Decimal, point: PathPoint, market: Market, left: Decimal
) -> Decimal:
    """Fill at the bid or ask of a point if the limit allows it. Return the filled amount."""
    buying = order.side is OrderSide.BUY
    if buying:
        price = ceil_to(point.price + point.half_spread, market.tick_size)
    else:
        price = floor_to(point.price - point.half_spread, market.tick_size)
    if price > limit if buying else price < limit:
        return Decimal(0)
    return _fill_up_to(draft, order, price, Liquidity.TAKER, point, market, left)


def _fill_up_to(
    draft: AccountDraft,
    order: Order,
    price: Decimal,
    liquidity: Liquidity,
    point: PathPoint,
    market: Market,
    left: Decimal,
) -> Decimal:
    size = order.remaining if order.remaining <= left else floor_to(left, market.lot_step)
    if size <= 0:
        return Decimal(0)
    apply_fill(draft, order, market, fill_at_one_price(price, size), liquidity, point.end)
    if order.side is OrderSide.BUY:
        _release_exits(draft, order, point, market)
    return size


def _release_exits(draft: AccountDraft, entry: Order, point: PathPoint, market: Market) -> None:
    """Open the exits of an entry that filled. An exit whose trigger has already passed sells at once."""
    bid = point.price - point.half_spread
    for exit_order in resize_exits(draft, entry, market, point.end):
        stop = exit_order.stop_price
        if exit_order.is_open and stop is not None and _is_triggered(exit_order.type, stop, bid):
            sell_at_market(draft, exit_order, stop, point, market)


def _match_trailing_stop(draft: AccountDraft, order: Order, point: PathPoint, market: Market) -> None:
    """Test the trigger before the trail mark moves."""
    bid = point.price - point.half_spread
    mark, trigger = order.trail_mark, trailing_trigger(order, market.tick_size)
    if mark is None or trigger is None:
        return
    if bid <= trigger:
        sell_at_market(draft, order, trigger, point, market)
    elif bid > mark:
        order.trail_mark = bid


def sell_at_market(draft: AccountDraft, order: Order, trigger: Decimal, point: PathPoint, market: Market) -> None:
    """Fill a triggered sell as taker, at the worse of trigger and bid, with slippage.

    After a price gap, the order therefore fills at the first price beyond the gap.
    """
    bid = point.price - point.half_spread
    take_shared_lock(draft, order)
    price = slipped_price(
        min(trigger, bid),
        order.remaining,
        point.volume,
        draft.account.terms.slippage_bps,
        market.tick_size,
        most_without_volume=draft.rules.slips_most_without_volume,
    )
    apply_fill(draft, order, market, fill_at_one_price(price, order.remaining), Liquidity.TAKER, point.end)
    close_exit_group(draft, order, point.end)


def trades_through(point: PathPoint, limit: Decimal, tick: Decimal, *, buying: bool) -> bool:
    """Tell whether the market traded at least one tick beyond ``limit``, so that an order resting there has filled."""
    return point.price <= limit - tick if buying else point.price >= limit + tick
