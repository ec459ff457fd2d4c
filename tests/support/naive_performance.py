"""The performance of an epoch, computed from all its fills and points at once, to compare with running figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, pairwise

from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import Fill, OrderSide
from moniqo_core.domain.portfolio.equity_curve import DAY, EquityPoint, on_grid
from moniqo_core.domain.portfolio.performance_figures import TradeFigures
from moniqo_core.domain.portfolio.trade_totals import EpochStart

EIGHT_PLACES = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class NaiveTrade:
    """Everything that one sell order sold. ``bought_at`` is the mean time of purchase of its amount."""

    symbol: str
    pnl: Decimal
    amount: Decimal
    held: Decimal


def closed_trades(fills: Iterable[Fill], held: Mapping[str, Decimal], since: datetime) -> list[NaiveTrade]:
    """Group sales by order. Each carries the share of its position's entry fees that it sold."""
    amounts = dict(held)
    waiting: dict[str, Decimal] = {}
    times: dict[str, Decimal] = {}
    found: dict[str, NaiveTrade] = {}
    for item in fills:
        symbol, second = item.symbol, Decimal(int((item.at - since).total_seconds()))
        amount, fees, bought = amounts.get(symbol, ZERO), waiting.get(symbol, ZERO), times.get(symbol, ZERO)
        if item.side is OrderSide.BUY:
            amounts[symbol], waiting[symbol] = amount + item.amount, fees + item.fee
            times[symbol] = bought + item.amount * second
            continue
        share = fees if item.amount == amount else fees * item.amount / amount
        before_sale = bought if item.amount == amount else (bought * item.amount / amount).quantize(EIGHT_PLACES)
        amounts[symbol], waiting[symbol], times[symbol] = amount - item.amount, fees - share, bought - before_sale
        before = found.get(item.order_id, NaiveTrade(symbol, ZERO, ZERO, ZERO))
        found[item.order_id] = NaiveTrade(
            symbol,
            before.pnl + item.realised - share,
            before.amount + item.amount,
            before.held + item.amount * second - before_sale,
        )
    return list(found.values())


def trade_figures(trades: Sequence[NaiveTrade]) -> TradeFigures:
    """Summarise trades."""
    gains = [trade.pnl for trade in trades if trade.pnl > 0]
    losses = [-trade.pnl for trade in trades if trade.pnl < 0]
    count = len(trades)
    return TradeFigures(
        trades=count,
        wins=len(gains),
        losses=len(losses),
        win_rate_percent=_ratio(100 * Decimal(len(gains)), Decimal(count)),
        profit_factor=_ratio(sum(gains, ZERO), sum(losses, ZERO)),
        expectancy=_ratio(sum(gains, ZERO) - sum(losses, ZERO), Decimal(count)),
        best_trade=max((trade.pnl for trade in trades), default=None),
        worst_trade=min((trade.pnl for trade in trades), default=None),
        average_holding_seconds=_ratio(sum(map(_held, trades), ZERO), Decimal(count)),
    )


@dataclass(frozen=True, slots=True)
class NaiveFigures:
    """The figures of all fills, or of those of one symbol."""

    fees: Decimal
    bought: Decimal
    sold: Decimal
    figures: TradeFigures


def naive_figures(
    fills: Sequence[Fill], held: Mapping[str, Decimal], since: datetime
) -> tuple[NaiveFigures, dict[str, NaiveFigures]]:
    """Return the figures of an epoch that began at ``since`` with ``held``, and those of each symbol that traded."""
    with exact():
        trades = closed_trades(fills, held, since)
        by_symbol = {
            symbol: _figures(
                [item for item in fills if item.symbol == symbol], [each for each in trades if each.symbol == symbol]
            )
            for symbol in {item.symbol for item in fills}
        }
        return _figures(fills, trades), by_symbol


def _figures(fills: Sequence[Fill], trades: Sequence[NaiveTrade]) -> NaiveFigures:
    return NaiveFigures(
        fees=sum((item.fee for item in fills), ZERO),
        bought=sum((item.quote for item in fills if item.side is OrderSide.BUY), ZERO),
        sold=sum((item.quote for item in fills if item.side is OrderSide.SELL), ZERO),
        figures=trade_figures(trades),
    )


@dataclass(frozen=True, slots=True)
class NaiveEquity:
    """The figures of all points of equity."""

    max_drawdown: Decimal
    max_drawdown_percent: Decimal
    sharpe_ratio: Decimal | None
    mean_equity: Decimal


def naive_equity(
    start: EpochStart, points: Sequence[EquityPoint], equity: Decimal | None, now: datetime
) -> NaiveEquity:
    """Return the figures of an epoch with these points, and with ``equity`` now."""
    with exact():
        latest = [] if equity is None else [equity]
        curve = [start.equity, *(point.sample.equity for point in points), *latest]
        falls = [(peak, peak - value) for peak, value in zip(accumulate(curve, max), curve, strict=True)]
        daily = [point.sample.equity for point in on_grid(points, start.at, now, DAY)]
        return NaiveEquity(
            max_drawdown=max(fall for _, fall in falls),
            max_drawdown_percent=(100 * max(fall / peak for peak, fall in falls)).quantize(EIGHT_PLACES),
            sharpe_ratio=_sharpe_ratio(daily),
            mean_equity=sum([start.equity, *daily, *latest], ZERO) / len([start.equity, *daily, *latest]),
        )


def _sharpe_ratio(daily: Sequence[Decimal]) -> Decimal | None:
    if any(value <= 0 for value in daily[:-1]):
        return None
    returns = [after / before - 1 for before, after in pairwise(daily)]
    if len(set(returns)) < 2:
        return None
    mean = sum(returns, ZERO) / len(returns)
    variance = sum(((value - mean) ** 2 for value in returns), ZERO) / (len(returns) - 1)
    return (mean / variance.sqrt() * Decimal(365).sqrt()).quantize(EIGHT_PLACES)


def _held(trade: NaiveTrade) -> Decimal:
    return (trade.held / trade.amount).quantize(Decimal("0.001"))


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return (part / whole).quantize(EIGHT_PLACES) if whole else None
