"""Running figures of an epoch's equity: figures after a point = figures before it + the point.

They are all that performance needs of the points that they cover, so it does not need those points again. Points that
are added in parts give exactly the same figures as all of them at once. Amounts are in the cash asset.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.portfolio.equity_curve import DAY, EquityPoint, steps_between


class Drawdown(NamedTuple):
    """The largest fall from a peak to a later low.

    MDD = max over t of (max over s <= t of E(s) - E(t)) (M. Magdon-Ismail, A. Atiya, "Maximum Drawdown", Risk 17(10),
    2004). ``drop`` is in money, and ``share`` in parts of the peak. The two may come from different peaks. ``peak`` is
    the highest equity, and ``low`` the lowest one since.
    """

    peak: Decimal = ZERO
    low: Decimal = ZERO
    drop: Decimal = ZERO
    share: Decimal = ZERO

    def after(self, equity: Decimal) -> Drawdown:
        """Add the next equity."""
        if equity > self.peak:
            return self._replace(peak=equity, low=equity)
        if equity >= self.low:
            return self
        fall = self.peak - equity  # a fall to a low of this peak is larger than any before it
        share = fall / self.peak if self.peak else ZERO
        return Drawdown(self.peak, equity, max(self.drop, fall), max(self.share, share))


class DailyReturns(NamedTuple):
    """The returns between UTC midnights: their number, their mean, and the sum of their squared deviations from it.

    Both are updated return by return (B. P. Welford, "Note on a Method for Calculating Corrected Sums of Squares and
    Products", Technometrics 4(3), 1962), so equal returns have no deviation at all. ``are_defined`` is False when a
    return started from an equity of zero or less.
    """

    number: int = 0
    mean: Decimal = ZERO
    squares: Decimal = ZERO
    are_defined: bool = True

    def after(self, before: Decimal, equity: Decimal, times: int = 1) -> DailyReturns:
        """Add the return from ``before`` to ``equity``, a number of times."""
        if before <= 0:
            return self._replace(are_defined=False)
        value, number = equity / before - 1, self.number + times
        deviation = value - self.mean
        mean = self.mean + deviation * times / number
        return DailyReturns(number, mean, self.squares + deviation * (value - mean) * times, self.are_defined)


class DailyEquity(NamedTuple):
    """The equity at UTC midnights: how many, their sum, the last one, and the returns between them."""

    days: int = 0
    total: Decimal = ZERO
    last: Decimal = ZERO
    returns: DailyReturns = DailyReturns()

    def after(self, equity: Decimal, days: int) -> DailyEquity:
        """Add a number of midnights with the same equity."""
        if days <= 0:
            return self
        returns = self.returns.after(self.last, equity) if self.days else self.returns
        if days > 1:
            returns = returns.after(equity, equity, days - 1)
        return DailyEquity(self.days + days, self.total + equity * days, equity, returns)


class EquityFigures(NamedTuple):
    """The figures of the points up to ``at``, where the equity was ``equity``. ``at`` is None before the first point.

    ``daily`` has the midnights before ``at``. The equity of a point applies until the next one.
    """

    drawdown: Drawdown
    at: datetime | None = None
    equity: Decimal = ZERO
    daily: DailyEquity = DailyEquity()

    def with_points(self, points: Iterable[EquityPoint]) -> EquityFigures:
        """Add points, oldest first. Those up to ``at`` are in the figures already, and passed over."""
        figures = self
        with exact():
            for _, (at, equity, *_) in points:
                if figures.at is None or at > figures.at:
                    daily = figures._daily_before(at)
                    figures = EquityFigures(figures.drawdown.after(equity), at, equity, daily)
        return figures

    def daily_until(self, now: datetime) -> DailyEquity:
        """Return the equity at every midnight from the first point to ``now``."""
        return self._daily_before(now + datetime.resolution)

    def _daily_before(self, moment: datetime) -> DailyEquity:
        return self.daily if self.at is None else self.daily.after(self.equity, steps_between(self.at, moment, DAY))


def begun_figures(equity: Decimal) -> EquityFigures:
    """Return the figures of an epoch that begins with this equity, before its first point."""
    return EquityFigures(Drawdown().after(equity))
