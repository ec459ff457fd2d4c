"""Sessions of the stock exchange, and the simulated stocks that trade in them."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from moniqo_core.domain.market import nyse_sessions
from moniqo_core.domain.market.candles import CandleQuery
from moniqo_core.domain.market.trading_hours import (
    NYSE,
    extend_over_closed_hours,
    next_session,
    session_at,
    sessions_between,
    trading_hours_at,
)
from moniqo_core.feeds.simulated_feed import SimulatedFeed

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / ".venv-calendars" / "bin" / "python"
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "close"),
    [
        ("2026-03-06T14:29:59", None),  # 9:29:59 in winter
        ("2026-03-06T14:30:00", "2026-03-06T21:00:00"),
        ("2026-03-06T20:59:59", "2026-03-06T21:00:00"),
        ("2026-03-06T21:00:00", None),
        ("2026-03-07T16:00:00", None),  # Saturday
        ("2026-03-09T13:30:00", "2026-03-09T20:00:00"),  # summer time
        ("2026-11-26T16:00:00", None),  # Thanksgiving
        ("2026-11-27T17:59:59", "2026-11-27T18:00:00"),  # the day after closes at one
        ("2026-11-27T18:00:00", None),
        ("2025-01-09T16:00:00", None),  # a day of mourning
        ("2023-12-29T16:00:00", None),  # before what is known
        ("2031-01-02T16:00:00", None),  # and after
    ],
)
def test_session_covers_exactly_the_trading_hours(moment: str, close: str | None) -> None:
    session = session_at(at(moment))
    assert (session.close if session else None) == (at(close) if close else None)


def test_next_session_skips_holidays_and_weekends() -> None:
    following = next_session(at("2026-12-24T17:00:00"))  # closes at one today, then Christmas and a weekend
    assert following is not None
    assert following == (at("2026-12-28T14:30:00"), at("2026-12-28T21:00:00"))
    assert next_session(at("2030-12-31T15:00:00")) is None


def test_market_hours_report_open_state_next_open_and_close() -> None:
    assert trading_hours_at(None, at("2026-03-07T16:00:00")) == (True, None, None)
    assert trading_hours_at(NYSE, at("2026-03-06T15:00:00")) == (
        True,
        at("2026-03-09T13:30:00"),
        at("2026-03-06T21:00:00"),
    )
    assert trading_hours_at(NYSE, at("2026-03-07T15:00:00")) == (
        False,
        at("2026-03-09T13:30:00"),
        at("2026-03-09T20:00:00"),
    )
    assert trading_hours_at(NYSE, at("2031-03-07T15:00:00")) == (False, None, None)


@pytest.mark.parametrize(
    ("until", "reach", "known"),
    [
        ("2026-03-06T15:00:00", "2026-03-06T16:00:00", "2026-03-06T15:00:00"),  # more may come
        ("2026-03-06T20:59:50", "2026-03-06T21:00:00", "2026-03-06T21:00:00"),  # no whole step is left
        ("2026-03-06T21:00:00", "2026-03-07T12:00:00", "2026-03-07T12:00:00"),
        ("2026-03-06T20:59:50", "2026-03-09T13:30:10", "2026-03-09T13:30:00"),
        ("2026-03-07T12:00:00", "2026-03-10T12:00:00", "2026-03-09T13:30:00"),
        ("2030-12-31T21:00:00", "2031-05-01T00:00:00", "2031-05-01T00:00:00"),
    ],
)
def test_closed_hours_count_as_known(until: str, reach: str, known: str) -> None:
    assert extend_over_closed_hours(at(until), at(reach)) == at(known)


def test_every_session_lasts_3_5_or_6_5_hours() -> None:
    sessions = sessions_between(at("2024-01-01T00:00:00"), at("2031-01-01T00:00:00"))
    assert len(sessions) == 1757
    assert {session.close - session.open for session in sessions} == {timedelta(hours=3.5), timedelta(hours=6.5)}
    early = len(nyse_sessions.EARLY.split())
    assert sum(session.close - session.open == timedelta(hours=3.5) for session in sessions) == early


def test_simulated_stocks_move_only_in_trading_sessions() -> None:
    async def look() -> None:
        now = at("2026-03-10T12:00:00")
        feed = SimulatedFeed("seed", lambda: now)
        path = await feed.path("AAPL/USD", now - 5 * DAY, now)
        assert len(path) == 3 * 6.5 * 240
        assert all(session_at(point.start) and session_at(point.end - timedelta(seconds=1)) for point in path)
        crypto = await feed.path("BTC/USDT", now - DAY, now)
        assert len(crypto) == 24 * 240
        snapshot = await feed.snapshot("AAPL/USD")
        assert snapshot.at == path[-1].start
        assert (await feed.mids(["AAPL/USD"]))["AAPL/USD"] == path[-1].price
        hours = (await feed.candles("AAPL/USD", CandleQuery("1h", 100))).candles
        assert len(hours) == 100
        assert sum(candle.volume for candle in hours[-7:]) == sum(point.volume for point in path[-1560:])
        (day,) = (await feed.candles("AAPL/USD", CandleQuery("1d", 1))).candles
        assert (day.start, day.open, day.close) == (at("2026-03-09T00:00:00"), path[-1560].price, path[-1].price)

    asyncio.run(look())


@pytest.mark.skipif(not LIBRARY.exists(), reason="the library that knows the calendar is not there: make calendars")
def test_session_table_matches_the_calendar_library() -> None:
    script = ROOT / "scripts" / "nyse_sessions.py"
    printed = subprocess.run([LIBRARY, script], check=True, capture_output=True, text=True).stdout
    table = ROOT / "layers" / "core" / "moniqo_core" / "domain" / "market" / "nyse_sessions.py"
    assert printed == table.read_text(encoding="utf-8"), "run: make calendars"
