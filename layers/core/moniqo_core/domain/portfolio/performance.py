"""The performance of an account: pure arithmetic on its totals and the figures of its equity on UTC hours.

Amounts are in the cash asset, ratios in percent. :mod:`moniqo_core.domain.portfolio.performance_figures` has the
formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.portfolio.equity_figures import EquityFigures
from moniqo_core.domain.portfolio.performance_figures import (
    TradeFigures,
    in_percent,
    percent,
    sharpe_ratio,
    trade_figures,
    turnover,
)
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.domain.portfolio.trade_totals import NO_FILLS, EpochStart, SymbolTotals, TradeTotals


@dataclass(frozen=True, slots=True)
class SymbolFigures:
    """The performance of one symbol."""

    symbol: str
    realised_pnl: Decimal
    unrealised_pnl: Decimal | None
    fees: Decimal
    volume: Decimal
    figures: TradeFigures


@dataclass(frozen=True, slots=True)
class Performance:
    """The performance of an account since the start of its epoch.

    ``total_pnl`` is the current equity minus the equity at the start. A figure that needs a missing price is None.
    """

    start: EpochStart
    equity: Decimal | None
    total_pnl: Decimal | None
    return_percent: Decimal | None
    realised_pnl: Decimal
    unrealised_pnl: Decimal | None
    fees: Decimal
    volume: Decimal
    turnover: Decimal | None
    max_drawdown: Decimal
    max_drawdown_percent: Decimal
    sharpe_ratio: Decimal | None
    figures: TradeFigures
    symbols: tuple[SymbolFigures, ...]


def measure(
    totals: TradeTotals,
    curve: EquityFigures,
    positions: Mapping[str, Position],
    marks: Mapping[str, Decimal],
    equity: Decimal | None,
    now: datetime,
) -> Performance:
    """Measure the performance of an epoch.

    Args:
        totals: The totals of its fills up to now.
        curve: The figures of its equity on UTC hours.
        positions: Current position and realised PnL of each symbol.
        marks: Current mark prices. A figure that needs a missing one is None.
        equity: Current equity, or None when a held asset has no price.
        now: The current time.

    """
    start, symbols = totals.start, {symbol: each for symbol, each in totals.symbols.items() if each.fills}
    with exact():
        drawdown = curve.drawdown if equity is None else curve.drawdown.after(equity)
        daily = curve.daily_until(now)
        latest = [start.equity] if equity is None else [start.equity, equity]
        mean_equity = (daily.total + sum(latest, ZERO)) / (daily.days + len(latest))
        total = None if equity is None else equity - start.equity
        unrealised = [_unrealised(position, marks.get(symbol)) for symbol, position in positions.items()]
        known = [value for value in unrealised if value is not None]
        bought = sum((each.bought for each in symbols.values()), ZERO)
        sold = sum((each.sold for each in symbols.values()), ZERO)
        held = {symbol for symbol, position in positions.items() if position.amount}
        return Performance(
            start=start,
            equity=equity,
            total_pnl=total,
            return_percent=None if total is None else percent(total, start.equity),
            realised_pnl=sum((position.realised for position in positions.values()), ZERO),
            unrealised_pnl=sum(known, ZERO) if len(known) == len(unrealised) else None,
            fees=sum((each.fees for each in symbols.values()), ZERO),
            volume=bought + sold,
            turnover=turnover(bought, sold, mean_equity),
            max_drawdown=drawdown.drop,
            max_drawdown_percent=in_percent(drawdown.share),
            sharpe_ratio=sharpe_ratio(daily.returns),
            figures=trade_figures(symbols.values()),
            symbols=tuple(
                _symbol(name, symbols.get(name, NO_FILLS), positions.get(name, Position()), marks.get(name))
                for name in sorted(held | symbols.keys())
            ),
        )


def _symbol(name: str, totals: SymbolTotals, position: Position, mark: Decimal | None) -> SymbolFigures:
    return SymbolFigures(
        symbol=name,
        realised_pnl=position.realised,
        unrealised_pnl=_unrealised(position, mark),
        fees=totals.fees,
        volume=totals.bought + totals.sold,
        figures=trade_figures([totals]),
    )


def _unrealised(position: Position, mark: Decimal | None) -> Decimal | None:
    if not position.amount:
        return ZERO
    return None if mark is None else position.unrealised(mark)
