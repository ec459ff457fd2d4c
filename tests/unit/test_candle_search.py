"""The search for candles at a venue asks for as little as it can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from moniqo_core.domain.market.candle_search import CandleSearch
from moniqo_core.domain.market.candles import CandleQuery
from moniqo_core.domain.market.market import Candle

DAY = datetime(2026, 3, 2, tzinfo=UTC)
PRICE = Decimal(100)
TRADE = Candle(DAY, PRICE, PRICE, PRICE, PRICE, Decimal(1))


def test_day_that_is_known_to_have_traded_is_not_asked_for_twice() -> None:
    # The only trade was in the first minute of the day, which the second page of minutes just misses.
    now = DAY + timedelta(days=2)
    search = CandleSearch(CandleQuery("1m", 1, until=now), now, "1m", most=24 * 60 - 1)
    asked: list[str] = []
    while (query := search.following()) is not None:
        asked.append(query.interval)
        search.take(query, [TRADE] if query.span.start <= DAY < query.span.end else [], odd=False)
    assert asked == ["1m", "1d", "1m", "1m"]
    assert [each.start for each in search.series().candles] == [DAY]
