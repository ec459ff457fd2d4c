"""Loss limits: the local day that they count from, and the test whether one is reached."""

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
    """The owner's local day: ``equity`` at its start, in the cash asset, and the time ``until`` which it lasts."""

    equity: Decimal
    until: datetime


_HUNDRED: Final = Decimal(100)


_SHOWN: Final = Decimal("0.00000001")


_CENT: Final = Decimal("0.01")

CHANGE_LIMITS: Final = "Change risk_limits with PATCH /wallets/{id}. A daily limit also ends with the day."


_NAMES: Final = ("daily_loss_limit_usd", "daily_loss_limit_percent", "max_drawdown_percent")


def is_loss_limit_reason(reason: str | None) -> bool:
    """Tell whether the reason of a pause is :attr:`LossLimitBreach.reason`."""
    return reason is not None and reason.startswith(_NAMES) and " was reached at " in reason


class LossLimitBreach(NamedTuple):
    """A loss limit that was reached, and the loss that reached it."""

    limit_type: str
    limit: Decimal
    value: Decimal

    @property
    def reason(self) -> str:
        """Why the wallet was paused. Journals store this text, so a replay must produce the same."""
        return f"{self.limit_type} {plain(self.limit)} was reached at {plain(self.value.quantize(_CENT))}"

    def refusal(self) -> RiskLimitExceededError:
        """Return the error that refuses a buy order."""
        detail = f"The limit {self.limit_type} of {plain(self.limit)} is reached. The loss is {plain(self.value)}."
        return RiskLimitExceededError(
            detail, limit_type=self.limit_type, limit=self.limit, value=self.value, hint=CHANGE_LIMITS
        )

    def still(self, hint: str) -> ConflictError:
        """Return the error that refuses to resume a wallet, because it would be paused again at once."""
        detail = (
            f"The limit {self.limit_type} of {plain(self.limit)} is still reached. The loss is {plain(self.value)}."
        )
        return ConflictError(detail, limit_type=self.limit_type, limit=self.limit, value=self.value, hint=hint)


@lru_cache(maxsize=256)
def next_local_midnight(after: datetime, timezone: str) -> datetime:
    """Return the first instant of the local date after that of ``after``, in UTC."""
    zone = ZoneInfo(timezone)
    tomorrow = after.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)


def local_day_start(now: datetime, timezone: str) -> datetime:
    """Return the first instant of the local date that contains ``now``, in UTC."""
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

    The daily loss is the equity at the start of the local day minus ``equity``. ``usd_rate`` converts it to US dollars.
    In percent, it counts from ``percent_from`` if given, or else from the day's equity. The drawdown is the fall from
    ``peak`` in percent.
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
    """Return the limit and the loss from ``start`` in percent, if the loss reaches the limit."""
    loss = start - equity
    if limit is None or start <= 0 or loss <= 0 or loss * _HUNDRED < limit * start:
        return None
    return limit, (loss * _HUNDRED / start).quantize(_SHOWN)
