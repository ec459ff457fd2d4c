"""Tickers of the simulated market, against its own path."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moniqo_core import event_loop
from moniqo_core.domain.market.ticker import Ticker
from moniqo_core.feeds.simulated_feed import SimulatedFeed

DAY = timedelta(days=1)
START = datetime(2025, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 5 * 10**10).map(lambda milliseconds: START + timedelta(milliseconds=milliseconds))


def ticker_of(symbol: str, now: datetime) -> Ticker:
    return event_loop.run(SimulatedFeed("seed", lambda: now).tickers([symbol]))[symbol]


@settings(max_examples=10)
@given(MOMENTS)
def test_crypto_counts_the_last_24_hours(now: datetime) -> None:
    feed = SimulatedFeed("seed", lambda: now)
    found, shown = ticker_of("BTC/USDT", now), event_loop.run(feed.snapshot("BTC/USDT"))
    path = event_loop.run(feed.path("BTC/USDT", shown.at - DAY, now))
    prices = [*(point.price for point in path), shown.last]
    quote = found.quote
    assert (found.at, quote.bid, quote.ask, quote.last) == (shown.at, shown.bid, shown.ask, shown.last)
    assert (quote.high, quote.low) == (max(prices), min(prices))
    assert quote.volume == sum((point.volume for point in path), Decimal(0))
    assert quote.change == shown.last - path[0].price
    assert quote.change_percent is not None
    assert abs(quote.change_percent * path[0].price - 100 * (shown.last - path[0].price)) <= path[0].price / 10_000


@pytest.mark.parametrize("hours", [2, 20])
def test_stock_counts_its_session_and_the_close_before(hours: int) -> None:
    opened = datetime(2026, 3, 9, 13, 30, tzinfo=UTC)
    now = opened + timedelta(hours=hours)
    feed = SimulatedFeed("seed", lambda: now)
    path = event_loop.run(feed.path("AAPL/USD", opened, now))
    before = event_loop.run(feed.path("AAPL/USD", opened - 3 * DAY, opened))[-1]
    quote = ticker_of("AAPL/USD", now).quote
    prices = [*(point.price for point in path), quote.last]
    assert (quote.high, quote.low) == (max(prices), min(prices))
    assert quote.change == quote.last - before.price
