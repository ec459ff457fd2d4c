"""Conversion of a paper order to the read model of orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.money import exact
from moniqo_core.domain.orders.fees import fees_by_asset
from moniqo_core.domain.orders.order import Fill, Order, OrderType
from moniqo_core.domain.orders.record import ExitSummary, OrderRecord
from moniqo_core.domain.orders.triggers import MARKET_WHEN_TRIGGERED, trailing_trigger


def paper_record(
    account: Account,
    order: Order,
    fills: tuple[Fill, ...] = (),
    *,
    exits: Sequence[Order] = (),
    tick_size: Decimal,
    replayed: bool = False,
) -> OrderRecord:
    """Return an order of ``account`` with its ``fills``, oldest first, and the ``exits`` attached to it.

    ``tick_size`` is that of the market when the order was placed.
    """
    order = _with_latest_mark(account, order)
    return OrderRecord(
        user_wallet_id=account.user_wallet_id,
        mode="paper",
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        status=order.status,
        amount=order.amount,
        quote_amount=order.quote_amount,
        filled_amount=order.filled_amount,
        remaining_amount=order.remaining,
        filled_quote=order.filled_quote,
        price=order.price,
        stop_price=_trigger(account, order, tick_size),
        trail_percent=order.trail_percent,
        mark_price=order.trail_mark,
        triggered_at=_triggered_at(order, fills),
        average_fill_price=order.average_fill_price,
        fee=order.fee,
        fee_currency=order.fee_currency,
        fees=fees_by_asset(fills),
        time_in_force=order.time_in_force,
        expires_at=order.expires_at,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        exits=tuple(ExitSummary(item.order_id, item.type, item.stop_price, item.status) for item in exits),
        entry=order.entry,
        fills=fills,
        status_history=order.status_history,
        receipt=order.receipt,
        evaluated_until=account.evaluated_until.get(order.symbol, order.created_at)
        if order.is_open
        else order.updated_at,
        reason=None,
        created_at=order.created_at,
        updated_at=order.updated_at,
        metadata=order.metadata,
        replayed=replayed,
    )


def _with_latest_mark(account: Account, order: Order) -> Order:
    """Return a trailing stop with the mark of the account, which may be newer than the journal. A mark never falls."""
    evaluated = account.orders.get(order.order_id)
    if order.trail_mark is None or evaluated is None or not order.is_open:
        return order
    latest = order.copy()
    latest.trail_mark = max(order.trail_mark, evaluated.trail_mark or order.trail_mark)
    return latest


def _trigger(account: Account, order: Order, tick_size: Decimal) -> Decimal | None:
    """Return the trigger, of a trailing stop the present one. It is rounded as the walk of the path rounds it."""
    if order.type is not OrderType.TRAILING_STOP:
        return order.stop_price
    observed = account.observed_markets.get(order.symbol)
    with exact():
        return trailing_trigger(order, tick_size if observed is None else observed.market.tick_size)


def _triggered_at(order: Order, fills: tuple[Fill, ...]) -> datetime | None:
    """Return when an order was triggered. A triggered stop, target or trailing stop fills at the same moment."""
    if order.type in MARKET_WHEN_TRIGGERED:
        return fills[0].at if fills else None
    return order.triggered_at
