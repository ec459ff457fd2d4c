"""The venue feed with scripted venues: freshness, fallback, and the recorded price path."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moniqo_core.domain.errors import MarketDataError, SymbolNotFoundError, WalletConnectionError, WalletError
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Candle, Market, PathPoint, PriceLevel, Snapshot
from moniqo_core.domain.market.minute_candles import HOUR, MINUTE, MinuteCandles
from moniqo_core.domain.market.ticker import Quote24h, Ticker
from moniqo_core.domain.market.trading_hours import NYSE
from moniqo_core.feeds import venue_feed as live
from moniqo_core.feeds.recorded_path import RecordedPath
from moniqo_core.feeds.venue_feed import VenueFeed

D = Decimal
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BTC = "BTC/USDT"
MARKET = Market(BTC, "BTC", "USDT", D("0.01"), D("0.00001"), D("0.00001"), D(5))
Result = TypeVar("Result")


class Clock:
    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Venue:
    """A scripted venue. A minute's candle is visible from its first second on."""

    def __init__(self, clock: Clock, source: str = "one", price: str = "50000") -> None:
        self.clock = clock
        self.source = source
        self.price = D(price)
        self.age = timedelta(0)
        self.down: WalletError | None = None
        self.listed = {BTC: MARKET}
        self.history: dict[datetime, Candle] = {}
        self.page = 500
        self.asked: list[datetime] = []
        self.bids: list[PriceLevel] | None = None

    async def markets(self) -> Mapping[str, Market]:
        self._answer()
        return self.listed

    async def offered(self) -> Mapping[str, Market]:
        return await self.markets()

    async def snapshot(self, symbol: str) -> Snapshot:
        self._answer()
        bids = [PriceLevel(self.price - 1, D(1))] if self.bids is None else self.bids
        return Snapshot(
            symbol, self.clock() - self.age, self.price, bids, [PriceLevel(self.price + 1, D(1))], self.source
        )

    async def mids(self) -> Mapping[str, Decimal]:
        self._answer()
        return dict.fromkeys(self.listed, self.price)

    async def minutes(self, symbol: str, since: datetime) -> Sequence[Candle]:
        self.asked.append(since)
        await asyncio.sleep(0)
        self._answer()
        shown = [candle for start, candle in sorted(self.history.items()) if since <= start <= self.clock()]
        return shown[: self.page]

    async def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        self._answer()
        ask = self.price + 1 if self.bids is None else self.price - 5
        quote = Quote24h(self.price - 1, ask, self.price)
        return {symbol: Ticker(symbol, self.clock(), self.source, quote) for symbol in symbols if symbol in self.listed}

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        self._answer()
        return CandleSeries((), NOON, NOON)

    def _answer(self) -> None:
        if self.down is not None:
            raise self.down

    def trade(self, minute: int, price: str = "50000", volume: str = "4") -> None:
        start = NOON + minute * MINUTE
        self.history[start] = Candle(start, D(price), D(price) + 5, D(price) - 7, D(price) + 1, D(volume))


class Record:
    """Keeps minutes as the database does: an hour can only be extended at its end."""

    def __init__(self) -> None:
        self.hours: dict[tuple[str, str, datetime], MinuteCandles] = {}

    async def read(self, source: str, symbol: str, hours: Sequence[datetime]) -> Mapping[datetime, MinuteCandles]:
        return {hour: self.hours[source, symbol, hour] for hour in hours if (source, symbol, hour) in self.hours}

    async def extend(self, source: str, symbol: str, since: datetime, found: Mapping[datetime, MinuteCandles]) -> None:
        await asyncio.sleep(0)
        for hour, minutes in found.items():
            known = self.hours.get((source, symbol, hour), MinuteCandles(hour, ()))
            if known.until == max(since, hour):
                self.hours[source, symbol, hour] = MinuteCandles(minutes.until, known.candles + minutes.candles)


def run(work: Any) -> Any:
    return asyncio.run(work)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_snapshot_comes_from_the_first_venue_with_fresh_prices(clock: Clock) -> None:
    first, second = Venue(clock), Venue(clock, "two", "51000")
    feed = VenueFeed([first, second], Record(), clock)
    assert run(feed.snapshot(BTC)).source == "one"
    first.age = timedelta(seconds=2.001)
    assert run(feed.snapshot(BTC)).source == "two"
    first.age, first.bids = timedelta(0), []
    assert run(feed.snapshot(BTC)).source == "two"
    second.age = timedelta(seconds=3)
    with pytest.raises(MarketDataError, match="empty on one side"):
        run(feed.snapshot(BTC))


@pytest.mark.parametrize(
    "bids",
    [
        [PriceLevel(D(0), D(1))],
        [PriceLevel(D(-1), D(1))],
        [PriceLevel(D("NaN"), D(1))],
        [PriceLevel(D(49999), D("NaN"))],
        [PriceLevel(D(49999), D(0))],
        [PriceLevel(D(50002), D(1))],
        [PriceLevel(D(49998), D(1)), PriceLevel(D(49999), D(1))],
    ],
)
def test_implausible_book_is_refused(clock: Clock, bids: list[PriceLevel]) -> None:
    venue = Venue(clock)
    venue.bids = bids
    with pytest.raises(MarketDataError):
        run(VenueFeed([venue], Record(), clock).snapshot(BTC))


def test_bid_may_equal_ask(clock: Clock) -> None:
    venue = Venue(clock)
    venue.bids = [PriceLevel(D(50001), D(1))]
    snapshot = run(VenueFeed([venue], Record(), clock).snapshot(BTC))
    assert snapshot.bid == snapshot.ask


def test_snapshot_age_is_measured_by_venue_time(clock: Clock) -> None:
    venue = Venue(clock)
    feed = VenueFeed([venue], Record(), clock)
    for age in (2.0, -1.0):
        venue.age = timedelta(seconds=age)
        assert run(feed.snapshot(BTC)).at == NOON - venue.age
    venue.age = timedelta(seconds=-1.5)
    with pytest.raises(MarketDataError, match=r"1\.500 s in the future"):
        run(feed.snapshot(BTC))


def test_unreachable_venue_raises_a_market_data_error(clock: Clock) -> None:
    venue = Venue(clock)
    venue.down = WalletConnectionError("The venue did not answer in time.")
    feed = VenueFeed([venue], Record(), clock)
    for question in (feed.snapshot(BTC), feed.market(BTC), feed.markets(), feed.candles(BTC, CandleQuery("1m", 5))):
        with pytest.raises(MarketDataError, match="did not answer in time"):
            run(question)
    assert run(feed.mids([BTC])) == run(feed.mids([BTC], fresh=True)) == {}


def test_reads_without_fresh_may_be_a_second_old(clock: Clock) -> None:
    venue = Venue(clock)
    feed = VenueFeed([venue], Record(), clock)
    assert run(feed.snapshot(BTC, fresh=False)).last == 50000
    venue.price += 1
    assert run(feed.snapshot(BTC, fresh=False)).last == 50000
    assert run(feed.snapshot(BTC)).last == 50001
    clock.now += timedelta(seconds=1.5)
    venue.price += 1
    assert run(feed.snapshot(BTC, fresh=False)).last == 50002


def test_symbol_unlisted_at_the_path_venue_is_not_found(clock: Clock) -> None:
    first, second = Venue(clock), Venue(clock, "two")
    second.listed = {"DOT/USDT": MARKET}
    with pytest.raises(SymbolNotFoundError):
        run(VenueFeed([first, second], Record(), clock).snapshot("DOT/USDT"))


def test_missing_mids_come_from_other_venues(clock: Clock) -> None:
    first, second = Venue(clock), Venue(clock, "two", "51000")
    first.listed = {}
    assert run(VenueFeed([first, second], Record(), clock).mids([BTC, "X/USDT"])) == {BTC: D(51000)}


def test_mark_of_a_spread_that_is_not_sane_is_the_last_trade(clock: Clock) -> None:
    venue = Venue(clock)
    venue.bids = [PriceLevel(D(400), D(1))]
    feed = VenueFeed([venue], Record(), clock)

    assert run(feed.mids([BTC], fresh=True)) == {BTC: D(50000)}


def test_dollar_token_is_valued_by_any_venue_that_quotes_it(clock: Clock) -> None:
    first, second = Venue(clock), Venue(clock, "two", "0.99")
    second.listed = {"USDT/USD": MARKET}
    second.bids = [PriceLevel(D("0.98"), D(1))]
    feed = VenueFeed([first, second], Record(), clock)
    assert run(feed.usd_rate("USDC")) == 1
    assert run(feed.usd_rate("USDT")) == D("0.99")
    second.down = MarketDataError("away")
    clock.now += timedelta(hours=1)
    assert run(feed.usd_rate("USDT")) == D("0.99")
    assert run(VenueFeed([first, second], Record(), clock).usd_rate("USDT")) == 1


def test_dollar_token_rate_is_shared_and_limited_in_time(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "RATE_SECONDS", 0.05)
    venue = Venue(clock)
    venue.listed = {"USDT/USD": MARKET}
    looks = 0
    hangs = False

    async def snapshot(symbol: str) -> Snapshot:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        if hangs:
            await asyncio.Event().wait()
        return await Venue.snapshot(venue, symbol)

    monkeypatch.setattr(venue, "snapshot", snapshot)
    feed = VenueFeed([venue], Record(), clock)

    async def everybody() -> set[Decimal]:
        return set(await asyncio.gather(*(feed.usd_rate("USDT") for _ in range(10))))

    async def twice() -> None:
        nonlocal hangs
        (rate,) = await everybody()
        assert (looks, rate != 1) == (1, True)
        hangs = True
        clock.now += timedelta(minutes=2)
        assert (await everybody(), looks) == ({rate}, 2)

    run(twice())


def _known(feed: VenueFeed, since: datetime, until: datetime) -> datetime:
    found: datetime = run(feed.known_until(BTC, since, until))
    return found


def test_path_ends_where_data_is_missing(clock: Clock) -> None:
    venue = Venue(clock)
    for minute in range(5):
        venue.trade(minute)
    feed = VenueFeed([venue], Record(), clock)
    clock.now = NOON + 4 * MINUTE + timedelta(seconds=30)
    assert _known(feed, NOON, clock.now) == clock.now
    clock.now = NOON + 9 * MINUTE
    # No minute after 4 was seen. So it is unknown whether minute 4 is over, and whether there were later trades.
    assert _known(feed, NOON, clock.now) == NOON + 4 * MINUTE
    venue.trade(8)
    assert _known(feed, NOON, clock.now) == NOON + 8 * MINUTE
    venue.trade(9)
    assert _known(feed, NOON, clock.now) == clock.now
    points: Sequence[PathPoint] = run(feed.path(BTC, NOON, clock.now))
    assert [point.start for point in points[::4]] == [NOON + minute * MINUTE for minute in (0, 1, 2, 3, 4, 8)]


def test_path_contains_only_whole_minutes_after_its_start(clock: Clock) -> None:
    venue = Venue(clock)
    for minute in range(4):
        venue.trade(minute)
    feed = VenueFeed([venue], Record(), clock)
    clock.now = NOON + 3 * MINUTE
    since, until = NOON + timedelta(seconds=1), NOON + timedelta(minutes=2, seconds=59)
    assert _known(feed, since, until) == until
    assert {point.start for point in run(feed.path(BTC, since, until))} == {NOON + MINUTE}


def test_recorded_path_survives_a_venue_outage(clock: Clock) -> None:
    venue, record = Venue(clock), Record()
    for minute in range(5):
        venue.trade(minute)
    clock.now = NOON + 4 * MINUTE
    before = run(_look(VenueFeed([venue], record, clock), NOON, clock.now))
    venue.down, venue.history = WalletConnectionError("away"), {}
    clock.now += 5 * MINUTE
    other = VenueFeed([venue], record, clock)
    assert _known(other, NOON, clock.now) == NOON + 4 * MINUTE
    assert run(_look(other, NOON, NOON + 4 * MINUTE)) == before


def test_recorded_path_never_changes(clock: Clock) -> None:
    venue, record = Venue(clock), Record()
    for minute in range(3):
        venue.trade(minute)
    clock.now = NOON + 2 * MINUTE
    before = run(_look(VenueFeed([venue], record, clock), NOON, clock.now))
    for minute in range(3):
        venue.trade(minute, "1")
    assert run(_look(VenueFeed([venue], record, clock), NOON, clock.now)) == before


def test_concurrent_recorders_see_the_same_path(clock: Clock) -> None:
    record = Record()
    one, other = Venue(clock), Venue(clock)
    for minute in range(90):
        one.trade(minute)
        other.trade(minute, "60000")
    feeds = [VenueFeed([one], record, clock), VenueFeed([other], record, clock)]
    clock.now = NOON + 89 * MINUTE

    async def both() -> list[Sequence[PathPoint]]:
        return await asyncio.gather(*(_look(feed, NOON, clock.now) for feed in feeds))

    first, second = run(both())
    assert first == second


def test_concurrent_readers_share_one_venue_request(clock: Clock) -> None:
    venue = Venue(clock)
    feed = VenueFeed([venue], Record(), clock)
    clock.now += MINUTE

    async def crowd() -> None:
        await asyncio.gather(*(feed.known_until(BTC, NOON, clock.now) for _ in range(20)))

    run(crowd())
    assert len(venue.asked) == 1


async def _look(feed: VenueFeed, since: datetime, until: datetime) -> Sequence[PathPoint]:
    assert await feed.known_until(BTC, since, until) == until
    return await feed.path(BTC, since, until)


def test_walking_more_hours_than_the_cache_holds_works(clock: Clock) -> None:
    """Seventeen symbols of one day are more than 400 hours, so reading one symbol evicts hours of others."""
    venue, record = Venue(clock), Record()
    for minute in range(-1440, 0):
        venue.trade(minute)
    path = RecordedPath(venue, record, clock, None)
    symbols, since = [f"{number}/USDT" for number in range(17)], NOON - timedelta(days=1)

    async def walk() -> set[int]:
        for symbol in symbols:
            assert await path.known_until(symbol, since, NOON - MINUTE) == NOON - MINUTE
        return {len(await path.path(symbol, since, NOON - MINUTE)) for symbol in symbols}

    assert run(walk()) == run(walk()) == {4 * 1439}


def test_one_path_may_exceed_the_cache(clock: Clock) -> None:
    venue, record = Venue(clock), Record()
    for hour in range(-410, 0):
        venue.trade(60 * hour)
    path = RecordedPath(venue, record, clock, None)
    since = NOON - timedelta(hours=410)

    async def walk() -> int:
        known = await path.known_until(BTC, since, NOON - HOUR)
        return len(await path.path(BTC, since, known))

    assert run(walk()) == 4 * 409


@settings(max_examples=60, deadline=None)
@given(
    quiet=st.sets(st.integers(1, 299), max_size=120),
    looks=st.lists(st.integers(1, 300 * 60), max_size=20),
    page=st.integers(2, 400),
    down=st.sets(st.integers(0, 19), max_size=8),
)
def test_path_is_the_same_however_often_it_is_read(
    quiet: set[int], looks: list[int], page: int, down: set[int]
) -> None:
    clock = Clock()
    venue = Venue(clock)
    venue.page = page
    for minute in {*range(302)} - quiet:
        venue.trade(minute, str(50000 + minute * 7 % 100))
    seen: list[PathPoint] = []
    record, since = Record(), NOON
    for number, second in enumerate(sorted(looks)):
        clock.now = NOON + timedelta(seconds=second)
        venue.down = WalletConnectionError("away") if number in down else None
        feed = VenueFeed([venue], record, clock)  # another environment each time
        until = run(feed.known_until(BTC, since, clock.now))
        seen += run(feed.path(BTC, since, until))
        since = max(since, until.replace(second=0, microsecond=0))
    venue.down = None
    clock.now = NOON + 5 * HOUR
    seen += run(_look(VenueFeed([venue], record, clock), since, clock.now))
    assert seen == run(_look(VenueFeed([venue], Record(), clock), NOON, clock.now))


def test_stock_path_exists_only_in_trading_sessions() -> None:
    opens = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    clock = Clock(opens - 2 * HOUR)
    venue = Venue(clock, "polygon", "190")
    venue.listed = {"AAPL/USD": Market("AAPL/USD", "AAPL", "USD", D("0.01"), D(1), D(1), D(1), NYSE)}
    start = opens - HOUR
    while start < opens + 8 * HOUR:
        venue.history[start] = Candle(start, D(190), D(191), D(189), D(190), D(100))
        start += MINUTE
    feed = VenueFeed([venue], Record(), clock)

    async def reach(moment: datetime) -> tuple[datetime, set[datetime]]:
        clock.now = moment
        known = await feed.known_until("AAPL/USD", opens - 2 * HOUR, moment)
        return known, {point.start for point in await feed.path("AAPL/USD", opens - 2 * HOUR, known)}

    assert run(reach(opens - MINUTE)) == (opens - MINUTE, set())
    assert venue.asked == []
    known, starts = run(reach(opens + 20 * HOUR))
    assert (known, len(starts), min(starts)) == (opens + 20 * HOUR, 390, opens)
    # While the exchange is closed the last quote shows, whatever its age; nothing fills on it.
    venue.age = timedelta(hours=12)
    assert run(feed.snapshot("AAPL/USD")).last == 190
    clock.now = opens + HOUR
    with pytest.raises(MarketDataError, match="43200"):
        run(feed.snapshot("AAPL/USD"))


def test_lost_recorded_minutes_are_read_again_and_not_taken_as_quiet(clock: Clock) -> None:
    venue, record = Venue(clock), Record()
    for minute in range(62):
        venue.trade(minute)
    clock.now += timedelta(minutes=61, seconds=30)
    until = NOON + 60 * MINUTE
    feed = VenueFeed([venue], record, clock)
    assert run(feed.known_until(BTC, NOON, until)) == until
    met = run(feed.path(BTC, NOON, until))
    assert len(met) == 240

    record.hours.clear()
    venue.down = MarketDataError("away")
    later = VenueFeed([venue], record, clock)
    assert run(later.known_until(BTC, NOON, until)) == NOON
    with pytest.raises(MarketDataError):
        run(later.path(BTC, NOON, until))
    venue.down = None
    assert run(later.known_until(BTC, NOON, until)) == until
    assert run(later.path(BTC, NOON, until)) == met
