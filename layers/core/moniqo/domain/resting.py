"""Resting orders meeting the path of the market: the same path gives the same fills, however often anyone looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from moniqo.domain.command import Mark
from moniqo.domain.filling import fill
from moniqo.domain.ledger import Account, Commit, Draft
from moniqo.domain.market import Level, Market, PathPoint
from moniqo.domain.matching import PARTICIPATION, trades_through
from moniqo.domain.money import exact, floor_to
from moniqo.domain.order import Liquidity, Order, OrderSide

MARK_EVERY: Final = timedelta(hours=1)
"""How far a look that filled nothing may fall behind before it is written down."""

Paths = Mapping[str, Sequence[PathPoint]]


def evaluate(account: Account, paths: Paths, markets: Mapping[str, Market], now: datetime) -> Commit | None:
    """Walk each symbol's points since ``evaluated_until`` and fill what they trade through.

    A point fills an order that was placed before it began, at the order's limit, as maker, up to a tenth of the
    point's volume, which a wallet's orders share by age. Points of several symbols are taken by (time, symbol).

    Returns:
        The commit, or None when nothing filled and the last mark is less than an hour old.

    """
    with exact():
        draft = Draft(account, now)
        for point, symbol in _candidates(account, paths, markets):
            _meet(draft, symbol, point, markets[symbol])
        for symbol, points in paths.items():
            if points:
                draft.evaluated_until[symbol] = points[-1].end
        if not draft.fills and not _overdue(account, draft):
            return None
        return draft.commit(Mark())


def _candidates(account: Account, paths: Paths, markets: Mapping[str, Market]) -> list[tuple[PathPoint, str]]:
    """Points that can fill at least one order, in the order they happened."""
    found: list[tuple[PathPoint, str]] = []
    for symbol, points in paths.items():
        tick = markets[symbol].tick_size
        buys = [order.price for order in _resting(account.orders.values(), symbol, OrderSide.BUY)]
        sells = [order.price for order in _resting(account.orders.values(), symbol, OrderSide.SELL)]
        highest_buy = max((price for price in buys if price is not None), default=None)
        lowest_sell = min((price for price in sells if price is not None), default=None)
        for point in points:
            if (highest_buy is not None and trades_through(point, highest_buy, tick, buying=True)) or (
                lowest_sell is not None and trades_through(point, lowest_sell, tick, buying=False)
            ):
                found.append((point, symbol))
    found.sort(key=lambda item: (item[0].end, item[1]))
    return found


def _resting(orders: Iterable[Order], symbol: str, side: OrderSide) -> list[Order]:
    return [order for order in orders if order.symbol == symbol and order.side is side]


def _meet(draft: Draft, symbol: str, point: PathPoint, market: Market) -> None:
    left = PARTICIPATION * point.volume
    for order_id, placed in draft.account.orders.items():
        if placed.symbol != symbol or placed.price is None or placed.created_at > point.start:
            continue
        order = draft.order(order_id)
        buying = order.side is OrderSide.BUY
        if not order.is_open or not trades_through(point, placed.price, market.tick_size, buying=buying):
            continue
        size = order.remaining if order.remaining <= left else floor_to(left, market.lot_step)
        if not size:
            continue
        left -= size
        draft.orders[order_id] = fill(draft, order, market, (Level(placed.price, size),), Liquidity.MAKER, point.end)


def _overdue(account: Account, draft: Draft) -> bool:
    return any(
        until - account.evaluated_until.get(symbol, until) >= MARK_EVERY
        for symbol, until in draft.evaluated_until.items()
    )
