"""The performance of an account: pure arithmetic on its fills and its equity on UTC hours.

Amounts are in the cash asset, ratios in percent. :mod:`moniqo_core.domain.portfolio.performance_figures` has the
formulas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import Fill
from moniqo_core.domain.portfolio.equity_curve import DAY, EquityPoint, on_grid
from moniqo_core.domain.portfolio.performance_figures import (
    ClosedTrade,
    TradeFigures,
    closed_trades,
    max_drawdown,
    percent,
    sharpe_ratio,
    trade_figures,
    turnover,
)
from moniqo_core.domain.portfolio.position import Position


class EpochStart(NamedTuple):
    """The start of an epoch: its time, equity and held amounts. Only a fork starts with holdings."""

    at: datetime
    equity: Decimal
    amounts: Mapping[str, Decimal]


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
    start: EpochStart,
    fills: Sequence[Fill],
    points: Sequence[EquityPoint],
    positions: Mapping[str, Position],
    marks: Mapping[str, Decimal],
    equity: Decimal | None,
    now: datetime,
) -> Performance:
    """Measure the performance of an epoch.

    Args:
        start: The start of the epoch.
        fills: All its fills, oldest first.
        points: Its equity on UTC hours, oldest first.
        positions: Current position and realised PnL of each symbol.
        marks: Current mark prices. A figure that needs a missing one is None.
        equity: Current equity, or None when a held asset has no price.
        now: The current time.

    """
    with exact():
        trades = closed_trades(fills, start.amounts)
        latest = [] if equity is None else [equity]
        drop, drop_percent = max_drawdown([start.equity, *(point.sample.equity for point in points), *latest])
        daily = [point.sample.equity for point in on_grid(points, start.at, now, DAY)]
        total = None if equity is None else equity - start.equity
        unrealised = [_unrealised(position, marks.get(symbol)) for symbol, position in positions.items()]
        known = [value for value in unrealised if value is not None]
        return Performance(
            start=start,
            equity=equity,
            total_pnl=total,
            return_percent=None if total is None else percent(total, start.equity),
            realised_pnl=sum((position.realised for position in positions.values()), ZERO),
            unrealised_pnl=sum(known, ZERO) if len(known) == len(unrealised) else None,
            fees=sum((item.fee for item in fills), ZERO),
            volume=sum((item.quote for item in fills), ZERO),
            turnover=turnover(fills, [start.equity, *daily, *latest]),
            max_drawdown=drop,
            max_drawdown_percent=drop_percent,
            sharpe_ratio=sharpe_ratio(daily),
            figures=trade_figures(trades),
            symbols=tuple(_symbol(name, fills, trades, positions, marks) for name in _names(fills, positions)),
        )


def _symbol(
    name: str,
    fills: Sequence[Fill],
    trades: Sequence[ClosedTrade],
    positions: Mapping[str, Position],
    marks: Mapping[str, Decimal],
) -> SymbolFigures:
    own = [item for item in fills if item.symbol == name]
    position = positions.get(name, Position())
    return SymbolFigures(
        symbol=name,
        realised_pnl=position.realised,
        unrealised_pnl=_unrealised(position, marks.get(name)),
        fees=sum((item.fee for item in own), ZERO),
        volume=sum((item.quote for item in own), ZERO),
        figures=trade_figures([trade for trade in trades if trade.symbol == name]),
    )


def _names(fills: Iterable[Fill], positions: Mapping[str, Position]) -> list[str]:
    held = {symbol for symbol, position in positions.items() if position.amount}
    return sorted(held | {item.symbol for item in fills})


def _unrealised(position: Position, mark: Decimal | None) -> Decimal | None:
    if not position.amount:
        return ZERO
    return None if mark is None else position.unrealised(mark)
