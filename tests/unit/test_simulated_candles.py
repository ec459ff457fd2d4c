"""Candles of the simulated market: every interval, any span, and the candle that is still open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.errors import ValidationError
from moniqo_core.domain.market.candles import INTERVALS, CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Candle
from moniqo_core.feeds import simulated_feed
from moniqo_core.feeds.simulated_feed import SimulatedFeed

NOW = datetime(2026, 3, 10, 13, 37, 21, tzinfo=UTC)
DAY = timedelta(days=1)


def asked(query: CandleQuery, symbol: str = "BTC/USDT", now: datetime = NOW) -> CandleSeries:
    return event_loop.run(SimulatedFeed("seed", lambda: now).candles(symbol, query))


@pytest.mark.parametrize("symbol", ["BTC/USDT", "AAPL/USD"])
@pytest.mark.parametrize("interval", ["5m", "15m", "1h", "4h", "1d"])
def test_candles_are_made_of_their_minutes(symbol: str, interval: str) -> None:
    length = INTERVALS[interval]
    minutes: list[Candle] = []
    for day in range(4):
        for half in range(2):
            since = datetime(2026, 3, 6, tzinfo=UTC) + day * DAY + half * DAY / 2
            minutes += asked(CandleQuery("1m", 1000, since, since + DAY / 2), symbol).candles
    query = CandleQuery(interval, 1000, minutes[0].start - timedelta(minutes=1) - length, minutes[-1].start)
    for candle in asked(query, symbol).candles:
        own = [minute for minute in minutes if candle.start <= minute.start < candle.start + length]
        assert (candle.start - datetime(2026, 1, 1, tzinfo=UTC)) % length == timedelta(0)
        if own and candle.start >= datetime(2026, 3, 6, tzinfo=UTC):
            volume = sum((minute.volume for minute in own), Decimal(0))
            highest, lowest = max(minute.high for minute in own), min(minute.low for minute in own)
            assert candle == Candle(candle.start, own[0].open, highest, lowest, own[-1].close, volume)


@pytest.mark.parametrize(
    ("query", "first", "count"),
    [
        (CandleQuery("1h", 3), "10:00", 3),
        (CandleQuery("1h", 3, include_open=True), "11:00", 3),
        (CandleQuery("1h", 3, NOW - timedelta(hours=5)), "09:00", 3),
        (CandleQuery("1h", 9, NOW - timedelta(hours=5)), "09:00", 4),
        (CandleQuery("1h", 9, NOW - timedelta(hours=5), include_open=True), "09:00", 5),
        (CandleQuery("1h", 9, datetime(2026, 3, 10, 9, tzinfo=UTC), datetime(2026, 3, 10, 11, tzinfo=UTC)), "09:00", 2),
        (CandleQuery("1h", 2, until=datetime(2026, 3, 10, 11, tzinfo=UTC)), "09:00", 2),
        (CandleQuery("1h", 2, until=datetime(2026, 3, 10, 11, 0, 1, tzinfo=UTC)), "10:00", 2),
        (CandleQuery("1h", 2, NOW + DAY), None, 0),
        (CandleQuery("1h", 2, NOW, NOW - DAY), None, 0),
        (CandleQuery("1h", 2, datetime.max.replace(tzinfo=UTC)), None, 0),
        (CandleQuery("1h", 2, until=datetime.min.replace(tzinfo=UTC)), None, 0),
    ],
)
def test_bounds(query: CandleQuery, first: str | None, count: int) -> None:
    series = asked(query)
    assert len(series.candles) == count
    assert (series.candles[0].start.strftime("%H:%M") if series.candles else None) == first
    opened = NOW.replace(minute=0, second=0)
    assert series.open_start == (opened if query.include_open else None)


def test_open_candle_holds_the_steps_that_have_ended() -> None:
    (candle,) = asked(CandleQuery("1d", 1, include_open=True)).candles
    later = asked(CandleQuery("1d", 1), now=NOW + DAY).candles[0]
    assert (candle.start, candle.open) == (later.start, later.open)
    assert candle.volume < later.volume
    steps = event_loop.run(SimulatedFeed("seed", lambda: NOW).path("BTC/USDT", candle.start, NOW))
    assert candle.close == steps[-1].price
    assert candle.volume == sum((step.volume for step in steps), Decimal(0))


@pytest.mark.parametrize(
    ("symbol", "interval", "now"),
    [
        ("BTC/USDT", "1h", datetime(2026, 3, 10, 14, 0, 3, tzinfo=UTC)),
        ("AAPL/USD", "15m", datetime(2026, 3, 10, 13, 30, 3, tzinfo=UTC)),  # 3 seconds after the exchange opened
        ("AAPL/USD", "1h", datetime(2026, 3, 10, 13, 30, 3, tzinfo=UTC)),
    ],
)
def test_candle_that_has_not_begun_takes_no_place_of_the_limit(symbol: str, interval: str, now: datetime) -> None:
    series = asked(CandleQuery(interval, 2, include_open=True), symbol, now)
    closed = asked(CandleQuery(interval, 2), symbol, now)
    assert (len(series.candles), series.open_start) == (2, None)
    assert (series.candles, series.covers_from) == (closed.candles, closed.covers_from)


def test_work_of_one_answer_is_bounded_and_the_answer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_feed, "MOST_STEPS", 3 * 5760)
    last = asked(CandleQuery("1d", 100))
    assert [candle.start for candle in last.candles] == [datetime(2026, 3, day, tzinfo=UTC) for day in (7, 8, 9)]
    assert (last.covers_from, last.covers_to) == (last.candles[0].start, datetime(2026, 3, 10, tzinfo=UTC))
    since = datetime(2026, 2, 1, tzinfo=UTC)
    first = asked(CandleQuery("1d", 100, since))
    assert (first.covers_from, first.covers_to) == (since, since + 3 * DAY)


def test_stocks_have_no_candle_while_the_exchange_is_closed() -> None:
    monday = datetime(2026, 3, 9, 13, 30, tzinfo=UTC)
    series = asked(
        CandleQuery("15m", 1000, monday - 3 * DAY - timedelta(hours=2), monday + timedelta(minutes=31)), "AAPL/USD"
    )
    gaps = {after.start - before.start for before, after in zip(series.candles, series.candles[1:], strict=False)}
    assert len(gaps) == 2
    assert series.candles[-1].start == monday + timedelta(minutes=30)
    assert series.covers_from == monday - 3 * DAY - timedelta(hours=2)


def test_nothing_is_shown_from_before_the_earliest_time() -> None:
    millennium = datetime(2000, 1, 1, tzinfo=UTC)
    series = asked(CandleQuery("1d", 1, millennium - 500 * DAY))
    assert series.candles[0].start == millennium


@pytest.mark.parametrize(("interval", "limit"), [("2h", 1), ("", 1), ("1m", 0), ("1m", 1001)])
def test_impossible_query_is_refused(interval: str, limit: int) -> None:
    with pytest.raises(ValidationError):
        CandleQuery(interval, limit)
