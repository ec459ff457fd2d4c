"""Candles of every venue, against those that a naive reading of the same minutes gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.market.candles import INTERVALS, CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Candle
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchanges.venue import Venue
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.conftest import Run
from tests.support.venues.fakes import FAKES
from tests.support.venues.rules import venue_named
from tests.support.venues.server import FakeVenue

NOW = datetime(2026, 3, 4, 13, 37, 21, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
PATHS = {"kraken": "/OHLC", "coinbase": "/candles", "binance": "/klines", "bybit": "/kline"}
KRAKEN_KEEPS = 720


@dataclass
class CandleHarness:
    """A wallet at a venue that shows drawn minutes at a time that stands still."""

    venue: Venue
    fake: FakeVenue
    wallet: ExchangeWallet
    symbol: str
    minutes: list[Candle]
    made: dict[str, list[Candle]] = field(default_factory=dict)

    def every(self, interval: str) -> list[Candle]:
        """Make every candle of an interval, the open one too, from the minutes."""
        if interval not in self.made:
            self.made[interval] = self._make(interval)
        return self.made[interval]

    def _make(self, interval: str) -> list[Candle]:
        length = INTERVALS[interval]
        midnight = datetime(2026, 1, 1, tzinfo=UTC)
        groups: dict[datetime, list[Candle]] = {}
        for minute in self.minutes:
            start = minute.start - (minute.start - midnight) % length
            groups.setdefault(start, []).append(minute)
        return [
            Candle(
                start,
                own[0].open,
                max(minute.high for minute in own),
                min(minute.low for minute in own),
                own[-1].close,
                sum((minute.volume for minute in own), Decimal(0)),
            )
            for start, own in sorted(groups.items())
        ]

    def wanted(self, query: CandleQuery) -> list[Candle]:
        found = [
            candle
            for candle in self.every(query.interval)
            if (query.include_open or candle.start + query.length <= NOW)
            and (query.since is None or candle.start >= query.since)
            and (query.until is None or candle.start < query.until)
        ]
        return found[-query.limit :] if query.since is None else found[: query.limit]

    def calls(self) -> int:
        return self.fake.calls(PATHS[self.fake.name])


def drawn(seed: str, begin: datetime, rests: tuple[datetime, timedelta]) -> list[Candle]:
    """Draw minutes up to now. One of ten has no trade, and neither has any while the market ``rests``."""
    rng, found, at = Random(seed), [], begin
    while at <= NOW:
        prices = sorted(Decimal(rng.randrange(4_000_000, 5_000_000)) / 100 for _ in range(4))
        opened, closed = rng.sample(prices[1:3], 2)
        resting = rests[0] <= at < rests[0] + rests[1]
        if rng.random() >= 0.1 and not resting:
            volume = Decimal(rng.randrange(1, 10**9)) / 10**8
            found.append(Candle(at, opened, prices[3], prices[0], closed, volume))
        at += MINUTE
    return found


@contextmanager
def harness_at(name: str, minutes: list[Candle]) -> Iterator[CandleHarness]:
    with FAKES[name]() as fake:
        fake.exchange.now = lambda: int(NOW.timestamp() * 1000)  # type: ignore[method-assign]
        fake.exchange.traded = {int(minute.start.timestamp() * 1000): minute[1:] for minute in minutes}
        venue = venue_named(name)
        config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
        connection = VenueConnection(venue, config, allow_loopback=True)
        wallet = ExchangeWallet(name, "wallet", {}, {"connection": connection, "clock": lambda: NOW})
        event_loop.run(wallet.initialize())
        try:
            yield CandleHarness(venue, fake, wallet, next(iter(fake.exchange.listed)), minutes)
        finally:
            event_loop.run(connection.close())


REST = (NOW.replace(hour=2, minute=0, second=0), timedelta(hours=7))
MINUTES = drawn("minutes", NOW.replace(hour=5, minute=17, second=0) - 3 * DAY, REST)


@pytest.fixture(params=sorted(FAKES))
def harness(request: pytest.FixtureRequest) -> Iterator[CandleHarness]:
    """Each venue in turn, with three days of minutes."""
    with harness_at(request.param, MINUTES) as opened:
        yield opened


@pytest.fixture
def coinbase() -> Iterator[CandleHarness]:
    with harness_at("coinbase", MINUTES) as opened:
        yield opened


def spans(rng: Random, number: int) -> Iterator[CandleQuery]:
    for _ in range(number):
        since = NOW - timedelta(minutes=rng.randrange(-90, 5000), seconds=rng.randrange(60))
        until = NOW - timedelta(minutes=rng.randrange(-90, 5000))
        yield CandleQuery(
            rng.choice(list(INTERVALS)),
            rng.choice((1, 2, 7, 50, 1000)),
            rng.choice((None, since)),
            rng.choice((None, until)),
            rng.random() < 0.5,
        )


def check(series: CandleSeries, harness: CandleHarness, query: CandleQuery) -> None:
    """Check that nothing is missing from the time that the answer covers."""
    covered = [
        candle for candle in harness.every(query.interval) if series.covers_from <= candle.start < series.covers_to
    ]
    assert list(series.candles) == covered, query


@pytest.mark.parametrize("seed", range(3))
def test_candles_are_those_of_a_naive_reading(harness: CandleHarness, run: Run, seed: int) -> None:
    for query in spans(Random(f"queries {seed}"), 25):
        series = run(harness.wallet.candles(harness.symbol, query))
        wanted = harness.wanted(query)
        if harness.fake.name == "kraken":
            kept = NOW - KRAKEN_KEEPS * query.length
            every = [candle for candle in harness.every(query.interval) if candle.start > kept]
            wanted = [candle for candle in wanted if candle in every]
            if query.since is not None and query.since < kept:
                assert set(series.candles) <= set(every)
                check(series, harness, query)
                continue
        assert list(series.candles) == wanted, query
        check(series, harness, query)
        opened = NOW - (NOW - datetime(2026, 1, 1, tzinfo=UTC)) % query.length
        assert series.open_start == (opened if any(candle.start == opened for candle in wanted) else None)


@pytest.mark.parametrize("interval", list(INTERVALS))
def test_one_call_answers_what_one_answer_of_the_venue_holds(harness: CandleHarness, run: Run, interval: str) -> None:
    found = run(harness.wallet.get_candles(harness.symbol, interval, 3))
    assert list(found) == harness.wanted(CandleQuery(interval, 3))
    assert harness.calls() == 1


@pytest.mark.parametrize("interval", ["1m", "5m"])
def test_many_candles_take_no_more_calls_than_they_need(harness: CandleHarness, run: Run, interval: str) -> None:
    since = (NOW - 3 * DAY + timedelta(hours=9)).replace(minute=0, second=0)
    query = CandleQuery(interval, 600, since)
    found = run(harness.wallet.candles(harness.symbol, query)).candles
    slots = (found[-1].start - since) // query.length + 1
    assert harness.calls() == -(-slots // (harness.venue.candles_per_query or slots))


def test_old_candles_that_kraken_does_not_keep_are_not_called_gaps(run: Run) -> None:
    with harness_at("kraken", MINUTES) as harness:
        asked = NOW - 2 * DAY
        series = run(harness.wallet.candles(harness.symbol, CandleQuery("1m", 50, asked)))
    assert series.covers_from > asked
    assert series.candles[0].start == series.covers_from


@pytest.mark.parametrize("name", ["bybit", "coinbase"])
def test_search_from_years_before_the_first_trade_finds_it_in_a_few_calls(run: Run, name: str) -> None:
    with harness_at(name, MINUTES) as harness:
        series = run(harness.wallet.candles(harness.symbol, CandleQuery("1m", 20, NOW - 2000 * DAY)))
        assert list(series.candles) == harness.minutes[:20]
        assert harness.calls() <= 12
        assert series.covers_from <= NOW - 1999 * DAY


@pytest.mark.parametrize("name", ["bybit", "coinbase"])
def test_last_candles_of_a_new_market_take_a_few_calls(run: Run, name: str) -> None:
    with harness_at(name, MINUTES[-8:]) as harness:
        assert list(run(harness.wallet.get_candles(harness.symbol, "1m", 50))) == harness.wanted(CandleQuery("1m"))
        assert harness.calls() <= 6


def test_search_is_bounded_and_says_how_far_it_got(coinbase: CandleHarness, run: Run) -> None:
    with harness_at("coinbase", [MINUTES[number] for number in range(0, len(MINUTES), 280)]) as sparse:
        series = run(sparse.wallet.candles(sparse.symbol, CandleQuery("1m", 1000, NOW - 3 * DAY)))
        assert sparse.calls() <= 16
        check(series, sparse, CandleQuery("1m", 1000, NOW - 3 * DAY))
        assert series.covers_to > NOW - 3 * DAY


def spoiled(name: str, change: dict[str, Any]) -> Any:
    def spoil(shown: Any) -> None:
        for row in shown["candles"]:
            if row["start"] == name:
                row.update(change)

    return spoil


@pytest.mark.parametrize("change", [{"high": None}, {"high": "x"}, {"low": "-1"}, {"close": "NaN"}])
def test_odd_hour_costs_the_candle_that_it_is_part_of(
    coinbase: CandleHarness, run: Run, change: dict[str, Any]
) -> None:
    query = CandleQuery("4h", 8)
    every = list(run(coinbase.wallet.candles(coinbase.symbol, query)).candles)
    hour = NOW.replace(hour=21, minute=0, second=0) - DAY
    coinbase.fake.rewrite("/candles", spoiled(str(int(hour.timestamp())), change))
    found = list(run(coinbase.wallet.candles(coinbase.symbol, CandleQuery("4h", 8, every[0].start))).candles)
    lost = hour.replace(hour=20)
    assert lost in {candle.start for candle in every}
    assert lost not in {candle.start for candle in found}
    whole = {candle.start for candle in every} - {lost, REST[0].replace(hour=0), REST[0].replace(hour=8)}
    assert whole - {candle.start for candle in found} <= {every[0].start}
    assert set(found) <= set(coinbase.every("4h"))
