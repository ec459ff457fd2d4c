"""Equity of an account along the path: hours, days, the peak, and the losses that pause a wallet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from moniqo_core.domain.ledger.draft import Draft
from moniqo_core.domain.matching.exits import close
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import OrderSide, OrderStatus
from moniqo_core.domain.portfolio.equity_curve import Sample
from moniqo_core.domain.risk.loss_limits import Day, breach, next_midnight

HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


def equity_of(draft: Draft) -> Decimal:
    """Cash and holdings at the draft's marks, in the cash asset."""
    total = draft.holding(draft.account.terms.cash_asset).total
    for symbol in draft.held():
        total += draft.position(symbol).amount * draft.mark(symbol)
    return total


def sample(draft: Draft, at: datetime) -> Sample:
    """Equity and PnL at the draft's marks."""
    realised, unrealised = ZERO, ZERO
    for symbol in {**draft.account.positions, **draft.positions}:
        position = draft.position(symbol)
        realised += position.realised
        if position.amount:
            unrealised += position.unrealised(draft.mark(symbol))
    return Sample(at, equity_of(draft), realised, unrealised)


def roll_day(draft: Draft, at: datetime) -> None:
    """Begin the owner's local day that ``at`` is in, unless it has begun; a new time zone holds from the next day."""
    if draft.day is None or at >= draft.day.until:
        zone = draft.account.limits.timezone if draft.account.limits else "UTC"
        draft.day = Day(equity_of(draft), next_midnight(at, zone))


def hours(since: datetime, until: datetime) -> Iterator[datetime]:
    """Full UTC hours after ``since``, up to and including ``until``."""
    hour = since.replace(minute=0, second=0, microsecond=0) + HOUR
    while hour <= until:
        yield hour
        hour += HOUR


def still_hours(still_since: datetime | None, until: datetime) -> Iterator[datetime]:
    """Yield the hours up to ``until`` that describe equity which stands still."""
    if still_since is not None:
        yield from (moment for moment in _still_hours(still_since) if moment <= until)


def tells_still(still_since: datetime | None, hour: datetime) -> bool:
    """Tell whether an hour describes equity that stands still."""
    return still_since is not None and hour in _still_hours(still_since)


def _still_hours(since: datetime) -> tuple[datetime, ...]:
    """Return the first full hour and the first midnight at or after ``since``.

    What follows carries their value on; a day's point outlives an hour's, so it must be there by itself.
    """
    hour = _BEGINNING - (_BEGINNING - since) // HOUR * HOUR
    midnight = _BEGINNING - (_BEGINNING - since) // _DAY * _DAY
    return (hour,) if hour == midnight else (hour, midnight)


def watch(draft: Draft, at: datetime, usd_rate: Decimal, *, buying: bool) -> bool:
    """Move the peak; tell whether a loss limit is reached: then the wallet is paused, buys are cancelled, exits stay.

    A wallet that is not active keeps its status; ``buying`` tells whether it may have open buys to cancel.
    """
    limits = draft.account.limits
    equity = equity_of(draft)
    draft.peak = max(draft.peak, equity)
    if limits is None or (draft.status != "active" and not buying):
        return False
    reached = breach(limits, equity, draft.day, draft.peak, usd_rate)
    if reached is None:
        return False
    if draft.status == "active":
        draft.status, draft.paused_by_limit = "paused", True
        draft.reason = reached.reason
    for order_id in draft.open_ids():
        placed = draft.peek(order_id)
        if placed.is_open and placed.side is OrderSide.BUY:
            order = draft.edit(order_id)
            if order is not None:
                close(draft, order, OrderStatus.CANCELLED, at)
    return True
