"""The simulated market matches its definition, which computes one step at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from moniqo_core import event_loop
from moniqo_core.domain.clock import to_milliseconds
from moniqo_core.domain.market import trading_hours
from moniqo_core.domain.market.candles import INTERVALS, CandleQuery
from moniqo_core.domain.market.market import Candle, PathPoint, PriceLevel
from moniqo_core.feeds.random_walk import SimulatedMarket, simulated_markets
from moniqo_core.feeds.simulated_feed import SimulatedFeed

OCTAVES = (
    (14 * 86400, 5_000_000),
    (3 * 86400, 4_000_000),
    (12 * 3600, 2_500_000),
    (2 * 3600, 1_500_000),
    (20 * 60, 900_000),
    (120, 450_000),
    (15, 150_000),
)
STEP = timedelta(seconds=15)
ROOT = datetime(1970, 1, 1, tzinfo=UTC)
SYMBOLS = st.sampled_from(sorted(simulated_markets()))
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 20), timezones=st.just(UTC)).map(  # noqa: DTZ001
    to_milliseconds
)


class Definition:
    """One step at a time, nothing kept."""

    def __init__(self, seed: str, symbol: str) -> None:
        self.key = hashlib.sha256(seed.encode()).digest()
        self.market: SimulatedMarket = simulated_markets()[symbol]

    def level(self, octave: int, index: int) -> int:
        text = f"{self.market.market.symbol}|{octave}|{index}".encode()
        amplitude = OCTAVES[octave][1]
        drawn = int.from_bytes(hashlib.blake2b(text, digest_size=8, key=self.key).digest())
        return drawn % (2 * amplitude + 1) - amplitude

    def ticks(self, step: int) -> int:
        share = 0
        for octave, (period, _) in enumerate(OCTAVES):
            index, into = divmod(step * 15, period)
            start = self.level(octave, index)
            share += start + (self.level(octave, index + 1) - start) * into // period
        return self.market.base_ticks * (10**8 + share) // 10**8

    def draw(self, purpose: bytes, step: int, size: int) -> bytes:
        symbol = self.market.market.symbol.encode()
        return hashlib.shake_256(b"%s|%s|%s|%d" % (self.key, purpose, symbol, step)).digest(size)

    def lots_for(self, notional: int, ticks: int) -> int:
        return notional * int(10 ** (self.market.tick_places + self.market.lot_places)) // ticks

    def price(self, ticks: int) -> Decimal:
        return Decimal(ticks).scaleb(-self.market.tick_places)

    def volume(self, step: int) -> Decimal:
        share = 1000 + int.from_bytes(self.draw(b"volume", step, 4)) % 18000
        lots = self.lots_for(60_000, self.ticks(step)) * share // 10000
        return Decimal(lots).scaleb(-self.market.lot_places)

    def trades(self, step: int) -> bool:
        return self.market.market.hours is None or trading_hours.session_at(ROOT + step * STEP) is not None

    def point(self, step: int) -> PathPoint:
        ticks, begins = self.ticks(step), ROOT + step * STEP
        half = self.price(max(1, ticks // 20_000))
        return PathPoint(begins, begins + STEP, self.price(ticks), self.volume(step), half)

    def candle(self, index: int, seconds: int) -> Candle | None:
        steps = [step for step in range(index * seconds // 15, (index + 1) * seconds // 15) if self.trades(step)]
        if not steps:
            return None
        prices = [self.price(self.ticks(step)) for step in steps]
        volume = sum(map(self.volume, steps), Decimal(0))
        start = ROOT + timedelta(seconds=index * seconds)
        return Candle(start, prices[0], max(prices), min(prices), prices[-1], volume)

    def candles(self, now: datetime, seconds: int) -> Iterator[Candle]:
        """The latest first."""
        index = (now - ROOT) // timedelta(seconds=seconds)
        while True:
            index -= 1
            candle = self.candle(index, seconds)
            if candle is not None:
                yield candle

    def book(self, step: int, side: int) -> list[PriceLevel]:
        ticks, draws = self.ticks(step), self.draw(b"book", step, 160)
        usual, levels = max(1, self.lots_for(25_000, ticks)), []
        for depth in range(20):
            at = 4 * (20 * side + depth)
            drawn = int.from_bytes(draws[at : at + 4]) % 1_600_000
            away = max(1, ticks // 20_000) + depth * max(1, ticks // 100_000)
            lots = max(1, usual * (200_000 + drawn) // 1_000_000)
            price = self.price(ticks + away if side else ticks - away)
            levels.append(PriceLevel(price, Decimal(lots).scaleb(-self.market.lot_places)))
        return levels


@given(st.text(max_size=5), SYMBOLS, MOMENTS, st.integers(-20, 3000), st.integers(0, 14_999))
def test_path_consists_of_its_steps(seed: str, symbol: str, since: datetime, length: int, milliseconds: int) -> None:
    until = since + timedelta(seconds=length, milliseconds=milliseconds)
    feed, definition = SimulatedFeed(seed, lambda: until), Definition(seed, symbol)
    first, last = -((ROOT - since) // STEP), (until - ROOT) // STEP
    expected = [definition.point(step) for step in range(first, last) if definition.trades(step)]
    assert event_loop.run(feed.path(symbol, since, until)) == expected


@settings(max_examples=30)
@given(st.text(max_size=5), SYMBOLS, MOMENTS, st.sampled_from(["1m", "5m", "15m", "1h", "4h"]), st.integers(1, 3))
def test_candles_are_built_from_steps_and_repeatable(
    seed: str, symbol: str, now: datetime, interval: str, limit: int
) -> None:
    feed = SimulatedFeed(seed, lambda: now)
    closed = Definition(seed, symbol).candles(now, int(INTERVALS[interval].total_seconds()))
    expected = [next(closed) for _ in range(limit)][::-1]
    assert event_loop.run(feed.candles(symbol, CandleQuery(interval, limit))).candles == expected
    assert event_loop.run(feed.candles(symbol, CandleQuery(interval, limit))).candles == expected


def test_daily_candle_covers_all_its_steps() -> None:
    now = datetime(2026, 3, 3, 0, 0, 1, tzinfo=UTC)
    for symbol in ("BTC/USDT", "AAPL/USD"):
        (day,) = event_loop.run(SimulatedFeed("seed", lambda: now).candles(symbol, CandleQuery("1d", 1))).candles
        assert day == next(Definition("seed", symbol).candles(now, 86400))


@given(st.text(max_size=5), st.sampled_from(["BTC/USDT", "DOGE/USDT", "XRP/USDT"]), MOMENTS)
def test_snapshot_follows_from_its_step(seed: str, symbol: str, now: datetime) -> None:
    feed, definition = SimulatedFeed(seed, lambda: now), Definition(seed, symbol)
    step = (now - ROOT) // STEP
    shown = event_loop.run(feed.snapshot(symbol))
    assert (shown.at, shown.last) == (ROOT + step * STEP, definition.price(definition.ticks(step)))
    assert [list(shown.bids), list(shown.asks)] == [definition.book(step, side) for side in (0, 1)]
    assert event_loop.run(feed.mids([symbol])) == {symbol: shown.last}
