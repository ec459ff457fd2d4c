"""Candles made of Polygon's bars, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Candle
from moniqo_core.feeds.polygon import Polygon

NOW = datetime(2026, 3, 10, 18, 42, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")


class Bars:
    """Serves bars of an hour and of a day. A page holds ``page`` bars, and its last one is then not whole."""

    def __init__(self, page: int = 10**6, changes: Mapping[datetime, dict[str, Any]] | None = None) -> None:
        self.page, self.changes = page, changes or {}
        self.calls: list[str] = []

    async def get(self, path: str, query: Mapping[str, str]) -> Any:
        self.calls.append(path)
        *_, count, span, first, last = path.split("/")
        assert count == "1"
        begin, end = (datetime.fromtimestamp(int(text) / 1000, UTC) for text in (first, last))
        starts = list(hours() if span == "hour" else days())
        starts = [start for start in starts if begin <= start <= min(end, NOW)]
        if query["sort"] == "desc":
            starts.reverse()
        shown = [{**bar(start), **self.changes.get(start, {})} for start in starts[: self.page]]
        if len(starts) <= self.page:
            return {"status": "OK", "results": shown}
        shown[-1]["v"] = 1
        return {"status": "OK", "results": shown, "next_url": "https://example.com"}

    def asked(self, query: CandleQuery, now: datetime = NOW) -> CandleSeries:
        return asyncio.run(Polygon(self.get, lambda: now).candles("AAPL/USD", query))


def hours() -> list[datetime]:
    """Hours of trading: from 4:00 to 20:00 in New York, Monday to Friday."""
    found = (datetime(2026, 2, 2, tzinfo=UTC) + number * HOUR for number in range(37 * 24))
    local = ((at, at.astimezone(NEW_YORK)) for at in found)
    return [at for at, there in local if there.weekday() < 5 and 4 <= there.hour < 20]


def days() -> list[datetime]:
    midnights = (datetime(2026, 2, 2, tzinfo=NEW_YORK) + number * DAY for number in range(37))
    return [at.astimezone(UTC) for at in midnights if at.weekday() < 5]


def bar(start: datetime) -> dict[str, Any]:
    stamp = int(start.timestamp())
    price = Decimal(stamp // 3600 % 977)
    volume = Decimal(stamp // 3600 % 7919 + 1) / 8
    return {"t": stamp * 1000, "o": price + 2, "h": price + 3, "l": price + 1, "c": price + 1, "v": volume}


def four_hours(start: datetime) -> Candle | None:
    own = [bar(at) for at in hours() if start <= at < start + 4 * HOUR]
    if not own:
        return None
    volume = sum((each["v"] for each in own), Decimal(0))
    return Candle(start, own[0]["o"], max(b["h"] for b in own), min(b["l"] for b in own), own[-1]["c"], volume)


@pytest.mark.parametrize("page", [10**6, 50, 12])
@pytest.mark.parametrize("since", [None, NOW - 3 * DAY])
def test_four_hours_are_made_of_hours_whatever_a_page_holds(page: int, since: datetime | None) -> None:
    bars = Bars(page)
    found = bars.asked(CandleQuery("4h", 8, since)).candles
    every = [four_hours(datetime(2026, 3, 2, tzinfo=UTC) + number * 4 * HOUR) for number in range(60)]
    closed = [candle for candle in every if candle is not None and candle.start + 4 * HOUR <= NOW]
    wanted = closed[-8:] if since is None else [candle for candle in closed if candle.start >= since][:8]
    assert list(found) == wanted
    assert len(bars.calls) == 1 if page >= 50 else 2 <= len(bars.calls) <= 4


@pytest.mark.parametrize("change", [{"h": None}, {"h": "x"}, {"l": -1}, {"c": "NaN"}, {"v": None}])
def test_odd_bar_costs_the_candle_that_has_it(change: dict[str, Any]) -> None:
    odd = datetime(2026, 3, 9, 15, tzinfo=UTC)
    every = Bars().asked(CandleQuery("4h", 20)).candles
    found = Bars(changes={odd: change}).asked(CandleQuery("4h", 20, every[0].start)).candles
    assert set(every) - set(found) == {candle for candle in every if candle.start == odd.replace(hour=12)}
    single = Bars(changes={odd: change}).asked(CandleQuery("1h", 48)).candles
    assert odd not in {candle.start for candle in single}
    assert len(single) == 48


def test_day_has_the_date_of_the_exchange_and_ends_at_its_midnight() -> None:
    evening = datetime(2026, 3, 10, 3, 30, tzinfo=UTC)  # 23:30 on the 9th in New York
    last = Bars().asked(CandleQuery("1d", 1), evening).candles[0]
    assert last.start == datetime(2026, 3, 6, tzinfo=UTC)
    opened = Bars().asked(CandleQuery("1d", 1, include_open=True), evening)
    assert opened.open_start == opened.candles[0].start == datetime(2026, 3, 9, tzinfo=UTC)
    after = Bars().asked(CandleQuery("1d", 1), evening + HOUR).candles[0]
    assert after.start == datetime(2026, 3, 9, tzinfo=UTC)
    assert after.open == bar(datetime(2026, 3, 9, 4, tzinfo=UTC))["o"]


def test_nothing_is_asked_for_a_span_without_candles() -> None:
    bars = Bars()
    assert bars.asked(CandleQuery("1h", 5, NOW + DAY)).candles == []
    assert bars.calls == []
