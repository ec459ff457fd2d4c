"""Equity of an account along the path: hours, days, the peak, and the losses that pause a wallet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from moniqo.domain.account import Day
from moniqo.domain.commit import Sample
from moniqo.domain.draft import Draft
from moniqo.domain.errors import ConflictError, RiskLimitExceededError
from moniqo.domain.exits import close
from moniqo.domain.money import ZERO, plain
from moniqo.domain.order import OrderSide, OrderStatus
from moniqo.domain.risk import RiskLimits

HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HUNDRED: Final = Decimal(100)
_SHOWN: Final = Decimal("0.00000001")
_CENT: Final = Decimal("0.01")


class Breach(NamedTuple):
    """A loss limit that was reached."""

    limit_type: str
    limit: Decimal
    value: Decimal

    @property
    def reason(self) -> str:
        """Why the wallet was paused."""
        return f"{self.limit_type} {plain(self.limit)} was reached at {plain(self.value.quantize(_CENT))}"

    def refusal(self) -> RiskLimitExceededError:
        """What a purchase is refused with."""
        detail = f"{self.limit_type} of {plain(self.limit)} is reached: {plain(self.value)}"
        return RiskLimitExceededError(detail, limit_type=self.limit_type, limit=self.limit, value=self.value)

    def still(self, hint: str) -> ConflictError:
        """What resuming is refused with: the wallet would be paused again at once."""
        detail = f"{self.limit_type} of {plain(self.limit)} is still reached: {plain(self.value)}"
        return ConflictError(detail, limit_type=self.limit_type, limit=self.limit, value=self.value, hint=hint)


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


@lru_cache(maxsize=256)
def next_midnight(after: datetime, timezone: str) -> datetime:
    """Return the first instant of the local date that follows ``after``'s, in UTC."""
    zone = ZoneInfo(timezone)
    tomorrow = after.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)


def day_began(now: datetime, timezone: str) -> datetime:
    """Return the first instant of the local date ``now`` is in, in UTC."""
    zone = ZoneInfo(timezone)
    return datetime.combine(now.astimezone(zone).date(), time(), zone).astimezone(UTC)


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


def breach(
    limits: RiskLimits,
    equity: Decimal,
    day: Day | None,
    peak: Decimal,
    usd_rate: Decimal,
    percent_from: Decimal | None = None,
) -> Breach | None:
    """Return the first loss limit that ``equity`` reaches, if any.

    Daily loss = equity at the start of the local day less equity now; drawdown = the same from the peak, in percent.
    The day's loss in percent counts from ``percent_from`` where that is not the day's equity.
    """
    if day is not None:
        loss = day.equity - equity
        if limits.daily_loss_limit_usd is not None and loss * usd_rate >= limits.daily_loss_limit_usd:
            return Breach("daily_loss_limit_usd", limits.daily_loss_limit_usd, loss * usd_rate)
        fallen = _fallen(limits.daily_loss_limit_percent, day.equity if percent_from is None else percent_from, equity)
        if fallen is not None:
            return Breach("daily_loss_limit_percent", *fallen)
    fallen = _fallen(limits.max_drawdown_percent, peak, equity)
    return None if fallen is None else Breach("max_drawdown_percent", *fallen)


def _fallen(limit: Decimal | None, start: Decimal, equity: Decimal) -> tuple[Decimal, Decimal] | None:
    """Return the limit and by how many percent ``equity`` is below ``start``, if that reaches the limit."""
    loss = start - equity
    if limit is None or start <= 0 or loss <= 0 or loss * _HUNDRED < limit * start:
        return None
    return limit, (loss * _HUNDRED / start).quantize(_SHOWN)


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
        placed = draft.look(order_id)
        if placed.is_open and placed.side is OrderSide.BUY:
            order = draft.edit(order_id)
            if order is not None:
                close(draft, order, OrderStatus.CANCELLED, at)
    return True
