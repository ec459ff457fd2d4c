"""Changes of a live order: its intent, and what becomes known about it later.

The intent is stored before anything is sent. From then on, the order follows the venue's reports, whichever process
requested them and in whatever order they arrive. All functions are pure: each takes an order and returns the changed
one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from moniqo_core.domain.live.order import SEND_WITHIN, LiveOrder, VenueReport
from moniqo_core.domain.live.query_schedule import FIRST_QUERY_DELAY, open_order_delay, query_delay
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import Fill, OrderStatus
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.orders.status_history import extended_history

ACCEPTANCE_WINDOW: Final = timedelta(minutes=3)
"""How long after ``send_by`` a venue may still accept an order. No signature that we send is valid longer."""

QUERIES_BEFORE_REJECTION: Final = 3
QUERIES_FOR_FILLS: Final = 10

NOT_SENT: Final = "not_sent"
NOT_FOUND: Final = "not_found"
FORGOTTEN_BY_VENUE: Final = "forgotten_by_venue"
ABSENCE_REASONS: Final = frozenset({NOT_FOUND, FORGOTTEN_BY_VENUE})
"""Reasons of orders that ended because queries did not find them."""


def intend(
    order: OrderRequest,
    *,
    user_wallet_id: str,
    user_id: str,
    venue: str,
    seq: int,
    venue_client_id: str,
    token: str,
    now: datetime,
    body_hash: str | None = None,
) -> LiveOrder:
    """Return the intent to send ``order``.

    ``now`` is when the live-trading switch, status and limits were read. ``body_hash`` is the hash of the request that
    the order carries out, if that is not a request to place it.
    """
    return LiveOrder(
        user_wallet_id=user_wallet_id,
        user_id=user_id,
        venue=venue,
        seq=seq,
        venue_client_id=venue_client_id,
        token=token,
        body_hash=order.body_hash() if body_hash is None else body_hash,
        request=order,
        created_at=now,
        updated_at=now,
        status=OrderStatus.PENDING,
        status_history=((OrderStatus.PENDING, now),),
        reconcile_at=now + SEND_WITHIN + FIRST_QUERY_DELAY,
        amount=order.amount or ZERO,
        fee_currency=order.symbol.partition("/")[2],
    )


def refused(order: LiveOrder, reason: str, now: datetime) -> LiveOrder:
    """Reject an order that was certainly not placed, whether the venue or this service refused it.

    Its client order id may be used again. An order that has ended or is known to the venue does not change.
    """
    if order.has_ended or order.venue_order_id is not None:
        return order
    return _enter(replace(order, reconcile_at=None, holds_client_id=False, reason=reason), OrderStatus.REJECTED, now)


def outcome_unknown(order: LiveOrder, now: datetime) -> LiveOrder:
    """Mark a pending order as sent without an answer that tells its outcome."""
    if order.status is not OrderStatus.PENDING:
        return order
    return _enter(replace(order, reconcile_at=now + FIRST_QUERY_DELAY), OrderStatus.UNKNOWN, now)


def acknowledged(order: LiveOrder, report: VenueReport, now: datetime) -> LiveOrder:
    """Apply a venue's report of the order.

    A report with a smaller filled amount is outdated and only updates ``acknowledged_at``. An ended order stays ended,
    unless it ended because queries did not find it: a report then reverses that end.
    """
    if order.has_ended and order.reason not in ABSENCE_REASONS:
        return _finish(order, now)
    if report.filled_amount < order.filled_amount:
        return _finish(replace(order, acknowledged_at=now), now)
    status = report.status or (order.status if order.venue_order_id else OrderStatus.OPEN)
    if status in {OrderStatus.PENDING, OrderStatus.UNKNOWN}:
        status = OrderStatus.OPEN
    if status is OrderStatus.OPEN and order.status is OrderStatus.PARTIALLY_FILLED:
        status = OrderStatus.PARTIALLY_FILLED
    changed = replace(
        order,
        venue_order_id=report.venue_order_id,
        amount=report.amount or order.amount,
        filled_amount=report.filled_amount,
        filled_quote=report.filled_quote,
        fee=report.fee,
        fee_currency=report.fee_currency,
        acknowledged_at=now,
        misses=0,
        queries_without_news=order.queries_without_news + 1 if report.filled_amount == order.filled_amount else 0,
        reason=None,
    )
    if changed.filled_amount != order.filled_amount:
        changed = replace(changed, updated_at=now)
    return _finish(_enter(changed, status, now), now)


def with_fills(order: LiveOrder, fills: Sequence[Fill], now: datetime) -> LiveOrder:
    """Record that all fills that the venue lists for the order are now stored."""
    with exact():
        stored_fill_amount = sum((fill.amount for fill in fills), ZERO)
    return _finish(replace(order, stored_fill_amount=max(stored_fill_amount, order.stored_fill_amount)), now)


def not_found(order: LiveOrder, now: datetime) -> LiveOrder:
    """Apply a query that did not find the order.

    The order ends only after several such queries, and only when it can no longer arrive at the venue.
    """
    if order.has_ended:
        return order
    missed = replace(order, misses=order.misses + 1, queries_without_news=order.queries_without_news + 1)
    since = order.acknowledged_at or order.send_by
    if missed.misses >= QUERIES_BEFORE_REJECTION and now >= since + ACCEPTANCE_WINDOW:
        if order.venue_order_id is None:
            return _enter(replace(missed, reconcile_at=None, reason=NOT_FOUND), OrderStatus.REJECTED, now)
        return _enter(replace(missed, reconcile_at=None, reason=FORGOTTEN_BY_VENUE), OrderStatus.EXPIRED, now)
    missed = replace(missed, reconcile_at=now + query_delay(missed.queries_without_news))
    return outcome_unknown(missed, now) if now > order.send_by else missed


def unanswered(order: LiveOrder, now: datetime) -> LiveOrder:
    """Postpone the next query, because the venue could not be queried."""
    if order.reconcile_at is None:
        return order
    queries = order.queries_without_news + 1
    return replace(order, queries_without_news=queries, reconcile_at=now + query_delay(queries))


def _finish(order: LiveOrder, now: datetime) -> LiveOrder:
    """Set the time of the next query.

    There is none once the order has ended and its fills are stored, or enough queries did not find them.
    """
    if not order.has_ended:
        return replace(order, reconcile_at=now + open_order_delay(now - order.created_at))
    if not order.lacks_fills or order.queries_without_news >= QUERIES_FOR_FILLS:
        return replace(order, reconcile_at=None)
    queries = order.queries_without_news + 1
    return replace(order, queries_without_news=queries, reconcile_at=now + query_delay(queries))


def _enter(order: LiveOrder, status: OrderStatus, now: datetime) -> LiveOrder:
    """Change to a status, which the history gains."""
    if order.status is status:
        return order
    history = extended_history(order.status_history, status, now)
    return replace(order, status=status, status_history=history, updated_at=now)
