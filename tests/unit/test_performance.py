"""Performance figures of an account, with hand-computed numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from moniqo_core.domain.orders.order import Fill, Liquidity, OrderSide
from moniqo_core.domain.portfolio.equity_curve import DAY, HOUR, EquityPoint, EquitySample, merged, on_grid
from moniqo_core.domain.portfolio.equity_figures import DailyEquity, Drawdown, begun_figures
from moniqo_core.domain.portfolio.performance import measure
from moniqo_core.domain.portfolio.performance_figures import (
    TradeFigures,
    in_percent,
    sharpe_ratio,
    trade_figures,
    turnover,
)
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.domain.portfolio.trade_totals import EpochStart, TradeTotals, begun_totals, changed_totals

D = Decimal
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def fill(order: str, side: str, amount: str, quote: str, fee: str, realised: str, symbol: str = "BTC/USDT") -> Fill:
    return Fill(
        f"{order}-1", order, symbol, OrderSide(side), D(amount), D(quote), (), D(fee), "USDT", Liquidity.TAKER, MONDAY,
        D(realised),
    )  # fmt: skip


FILLS = [
    # 2 for 200 and a fee of 2, then 2 more for 240 and a fee of 2: cost 440, entry fees 4
    fill("o-2-1", "buy", "2", "200", "2", "-2"),
    fill("o-3-1", "buy", "2", "240", "2", "-2"),
    # 1 for 130 in two fills: cost released 55 each half of 0.5, so 130 - 110 - 1.3
    fill("o-4-1", "sell", "0.5", "65", "0.65", "9.35"),
    fill("o-4-1", "sell", "0.5", "65", "0.65", "9.35"),
    # the other 3 for 300: 300 - 330 - 3
    fill("o-5-1", "sell", "3", "300", "3", "-33"),
]


def totals_of(fills: list[Fill], held: dict[str, D] | None = None, ended: bool = True) -> TradeTotals:
    """The totals after one entry with these fills. With ``ended``, every order has ended with it."""
    begun = begun_totals(1, EpochStart(MONDAY, D(1000)), held or {})
    orders = {(item.symbol, item.order_id) for item in fills} if ended else ()
    return begun.after(2, changed_totals(begun, fills, orders))


def figures_of(*pnl: int) -> TradeFigures:
    """The figures of sales of 10 each, which cost as much and bring in ``pnl`` more."""
    buys = [fill("o-2-1", "buy", "10", "100", "0", "0") for _ in pnl]
    sales = [fill(f"o-3-{n}", "sell", "10", str(100 + each), "0", str(each)) for n, each in enumerate(pnl)]
    return trade_figures(totals_of([*buys, *sales]).symbols.values())


def test_trade_carries_its_share_of_entry_fees() -> None:
    for ended in (True, False):
        figures = trade_figures(totals_of(FILLS, ended=ended).symbols.values())
        # A quarter of 4 goes with the first sale, the rest with the second.
        assert (figures.trades, figures.best_trade, figures.worst_trade) == (2, D("17.70"), D("-36"))
        assert figures.expectancy == sum(item.realised for item in FILLS) / 2


def test_opening_holdings_are_sold_without_entry_fees() -> None:
    sale = fill("o-2-1", "sell", "1", "120", "0.12", "19.88")
    totals = totals_of([sale], {"BTC/USDT": D(4)}).symbols["BTC/USDT"]
    assert (totals.trades, totals.gains, totals.amount) == (1, D("19.88"), D(3))


def test_trade_figures_match_hand_computed_values() -> None:
    figures = figures_of(30, -10, 20, -5, 0)
    assert (figures.trades, figures.wins, figures.losses) == (5, 2, 2)
    assert (figures.best_trade, figures.worst_trade) == (D(30), D(-10))
    assert figures.win_rate_percent == D(40)
    assert figures.profit_factor == D("3.33333333")
    assert figures.expectancy == D(7)
    # win rate x average gain - loss rate x average loss
    assert figures.expectancy == D("0.4") * D(25) - D("0.4") * D("7.5")


def test_average_holding_is_the_mean_over_trades_of_the_time_since_purchase() -> None:
    later = [
        fill("o-2-1", "buy", "1", "100", "0", "0"),
        fill("o-3-1", "buy", "3", "300", "0", "0")._replace(at=MONDAY + timedelta(seconds=40)),
        # bought after 30 s on average, so held for 70 s and 170 s
        fill("o-4-1", "sell", "2", "200", "0", "0")._replace(at=MONDAY + timedelta(seconds=100)),
        fill("o-5-1", "sell", "2", "200", "0", "0")._replace(at=MONDAY + timedelta(seconds=200)),
    ]
    assert trade_figures(totals_of(later).symbols.values()).average_holding_seconds == 120


@pytest.mark.parametrize(
    ("pnl", "factor", "rate"), [([], None, None), ([1, 2], None, 100), ([-1], 0, 0), ([0], None, 0)]
)
def test_undefined_trade_figures_are_none(pnl: list[int], factor: int | None, rate: int | None) -> None:
    figures = figures_of(*pnl)
    assert (figures.profit_factor, figures.win_rate_percent) == (factor, rate)
    undefined = (figures.expectancy, figures.best_trade, figures.worst_trade, figures.average_holding_seconds)
    assert {value is None for value in undefined} == {not pnl}


def max_drawdown(curve: Sequence[int]) -> tuple[Decimal, Decimal]:
    """Return the largest fall in money and in percent."""
    found = Drawdown()
    for equity in curve:
        found = found.after(D(equity))
    return found.drop, in_percent(found.share)


def test_max_drawdown_is_the_largest_fall_from_a_peak() -> None:
    # 100 -> 80 is 20%; 200 -> 165 is 35 but 17.5% only
    assert max_drawdown([100, 80, 120, 200, 165, 210]) == (D(35), D(20))
    assert max_drawdown([1, 2]) == (D(0), D(0))


def sharpe_ratio_of(equity: Sequence[str | int]) -> Decimal | None:
    """Return the ratio of one midnight after the other."""
    daily = DailyEquity()
    for value in equity:
        daily = daily.after(D(value), 1)
    return sharpe_ratio(daily.returns)


def test_sharpe_ratio_of_three_days_matches_hand_computed_value() -> None:
    # returns 2%, -1%, 2%: mean 1%, sample deviation sqrt(3)%, so sqrt(365 / 3)
    ratio = sharpe_ratio_of(["100", "102", "100.98", "102.9996"])
    assert ratio == (D(365) / 3).sqrt().quantize(D("0.00000001"))


@pytest.mark.parametrize("equity", [[], [1], [1, 2], [1, 2, 4], [1, 1, 1], [0, 1, 2], [1, 2, -1, 5]])
def test_sharpe_ratio_is_none_when_undefined(equity: list[int]) -> None:
    assert sharpe_ratio_of(equity) is None


def test_equal_returns_that_have_no_end_have_no_sharpe_ratio() -> None:
    assert sharpe_ratio_of([3**20 // 3**day * 7**day for day in range(20)]) is None


def test_turnover_is_the_lesser_side_over_mean_equity() -> None:
    assert turnover(D(440), D(430), D(1000)) == D("0.43")
    assert turnover(D(440), D(0), D(1000)) == D(0)
    assert turnover(D(440), D(430), D(0)) is None


def test_performance_of_a_whole_epoch_matches_hand_computed_values() -> None:
    points = [
        EquityPoint(1, EquitySample(MONDAY + number * HOUR, D(1000 + number), D(0), D(0)))
        for number in (1, 2, 3, 24, 48)
    ]
    held = {"BTC/USDT": Position(D(0), D(0), D("-18.3"), D("8.3")), "ETH/USDT": Position(D(2), D(100), D(-1), D(1))}
    totals = totals_of(FILLS)
    curve = begun_figures(totals.start.equity).with_points(points)
    found = measure(totals, curve, held, {"ETH/USDT": D(60)}, D("1000.7"), MONDAY + 2 * DAY)
    assert (found.total_pnl, found.return_percent) == (D("0.7"), D("0.07"))
    assert (found.realised_pnl, found.unrealised_pnl) == (D("-19.3"), D(20))
    assert (found.fees, found.volume) == (D("8.30"), D(870))
    assert found.max_drawdown == D("47.3")  # from 1,048 to now
    assert found.turnover == D("0.42232426")  # 430 by the mean of 1,000, 1,024, 1,048 and 1,000.7
    assert found.sharpe_ratio is None  # two midnights, one return
    assert [item.symbol for item in found.symbols] == ["BTC/USDT", "ETH/USDT"]
    assert (found.symbols[1].unrealised_pnl, found.symbols[1].figures.trades) == (D(20), 0)
    blind = measure(totals, curve, held, {}, None, MONDAY + 2 * DAY)
    assert blind.total_pnl is blind.return_percent is blind.unrealised_pnl is None


def test_equity_grid_carries_the_last_value_forward() -> None:
    points = [EquityPoint(1, EquitySample(MONDAY + hours * HOUR, D(hours), D(0), D(0))) for hours in (2, 3, 30)]
    hours = on_grid(points, MONDAY, MONDAY + 5 * HOUR, HOUR)
    assert [(point.sample.at.hour, int(point.sample.equity)) for point in hours] == [(2, 2), (3, 3), (4, 3), (5, 3)]
    days = on_grid(points, MONDAY, MONDAY + 3 * DAY, DAY)
    assert [(point.sample.at.day, int(point.sample.equity)) for point in days] == [(3, 3), (4, 30), (5, 30)]
    odd = on_grid(points, MONDAY + timedelta(minutes=125), MONDAY + timedelta(minutes=250), HOUR)
    assert [point.sample.equity for point in odd] == [3, 3]
    assert on_grid([], MONDAY, MONDAY + DAY, HOUR) == []


def test_stored_equity_points_take_precedence() -> None:
    stored = [EquityPoint(1, EquitySample(MONDAY, D(1), D(0), D(0)))]
    new = [EquitySample(MONDAY, D(2), D(0), D(0)), EquitySample(MONDAY + HOUR, D(3), D(0), D(0))]
    assert [point.sample.equity for point in merged(stored, 1, new)] == [1, 3]
    assert [(point.epoch, point.sample.equity) for point in merged(stored, 2, new)] == [(1, D(1)), (2, D(2)), (2, D(3))]
