"""The life of an order at a real venue: what is sent once, and what is learned about it afterwards.

The intent is written before anything is sent. From then on the record follows what the venue says, whoever asks and in
whatever order the answers come. Pure functions: each takes an order and returns what it becomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import OPEN_STATUSES, Fill, OrderStatus
from moniqo_core.domain.orders.request import OrderRequest

SEND_WITHIN: Final = timedelta(seconds=10)
"""How long after the look at switch, status and limits an intent may still be sent."""

ACCEPTANCE: Final = timedelta(minutes=3)
"""How long after that a venue may still take what was sent: no signature we send is valid for longer."""

LOOKS_BEFORE_REJECTION: Final = 3
LOOKS_FOR_FILLS: Final = 10
FIRST_LOOK: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=5)
YOUNG: Final = timedelta(hours=1)
"""An open order younger than this is looked at every minute, an older one every five."""

HISTORY: Final = 20

_ENDED: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})

NOT_SENT: Final = "not_sent"
NOT_FOUND: Final = "not_found"
FORGOTTEN: Final = "forgotten_by_venue"
ABSENT: Final = frozenset({NOT_FOUND, FORGOTTEN})
"""Ends that rest on looks that found nothing."""


class Report(NamedTuple):
    """What a venue says of an order. ``status`` is None when it took the order and did not say more."""

    venue_order_id: str
    status: OrderStatus | None
    amount: Decimal
    filled_amount: Decimal
    filled_quote: Decimal
    fee: Decimal
    fee_currency: str


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """An order with the fills that are kept of it, oldest first; ``replayed`` when an earlier request placed it."""

    order: LiveOrder
    fills: tuple[Fill, ...] = ()
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """An order of a live wallet; ``seq`` counts the orders of its wallet.

    ``venue`` is the slug of the wallet's definition and ``venue_client_id`` the id the order is sent under. ``token``
    tells whose intent it is when a write is sent twice.
    ``holds_client_id`` is False once the venue refused the order: its client order id may be used again.
    ``seen_at`` is when the venue last reported it, ``reconcile_at`` when to ask next, None once nothing is open.
    ``misses`` counts looks in a row that did not find it, ``looks`` those that brought nothing new. ``mirrored`` is the
    amount of the fills that are kept. ``reason`` says why it was rejected. ``version`` counts the writes.
    """

    user_wallet_id: str
    user_id: str
    venue: str
    seq: int
    venue_client_id: str
    token: str
    body_hash: str
    request: OrderRequest
    created_at: datetime
    updated_at: datetime
    status: OrderStatus
    status_history: tuple[tuple[OrderStatus, datetime], ...]
    reconcile_at: datetime | None
    amount: Decimal
    fee_currency: str
    version: int = 1
    holds_client_id: bool = True
    venue_order_id: str | None = None
    filled_amount: Decimal = ZERO
    filled_quote: Decimal = ZERO
    fee: Decimal = ZERO
    mirrored: Decimal = ZERO
    seen_at: datetime | None = None
    misses: int = 0
    looks: int = 0
    reason: str | None = None

    @property
    def order_id(self) -> str:
        """Our id, of the form a paper wallet's orders have."""
        return f"o-{self.seq}-1"

    @property
    def send_by(self) -> datetime:
        """Until when it may be sent; after that nobody does."""
        return self.created_at + SEND_WITHIN

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more can fill."""
        return self.status in _ENDED

    @property
    def is_at_venue(self) -> bool:
        """Tell whether the venue is known to have it open."""
        return self.status in OPEN_STATUSES and self.venue_order_id is not None

    @property
    def lacks_fills(self) -> bool:
        """Tell whether more filled than the fills that are kept add up to."""
        return self.mirrored < self.filled_amount


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
) -> LiveOrder:
    """Return the intent to send ``order``; ``now`` is when switch, status and limits were read."""
    return LiveOrder(
        user_wallet_id=user_wallet_id,
        user_id=user_id,
        venue=venue,
        seq=seq,
        venue_client_id=venue_client_id,
        token=token,
        body_hash=order.body_hash(),
        request=order,
        created_at=now,
        updated_at=now,
        status=OrderStatus.PENDING,
        status_history=((OrderStatus.PENDING, now),),
        reconcile_at=now + SEND_WITHIN + FIRST_LOOK,
        amount=order.amount or ZERO,
        fee_currency=order.symbol.partition("/")[2],
    )


def refused(order: LiveOrder, reason: str, now: datetime) -> LiveOrder:
    """The venue, or we before sending, surely did not place it: its client order id may be used again."""
    if order.has_ended or order.venue_order_id is not None:
        return order
    return _enter(replace(order, reconcile_at=None, holds_client_id=False, reason=reason), OrderStatus.REJECTED, now)


def outcome_unknown(order: LiveOrder, now: datetime) -> LiveOrder:
    """It was sent, and no answer says what became of it."""
    if order.status is not OrderStatus.PENDING:
        return order
    return _enter(replace(order, reconcile_at=now + FIRST_LOOK), OrderStatus.UNKNOWN, now)


def acknowledged(order: LiveOrder, report: Report, now: datetime) -> LiveOrder:
    """The venue knows it. An answer older than what is known changes nothing; what ended stays ended.

    An end because it was not found is the one the venue's word takes back.
    """
    if order.has_ended and order.reason not in ABSENT:
        return _finish(order, now)
    if report.filled_amount < order.filled_amount:
        return _finish(replace(order, seen_at=now), now)
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
        seen_at=now,
        misses=0,
        looks=order.looks + 1 if report.filled_amount == order.filled_amount else 0,
        reason=None,
    )
    if changed.filled_amount != order.filled_amount:
        changed = replace(changed, updated_at=now)
    return _finish(_enter(changed, status, now), now)


def with_fills(order: LiveOrder, fills: Sequence[Fill], now: datetime) -> LiveOrder:
    """All fills the venue lists of the order are kept from now on."""
    with exact():
        mirrored = sum((fill.amount for fill in fills), ZERO)
    return _finish(replace(order, mirrored=max(mirrored, order.mirrored)), now)


def not_found(order: LiveOrder, now: datetime) -> LiveOrder:
    """The venue does not know it, which decides only after several looks, the last when it can come no more."""
    if order.has_ended:
        return order
    missed = replace(order, misses=order.misses + 1, looks=order.looks + 1)
    since = order.seen_at or order.send_by
    if missed.misses >= LOOKS_BEFORE_REJECTION and now >= since + ACCEPTANCE:
        if order.venue_order_id is None:
            return _enter(replace(missed, reconcile_at=None, reason=NOT_FOUND), OrderStatus.REJECTED, now)
        return _enter(replace(missed, reconcile_at=None, reason=FORGOTTEN), OrderStatus.EXPIRED, now)
    missed = replace(missed, reconcile_at=now + _pause(missed.looks))
    return outcome_unknown(missed, now) if now > order.send_by else missed


def unanswered(order: LiveOrder, now: datetime) -> LiveOrder:
    """The venue could not be asked: nothing is learned, and the next look is later."""
    if order.reconcile_at is None:
        return order
    return replace(order, looks=order.looks + 1, reconcile_at=now + _pause(order.looks + 1))


def _finish(order: LiveOrder, now: datetime) -> LiveOrder:
    """Set when to look again: never once it ended and its fills are kept."""
    if not order.has_ended:
        young = now - order.created_at < YOUNG
        return replace(order, reconcile_at=now + (timedelta(minutes=1) if young else LONGEST_PAUSE))
    if not order.lacks_fills or order.looks >= LOOKS_FOR_FILLS:
        return replace(order, reconcile_at=None)
    return replace(order, reconcile_at=now + _pause(order.looks + 1), looks=order.looks + 1)


def _pause(looks: int) -> timedelta:
    return min(FIRST_LOOK * (1 << min(looks, 10)), LONGEST_PAUSE)


def _enter(order: LiveOrder, status: OrderStatus, now: datetime) -> LiveOrder:
    """Enter a status; the history keeps the first and the last ones."""
    if order.status is status:
        return order
    history = (*order.status_history, (status, now))
    if len(history) > HISTORY:
        history = (history[0], *history[-(HISTORY - 1) :])
    return replace(order, status=status, status_history=history, updated_at=now)
