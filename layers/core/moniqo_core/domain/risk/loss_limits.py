"""Loss limits: the local day they count from, and when one is reached."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from moniqo_core.domain.errors import ConflictError, RiskLimitExceededError
from moniqo_core.domain.money import plain
from moniqo_core.domain.risk.limits import RiskLimits


class LocalDay(NamedTuple):
    """The owner's local day: ``equity`` at its start, in the cash asset, and when the next one begins."""

    equity: Decimal
    until: datetime


_HUNDRED: Final = Decimal(100)


_SHOWN: Final = Decimal("0.00000001")


_CENT: Final = Decimal("0.01")

CHANGE_LIMITS: Final = "Change risk_limits with PATCH /wallets/{id}. A daily limit also ends with the day."


class LossLimitBreach(NamedTuple):
    """A loss limit that was reached."""

    limit_type: str
    limit: Decimal
    value: Decimal

    @property
    def reason(self) -> str:
        """Why the wallet was paused; journals hold this text, and a replay must find the same."""
        return f"{self.limit_type} {plain(self.limit)} was reached at {plain(self.value.quantize(_CENT))}"

    def refusal(self) -> RiskLimitExceededError:
        """What a purchase is refused with."""
        detail = f"The limit {self.limit_type} of {plain(self.limit)} is reached. The loss is {plain(self.value)}."
        return RiskLimitExceededError(
            detail, limit_type=self.limit_type, limit=self.limit, value=self.value, hint=CHANGE_LIMITS
        )

    def still(self, hint: str) -> ConflictError:
        """What resuming is refused with: the wallet would be paused again at once."""
        detail = (
            f"The limit {self.limit_type} of {plain(self.limit)} is still reached. The loss is {plain(self.value)}."
        )
        return ConflictError(detail, limit_type=self.limit_type, limit=self.limit, value=self.value, hint=hint)


@lru_cache(maxsize=256)
def next_local_midnight(after: datetime, timezone: str) -> datetime:
    """Return the first instant of the local date that follows ``after``'s, in UTC."""
    zone = ZoneInfo(timezone)
    tomorrow = after.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)


def local_day_start(now: datetime, timezone: str) -> datetime:
    """Return the first instant of the local date ``now`` is in, in UTC."""
    zone = ZoneInfo(timezone)
    return datetime.combine(now.astimezone(zone).date(), time(), zone).astimezone(UTC)


def find_breach(
    limits: RiskLimits,
    equity: Decimal,
    day: LocalDay | None,
    peak: Decimal,
    usd_rate: Decimal,
    percent_from: Decimal | None = None,
) -> LossLimitBreach | None:
    """Return the first loss limit that ``equity`` reaches, if any.

    Daily loss = equity at the start of the local day less equity now; drawdown = the same from the peak, in percent.
    The day's loss in percent counts from ``percent_from`` where that is not the day's equity.
    """
    if day is not None:
        loss = day.equity - equity
        if limits.daily_loss_limit_usd is not None and loss * usd_rate >= limits.daily_loss_limit_usd:
            return LossLimitBreach("daily_loss_limit_usd", limits.daily_loss_limit_usd, loss * usd_rate)
        fallen = _fallen(limits.daily_loss_limit_percent, day.equity if percent_from is None else percent_from, equity)
        if fallen is not None:
            return LossLimitBreach("daily_loss_limit_percent", *fallen)
    fallen = _fallen(limits.max_drawdown_percent, peak, equity)
    return None if fallen is None else LossLimitBreach("max_drawdown_percent", *fallen)


def _fallen(limit: Decimal | None, start: Decimal, equity: Decimal) -> tuple[Decimal, Decimal] | None:
    """Return the limit and by how many percent ``equity`` is below ``start``, if that reaches the limit."""
    loss = start - equity
    if limit is None or start <= 0 or loss <= 0 or loss * _HUNDRED < limit * start:
        return None
    return limit, (loss * _HUNDRED / start).quantize(_SHOWN)
