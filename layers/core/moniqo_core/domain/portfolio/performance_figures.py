"""Performance figures, each a pure formula over trades, fills or an equity curve.

A figure that is not defined, such as a ratio to zero, is None. Ratios are rounded half even to 8 places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import Fill, OrderSide

DAYS_A_YEAR: Final = 365
_HUNDRED: Final = Decimal(100)
_SHOWN: Final = Decimal("0.00000001")


class ClosedTrade(NamedTuple):
    """Everything that one sell order sold. ``pnl`` is after its own fees and its share of the entry fees."""

    symbol: str
    pnl: Decimal


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """Summary of a set of trades."""

    trades: int
    wins: int
    losses: int
    win_rate_percent: Decimal | None
    profit_factor: Decimal | None
    expectancy: Decimal | None


def closed_trades(fills: Iterable[Fill], held: Mapping[str, Decimal]) -> list[ClosedTrade]:
    """Group sales by order. Each carries the share of its position's entry fees that it sold.

    ``held`` has the amounts at the start. ``Fill.realised`` of a sale is proceeds - released cost - its fee, at average
    cost. The fees of buys are kept with the position and leave it in proportion to the amount sold. The trades of a
    flat account therefore add up to its realised PnL.
    """
    amounts = dict(held)
    waiting: dict[str, Decimal] = {}
    found: dict[str, ClosedTrade] = {}
    for item in fills:
        amount, fees = amounts.get(item.symbol, ZERO), waiting.get(item.symbol, ZERO)
        if item.side is OrderSide.BUY:
            amounts[item.symbol], waiting[item.symbol] = amount + item.amount, fees + item.fee
            continue
        share = fees if item.amount == amount else fees * item.amount / amount
        amounts[item.symbol], waiting[item.symbol] = amount - item.amount, fees - share
        before = found.get(item.order_id, ClosedTrade(item.symbol, ZERO))
        found[item.order_id] = ClosedTrade(item.symbol, before.pnl + item.realised - share)
    return list(found.values())


def trade_figures(trades: Sequence[ClosedTrade]) -> TradeFigures:
    """Summarise trades.

    Win rate = winning trades / all trades. Profit factor = sum of gains / sum of losses. Expectancy = mean PnL of a
    trade, which is win rate x average gain - loss rate x average loss (V. K. Tharp, "Trade Your Way to Financial
    Freedom", 2nd ed., 2006, ch. 7, there per unit of risk, here in money).
    """
    gains = [trade.pnl for trade in trades if trade.pnl > 0]
    losses = [-trade.pnl for trade in trades if trade.pnl < 0]
    count = len(trades)
    return TradeFigures(
        trades=count,
        wins=len(gains),
        losses=len(losses),
        win_rate_percent=percent(Decimal(len(gains)), Decimal(count)),
        profit_factor=_ratio(sum(gains, ZERO), sum(losses, ZERO)),
        expectancy=_ratio(sum(gains, ZERO) - sum(losses, ZERO), Decimal(count)),
    )


def max_drawdown(curve: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """Return the largest fall from a peak to a later low, in money and in percent of its peak.

    MDD = max over t of (max over s <= t of E(s) - E(t)) (M. Magdon-Ismail, A. Atiya, "Maximum Drawdown", Risk 17(10),
    2004). The two values may come from different peaks.
    """
    peak, drop, share = ZERO, ZERO, ZERO
    for equity in curve:
        peak = max(peak, equity)
        drop = max(drop, peak - equity)
        if peak:
            share = max(share, (peak - equity) / peak)
    return drop, _shown(share * _HUNDRED)


def sharpe_ratio(equity: Sequence[Decimal]) -> Decimal | None:
    """Return the annualised Sharpe ratio of the returns between UTC midnights, without a risk-free rate.

    S = mean(r) / s(r) with the sample standard deviation s, which divides by n - 1 (W. F. Sharpe, "The Sharpe Ratio",
    Journal of Portfolio Management 21(1), 1994). It is multiplied by sqrt(365), the square root of the periods in a
    year (A. W. Lo, "The Statistics of Sharpe Ratios", Financial Analysts Journal 58(4), 2002, for returns without
    autocorrelation). Returns are per calendar day, for stocks too: days without trading count as 0. The result is None
    with fewer than two returns, when all returns are equal, or when a return starts from an equity of zero or less.
    """
    if any(value <= 0 for value in equity[:-1]):
        return None
    returns = [after / before - 1 for before, after in pairwise(equity)]
    if len(returns) < 2:  # noqa: PLR2004
        return None
    mean = sum(returns, ZERO) / len(returns)
    variance = sum(((value - mean) ** 2 for value in returns), ZERO) / (len(returns) - 1)
    if not variance:
        return None
    return _shown(mean / variance.sqrt() * Decimal(DAYS_A_YEAR).sqrt())


def turnover(fills: Sequence[Fill], equity: Sequence[Decimal]) -> Decimal | None:
    """Return the lesser of purchases and sales divided by mean daily equity.

    This follows portfolio turnover in SEC Form N-1A, item 13, instruction 4(d), which divides by the monthly average of
    the value.
    """
    bought = sum((item.quote for item in fills if item.side is OrderSide.BUY), ZERO)
    sold = sum((item.quote for item in fills if item.side is OrderSide.SELL), ZERO)
    return _ratio(min(bought, sold), sum(equity, ZERO) / len(equity))


def percent(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return ``part`` in percent of ``whole``, or None when ``whole`` is zero."""
    return _shown(part * _HUNDRED / whole) if whole else None


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return _shown(part / whole) if whole else None


def _shown(value: Decimal) -> Decimal:
    return value.quantize(_SHOWN, ROUND_HALF_EVEN)
