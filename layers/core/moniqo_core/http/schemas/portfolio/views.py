"""Response bodies of positions, performance and equity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from moniqo_core.domain.errors import ValidationError
from moniqo_core.domain.portfolio.equity_curve import DAY, HOUR, EquityCurve
from moniqo_core.domain.portfolio.performance import Performance, SymbolFigures
from moniqo_core.domain.portfolio.performance_figures import TradeFigures
from moniqo_core.domain.wallets.results import PositionReport
from moniqo_core.http.schemas.common import Amount, Timestamp, View

MAX_POINTS: Final = 1000
STEPS: Final = {"1h": HOUR, "1d": DAY}
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_USUAL_SPAN: Final = {"1h": timedelta(days=7), "1d": timedelta(days=90)}

Mode = Literal["paper", "live"]


class PositionView(View):
    """The position in a symbol. ``cost`` excludes fees, which lower ``realised_pnl`` when they are paid."""

    symbol: str
    amount: Amount
    average_cost: Annotated[Amount | None, Field(description="Rounded to 8 decimal places for display.")]
    cost: Annotated[Amount | None, Field(description="Null where the fills at the venue do not explain the holding.")]
    mark_price: Annotated[Amount | None, Field(description="Current mark price: the mid if the spread is sane.")]
    realised_pnl: Amount | None
    unrealised_pnl: Amount | None
    fees: Amount | None


class PositionsView(View):
    """Everything held except cash, by symbol. ``stale`` means that open orders could not be evaluated up to now."""

    user_wallet_id: str
    mode: Mode
    items: list[PositionView]
    evaluated_until: Timestamp
    stale: bool
    as_of: Timestamp


class TradeFiguresView(View):
    """Closed trades. A trade is everything one sell order sold, after its fees and its share of the entry fees."""

    trades: int
    wins: int
    losses: int
    win_rate_percent: Annotated[Amount | None, Field(description="Share of trades with a gain.")]
    profit_factor: Annotated[Amount | None, Field(description="Sum of gains over sum of losses.")]
    expectancy: Annotated[Amount | None, Field(description="Mean profit of a trade.")]


class SymbolPerformanceView(TradeFiguresView):
    """Performance in one symbol."""

    symbol: str
    realised_pnl: Amount
    unrealised_pnl: Amount | None
    fees: Amount
    volume: Amount


class PerformanceView(TradeFiguresView):
    """Performance since the wallet was opened, forked or reset. A figure that is not defined yet is null."""

    user_wallet_id: str
    mode: Mode
    since: Timestamp
    opening_equity_usd: Amount
    equity_usd: Amount | None
    total_pnl: Annotated[Amount | None, Field(description="Equity now less equity at the start.")]
    return_percent: Amount | None
    realised_pnl: Amount
    unrealised_pnl: Amount | None
    fees: Amount
    volume: Annotated[Amount, Field(description="Quote amount of all fills, both ways.")]
    turnover: Annotated[
        Amount | None, Field(description="The lesser of buys and sells, divided by the mean daily equity.")
    ]
    max_drawdown: Annotated[Amount, Field(description="Largest fall from a peak, measured at UTC hours.")]
    max_drawdown_percent: Amount
    sharpe_ratio: Annotated[
        Amount | None, Field(description="Of the returns between UTC midnights, times the square root of 365.")
    ]
    symbols: list[SymbolPerformanceView]


class EquityPointView(View):
    """The value of a wallet at one time. A reset starts a new ``epoch``."""

    at: Timestamp
    epoch: int
    total_value_usd: Amount
    realised_pnl: Annotated[Amount | None, Field(description="Null for live wallets.")]
    unrealised_pnl: Amount | None


class EquityView(View):
    """Equity at full hours or days of UTC, oldest first."""

    user_wallet_id: str
    mode: Mode
    interval: Literal["1h", "1d"]
    items: Annotated[list[EquityPointView], Field(max_length=MAX_POINTS)]


def positions_view(report: PositionReport, user_wallet_id: str) -> PositionsView:
    """Return the view of positions."""
    items = [PositionView.made_from(item) for item in report.items]
    return PositionsView.made_from(report, user_wallet_id=user_wallet_id, items=items)


def performance_view(found: Performance, user_wallet_id: str) -> PerformanceView:
    """Return the view of a paper wallet's performance."""
    return PerformanceView(
        user_wallet_id=user_wallet_id,
        mode="paper",
        since=found.start.at,
        opening_equity_usd=found.start.equity,
        equity_usd=found.equity,
        total_pnl=found.total_pnl,
        return_percent=found.return_percent,
        realised_pnl=found.realised_pnl,
        unrealised_pnl=found.unrealised_pnl,
        fees=found.fees,
        volume=found.volume,
        turnover=found.turnover,
        max_drawdown=found.max_drawdown,
        max_drawdown_percent=found.max_drawdown_percent,
        sharpe_ratio=found.sharpe_ratio,
        symbols=[_symbol_view(item) for item in found.symbols],
        **_figures(found.figures),
    )


def _symbol_view(item: SymbolFigures) -> SymbolPerformanceView:
    return SymbolPerformanceView(
        symbol=item.symbol,
        realised_pnl=item.realised_pnl,
        unrealised_pnl=item.unrealised_pnl,
        fees=item.fees,
        volume=item.volume,
        **_figures(item.figures),
    )


def _figures(figures: TradeFigures) -> dict[str, object]:
    return {name: getattr(figures, name) for name in TradeFiguresView.model_fields}


def equity_view(curve: EquityCurve, user_wallet_id: str, interval: Literal["1h", "1d"]) -> EquityView:
    """Return the view of an equity curve."""
    return EquityView(
        user_wallet_id=user_wallet_id,
        mode=curve.mode,
        interval=interval,
        items=[
            EquityPointView(
                at=point.sample.at,
                epoch=point.epoch,
                total_value_usd=point.sample.equity,
                realised_pnl=point.sample.realised,
                unrealised_pnl=point.sample.unrealised,
            )
            for point in curve.points
        ],
    )


def equity_span(
    since: datetime | None, until: datetime | None, interval: Literal["1h", "1d"], now: datetime
) -> tuple[datetime, datetime]:
    """Return the span to show. By default it covers the last 7 days for hours, and the last 90 days for days.

    Raises:
        ValidationError: the span has more than :data:`MAX_POINTS` points, or ends before it begins.

    """
    end = until or now
    begin = since or max(end, _EARLIEST + _USUAL_SPAN[interval]) - _USUAL_SPAN[interval]
    if end < begin:
        raise _refuse_span("The end of the span is before its start.")
    if (end - begin) // STEPS[interval] >= MAX_POINTS:
        raise _refuse_span(f"One answer holds at most {MAX_POINTS} points. Ask for a shorter span or interval=1d.")
    return max(begin, _EARLIEST), min(end, now)


def _refuse_span(message: str) -> ValidationError:
    return ValidationError(message, errors=[{"field": "from", "message": message, "code": "span"}])
