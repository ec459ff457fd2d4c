"""Venue prices through CCXT for every venue, and the fallback to the next venue when one fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import MarketDataError
from moniqo_core.domain.market.minute_candles import MINUTE, floor_minute
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.feeds.venue_feed import VenueFeed
from moniqo_core.storage.market.recorded_minutes import RecordedMinutes
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchange_prices import ExchangePriceSource
from moniqo_core.venues.transport.circuit_breaker import FAILURES
from tests.conftest import Database, Run
from tests.support.venues.binance import FakeBinance
from tests.support.venues.coinbase import FakeCoinbase
from tests.support.venues.exchange import Exchange, Listed
from tests.support.venues.kraken import FakeKraken
from tests.support.venues.rules import venue_named
from tests.support.venues.server import FakeVenue

BTC = "BTC/USDT"
ORDER = ("binance", "kraken", "coinbase")
LISTED = (Listed("BTC", "USDT", Decimal(50000)), Listed("USDT", "USD", Decimal("0.99"), tick=Decimal("0.0001")))


@dataclass
class Market:
    """Three venues and the feeds on them."""

    fakes: dict[str, FakeVenue]
    prices: dict[str, ExchangePriceSource]
    record: RecordedMinutes
    run: Run

    def feed(self, *names: str) -> VenueFeed:
        return VenueFeed([self.prices[name] for name in names], self.record)


@pytest.fixture
def market(database: Database, run: Run) -> Iterator[Market]:
    with ExitStack() as stack:
        fakes: dict[str, FakeVenue] = {
            fake.name: stack.enter_context(fake)
            for fake in (FakeBinance(), FakeKraken(Exchange(LISTED)), FakeCoinbase(Exchange(LISTED)))
        }
        prices = {}
        for name, fake in fakes.items():
            config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
            connection = VenueConnection(venue_named(name), config, allow_loopback=True)
            stack.callback(_close, run, connection)
            prices[name] = ExchangePriceSource(name, _always(connection))
        yield Market(fakes, prices, RecordedMinutes(database), run)


def _close(run: Run, connection: VenueConnection) -> None:
    run(connection.close())


def _always(connection: VenueConnection) -> Any:
    async def connect() -> VenueConnection:
        return connection

    return connect


@pytest.mark.parametrize("name", ORDER)
def test_each_venue_provides_a_book_and_a_price_path(market: Market, name: str) -> None:
    feed = market.feed(name)
    snapshot = market.run(feed.snapshot(BTC))
    assert (snapshot.source, snapshot.last, len(snapshot.asks)) == (name, Decimal(50000), 20)
    assert abs(utc_now() - snapshot.at) < timedelta(seconds=2)
    since = floor_minute(utc_now()) - 10 * MINUTE
    until = since + 9 * MINUTE
    assert market.run(feed.known_until(BTC, since, until)) == until
    points = market.run(feed.path(BTC, since, until))
    assert [point.start for point in points[::4]] == [since + number * MINUTE for number in range(9)]
    assert {point.price for point in points} == {Decimal(50000)}


def test_next_venue_quotes_during_an_outage_and_the_path_waits(market: Market) -> None:
    feed = market.feed(*ORDER)
    since = floor_minute(utc_now()) - 5 * MINUTE
    assert market.run(feed.snapshot(BTC)).source == "binance"
    market.fakes["binance"].break_with("status", status=503, times=None)
    assert market.run(feed.snapshot(BTC)).source == "kraken"
    assert market.run(feed.known_until(BTC, since, since + 2 * MINUTE)) == since
    market.fakes["kraken"].break_with("drop", times=None)
    assert market.run(feed.snapshot(BTC)).source == "coinbase"
    market.fakes["coinbase"].break_with("malformed", times=None)
    with pytest.raises(MarketDataError):
        market.run(feed.snapshot(BTC))


def test_repeatedly_failing_venue_is_not_asked_for_a_while(market: Market) -> None:
    feed = market.feed(*ORDER)
    market.run(feed.snapshot(BTC))
    market.fakes["binance"].break_with("status", status=500, times=None)
    for _ in range(FAILURES):
        market.run(feed.snapshot(BTC))
    asked = len(market.fakes["binance"].seen)
    assert market.run(feed.snapshot(BTC)).source == "kraken"
    assert len(market.fakes["binance"].seen) == asked


def test_stablecoin_rate_comes_from_a_venue_quote(market: Market) -> None:
    assert market.run(market.feed(*ORDER).usd_rate("USDT")) == Decimal("0.99")
    assert market.run(market.feed("binance").usd_rate("USDT")) == 1


def test_kraken_path_does_not_reach_back_a_day(market: Market) -> None:
    feed = market.feed("kraken")
    since = floor_minute(utc_now()) - timedelta(days=1)
    assert market.run(feed.known_until(BTC, since, since + MINUTE)) == since
