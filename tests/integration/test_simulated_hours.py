"""Hours of the simulated market are computed once for all environments, and never change an answer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from moniqo_core.domain.market.candles import CandleQuery, CandleSeries, floor_time
from moniqo_core.feeds.random_walk import RandomWalk, SimulatedMarket, simulated_markets
from moniqo_core.feeds.simulated_candles import NoHourStore, SimulatedCandles
from moniqo_core.feeds.simulated_feed import MOST_STEPS
from moniqo_core.storage.market.recorded_minutes import COLLECTION
from moniqo_core.storage.market.simulated_hours import SimulatedHours
from tests.conftest import Database, Run

NOW = datetime(2026, 3, 10, 13, 37, 21, tzinfo=UTC)
DAY = timedelta(days=1)
STEPS_PER_DAY = 5760


class CountedWalk(RandomWalk):
    """A market that counts the steps computed."""

    steps = 0

    def lots(self, market: SimulatedMarket, steps: range, ticks: list[int]) -> list[int]:
        self.steps += len(steps)
        return super().lots(market, steps, ticks)


class Environment:
    """A new execution environment, which remembers nothing."""

    def __init__(self, database: Database | None, run: Run, *, seed: str = "seed", now: datetime = NOW) -> None:
        self.walk = CountedWalk(seed)
        self.now = now
        store = NoHourStore() if database is None else SimulatedHours(database, lambda: now)
        self.candles = SimulatedCandles(self.walk, store)
        self.run = run

    def ask(self, query: CandleQuery, symbol: str = "BTC/USDT", days: int = 2) -> CandleSeries:
        market = simulated_markets()[symbol]
        return self.run(self.candles.series(market, query, self.now, days * STEPS_PER_DAY))


@pytest.mark.parametrize("length", ["1m", "5m", "15m", "1h", "4h", "1d"])
@pytest.mark.parametrize("symbol", ["BTC/USDT", "AAPL/USD"])
def test_open_candle_appears_when_its_first_step_has_ended(run: Run, symbol: str, length: str) -> None:
    query = CandleQuery(length, 1, include_open=True)
    opens = datetime(2026, 3, 10, 13, 30, tzinfo=UTC)  # of the exchange
    begins = [opens] if symbol == "AAPL/USD" else [opens, floor_time(opens, query.length)]

    def newest(moment: datetime) -> datetime:
        return Environment(None, run, now=moment).ask(query, symbol).candles[-1].start

    for begin in begins:
        candle = floor_time(begin, query.length)
        assert newest(begin + timedelta(seconds=15)) == candle
        is_first = begin == candle or symbol == "AAPL/USD"
        for seconds in (0, 14.9):
            assert (newest(begin + timedelta(seconds=seconds)) < candle) is is_first


def test_answer_computes_a_bounded_number_of_hours_and_the_next_one_goes_on(database: Database, run: Run) -> None:
    week, expected = CandleQuery("1d", 7), Environment(None, run).ask(CandleQuery("1d", 7), days=7)
    for days in (2, 4, 6, 7):
        environment = Environment(database, run)
        answer = environment.ask(week)
        assert answer.candles == expected.candles[-days:]
        assert answer.covers_from == answer.candles[0].start
        assert environment.walk.steps <= 2 * STEPS_PER_DAY
    last = Environment(database, run)
    assert (last.ask(week), last.walk.steps) == (expected, 0)
    assert MOST_STEPS <= 14 * STEPS_PER_DAY


@pytest.mark.parametrize("symbol", ["BTC/USDT", "AAPL/USD"])
def test_stored_hours_give_the_same_candles(database: Database, run: Run, symbol: str) -> None:
    since = NOW - 4 * DAY
    queries = [CandleQuery(each, 30, since, include_open=True) for each in ("1h", "4h", "1d")]
    queries += [CandleQuery(each, 20, include_open=True) for each in ("1h", "4h")]
    for query in queries:
        expected = Environment(None, run).ask(query, symbol, days=9)
        assert [Environment(database, run).ask(query, symbol, days=9) for _ in range(2)] == [expected] * 2
    again = Environment(database, run)
    again.ask(queries[2], symbol)
    # Only the hour that is still open is computed.
    assert again.walk.steps < 240


def test_open_hour_is_not_stored(database: Database, run: Run) -> None:
    query = CandleQuery("1d", 1, include_open=True)
    Environment(database, run).ask(query)
    later = NOW + timedelta(minutes=30)
    assert Environment(database, run, now=later).ask(query) == Environment(None, run, now=later).ask(query)


def test_another_seed_has_hours_of_its_own(database: Database, run: Run) -> None:
    query = CandleQuery("1d", 1)
    first = Environment(database, run).ask(query)
    other = Environment(database, run, seed="other")
    assert other.ask(query) == Environment(None, run, seed="other").ask(query)
    assert other.walk.steps == STEPS_PER_DAY
    assert other.ask(query).candles != first.candles
    stored = run(database["market_minutes"].find().to_list())
    assert len(stored) == 2
    assert "seed" not in repr(stored)


def test_hours_can_be_deleted_or_stored_twice(database: Database, run: Run) -> None:
    query = CandleQuery("1h", 30)
    environments = [Environment(database, run) for _ in range(4)]
    market = simulated_markets()["BTC/USDT"]

    async def at_once() -> list[CandleSeries]:
        asked = (each.candles.series(market, query, NOW, MOST_STEPS) for each in environments)
        return await asyncio.gather(*asked)

    first, *others = run(at_once())
    assert others == [first] * 3
    stored = run(database["market_minutes"].find().to_list())
    run(database["market_minutes"].delete_many({}))
    assert Environment(database, run).ask(query) == first
    assert run(database["market_minutes"].find().to_list()) == stored


def test_only_hours_of_the_last_400_days_are_stored(database: Database, run: Run) -> None:
    old = Environment(database, run).ask(CandleQuery("1d", 2, NOW - 401 * DAY))
    assert len(old.candles) == 2
    stored = run(database["market_minutes"].find().to_list())
    assert [document["_id"][-10:] for document in stored] == ["2025-02-04"]
    assert stored[0]["expires_at"].replace(tzinfo=UTC) == datetime(2025, 2, 4, tzinfo=UTC) + 400 * DAY


@pytest.mark.own_database
def test_database_that_stores_nothing_changes_no_answer(
    database: Database, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a full disk: reads go on, and the hours are known."""
    query = CandleQuery("1d", 2)
    run(database.command("collMod", COLLECTION, validator={"nothing": {"$type": "string"}}))
    assert Environment(database, run).ask(query) == Environment(None, run).ask(query)
    assert "simulated hours are not stored" in caplog.text
