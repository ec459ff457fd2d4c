"""Running figures of equity equal the figures computed from all points at once, however the points are parted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import bson
from bson import ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st

from moniqo_core.domain.money import round_down
from moniqo_core.domain.portfolio.equity_curve import DAY, HOUR, EquityPoint, EquitySample
from moniqo_core.domain.portfolio.equity_figures import EquityFigures, begun_figures
from moniqo_core.domain.portfolio.performance import measure
from moniqo_core.domain.portfolio.trade_totals import NO_FILLS, EpochStart, TradeTotals
from moniqo_core.storage.paper.totals.equity_codec import StoredFigures, figures_document, read_figures
from tests.support.naive_performance import naive_equity

D = Decimal
BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TRADED = {"BTC/USDT": NO_FILLS._replace(fills=2, bought=D(700), sold=D(500))}


def drawn_points(drawn: Random) -> list[EquityPoint]:
    """Points at hours of up to some weeks. The equity moves, rests, grows evenly, or falls to nothing and below."""
    at, equity = BEGAN.replace(minute=0), D(1000)
    factor = D(drawn.choice(("1.01", "0.5", "3"))) if drawn.random() < 0.2 else None
    gap = drawn.choice((HOUR, HOUR, DAY, 0 * HOUR))
    points = []
    for _ in range(drawn.randrange(60)):
        at += gap or drawn.choice((HOUR, HOUR, 5 * HOUR, DAY, 40 * DAY))
        if factor is not None:
            equity = min(round_down(equity * factor, 8), D(10) ** 18)
        elif drawn.random() < 0.7:
            equity += D(drawn.randrange(-40_000, 41_000)) / 1000
        elif drawn.random() < 0.05:
            equity = D(drawn.choice((0, -7)))
        points.append(EquityPoint(1, EquitySample(at, equity, None, None)))
    return points


def stored_and_read(figures: EquityFigures) -> EquityFigures:
    """Return the figures as the database keeps them."""
    assert figures.at is not None
    stored = StoredFigures(1, figures.at, ObjectId(), figures)
    codec = bson.CodecOptions[dict[str, object]](tz_aware=True, tzinfo=UTC)
    assert read_figures(bson.decode(bson.encode(figures_document("wallet", stored)), codec)) == stored
    return read_figures(figures_document("wallet", stored)).figures


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_parts_give_the_figures_of_all_points(seed: int) -> None:
    drawn = Random(seed)
    points = drawn_points(drawn)
    begun = begun_figures(D(1000))
    whole, figures, done = begun.with_points(points), begun, 0
    while done < len(points):
        overlap, more = max(0, done - drawn.randrange(4)), done + drawn.randrange(1, 20)
        figures, done = stored_and_read(figures.with_points(points[overlap:more])), more
    assert figures == whole

    start, last = EpochStart(BEGAN, D(1000)), points[-1].sample.at if points else BEGAN
    now = last + drawn.choice((timedelta(), timedelta(minutes=59), HOUR, 30 * DAY))
    equity = D(drawn.randrange(700, 1300)) if drawn.random() < 0.8 else None
    expected = naive_equity(start, points, equity, now)
    found = measure(TradeTotals(1, start, TRADED), figures, {}, {}, equity, now)
    assert (found.max_drawdown, found.max_drawdown_percent, found.sharpe_ratio) == (
        expected.max_drawdown,
        expected.max_drawdown_percent,
        expected.sharpe_ratio,
    )
    assert found.turnover == (D(500) / expected.mean_equity).quantize(D("0.00000001"))
