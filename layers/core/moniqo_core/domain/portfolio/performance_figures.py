"""Performance figures, each a pure formula over totals of trades or running figures of equity.

A figure that is not defined, such as a ratio to zero, is None. Ratios are rounded half even to 8 places.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from moniqo_core.domain.money import ZERO
from moniqo_core.domain.portfolio.equity_figures import DailyReturns
from moniqo_core.domain.portfolio.trade_totals import SymbolTotals

DAYS_A_YEAR: Final = 365
_HUNDRED: Final = Decimal(100)
_SHOWN: Final = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """Summary of a set of trades."""

    trades: int
    wins: int
    losses: int
    win_rate_percent: Decimal | None
    profit_factor: Decimal | None
    expectancy: Decimal | None
    best_trade: Decimal | None
    worst_trade: Decimal | None
    average_holding_seconds: Decimal | None


def trade_figures(totals: Iterable[SymbolTotals]) -> TradeFigures:
    """Summarise the trades of one or more symbols.

    Win rate = winning trades / all trades. Profit factor = sum of gains / sum of losses. Expectancy = mean PnL of a
    trade, which is win rate x average gain - loss rate x average loss (V. K. Tharp, "Trade Your Way to Financial
    Freedom", 2nd ed., 2006, ch. 7, there per unit of risk, here in money).
    """
    found = [each.settled() for each in totals]
    count, wins = Decimal(sum(each.trades for each in found)), sum(each.wins for each in found)
    gains, lost = sum((each.gains for each in found), ZERO), sum((each.lost for each in found), ZERO)
    return TradeFigures(
        trades=int(count),
        wins=wins,
        losses=sum(each.losses for each in found),
        win_rate_percent=percent(Decimal(wins), count),
        profit_factor=_ratio(gains, lost),
        expectancy=_ratio(gains - lost, count),
        best_trade=max((each.best for each in found if each.best is not None), default=None),
        worst_trade=min((each.worst for each in found if each.worst is not None), default=None),
        average_holding_seconds=_ratio(sum((each.held_seconds for each in found), ZERO), count),
    )


def sharpe_ratio(returns: DailyReturns) -> Decimal | None:
    """Return the annualised Sharpe ratio of the returns between UTC midnights, without a risk-free rate.

    S = mean(r) / s(r) with the sample standard deviation s, which divides by n - 1 (W. F. Sharpe, "The Sharpe Ratio",
    Journal of Portfolio Management 21(1), 1994). It is multiplied by sqrt(365), the square root of the periods in a
    year (A. W. Lo, "The Statistics of Sharpe Ratios", Financial Analysts Journal 58(4), 2002, for returns without
    autocorrelation). Returns are per calendar day, for stocks too: days without trading count as 0. The result is None
    with fewer than two returns, when all returns are equal, or when a return starts from an equity of zero or less.
    """
    if not returns.are_defined or returns.number < 2 or not returns.squares:  # noqa: PLR2004
        return None
    deviation = (returns.squares / (returns.number - 1)).sqrt()
    return _shown(returns.mean / deviation * Decimal(DAYS_A_YEAR).sqrt())


def turnover(bought: Decimal, sold: Decimal, mean_equity: Decimal) -> Decimal | None:
    """Return the lesser of purchases and sales divided by mean daily equity.

    This follows portfolio turnover in SEC Form N-1A, item 13, instruction 4(d), which divides by the monthly average of
    the value.
    """
    return _ratio(min(bought, sold), mean_equity)


def percent(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return ``part`` in percent of ``whole``, or None when ``whole`` is zero."""
    return _shown(part * _HUNDRED / whole) if whole else None


def in_percent(share: Decimal) -> Decimal:
    """Return a share of 1 in percent."""
    return _shown(share * _HUNDRED)


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return _shown(part / whole) if whole else None


def _shown(value: Decimal) -> Decimal:
    return value.quantize(_SHOWN, ROUND_HALF_EVEN)
