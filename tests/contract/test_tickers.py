"""Tickers of every venue: its own numbers, in as few calls as it allows, and what an unusable book costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.errors import InvalidSymbolError, MarketDataError, WalletConnectionError
from moniqo_core.domain.market.ticker import Quote24h
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.conftest import Run
from tests.support.venues.exchange import Day
from tests.support.venues.fakes import FAKES
from tests.support.venues.rules import venue_named
from tests.support.venues.server import FakeVenue

D = Decimal
PATHS = {"kraken": "/Ticker", "coinbase": "/market/products", "binance": "/ticker/24hr", "bybit": "/market/tickers"}


@dataclass
class TickerHarness:
    fake: FakeVenue
    wallet: ExchangeWallet
    symbols: list[str]

    def rewrite(self, change: Any) -> None:
        """Let ``change`` alter the rows of all symbols, by our name of the symbol."""

        def rewritten(shown: Any) -> None:
            change(self._rows(shown))

        self.fake.rewrite(PATHS[self.fake.name], rewritten)

    def _rows(self, shown: Any) -> dict[str, Any]:
        if self.fake.name == "kraken":
            return dict(zip(self.symbols, shown["result"].values(), strict=False))
        rows = shown if isinstance(shown, list) else shown.get("products") or shown["result"]["list"]
        names = {symbol.replace("/", "").replace("-", ""): symbol for symbol in self.symbols}
        return {names[str(row.get("symbol", row.get("product_id"))).replace("-", "")]: row for row in rows}


@contextmanager
def harness_at(name: str) -> Iterator[TickerHarness]:
    with FAKES[name]() as fake:
        config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
        connection = VenueConnection(venue_named(name), config, allow_loopback=True)
        wallet = ExchangeWallet(name, "wallet", {}, {"connection": connection})
        event_loop.run(wallet.initialize())
        event_loop.run(wallet.get_markets())
        fake.seen.clear()
        try:
            yield TickerHarness(fake, wallet, list(fake.exchange.listed))
        finally:
            event_loop.run(connection.close())


@pytest.fixture(params=sorted(FAKES))
def harness(request: pytest.FixtureRequest) -> Iterator[TickerHarness]:
    """Each venue in turn."""
    with harness_at(request.param) as opened:
        yield opened


def test_ticker_has_the_numbers_of_the_venue(harness: TickerHarness, run: Run) -> None:
    first, second, *_ = harness.symbols
    exchange, name = harness.fake.exchange, harness.fake.name
    exchange.days[first] = Day(before=D(40000), high=D(51000), low=D(39000), volume=D("123.456"))
    bids, asks = exchange.book(first)
    found = run(harness.wallet.tickers([second, first]))
    assert [ticker.symbol for ticker in found.tickers] == [second, first]
    ticker = found.tickers[1]
    says_change, says_range = name in {"binance", "bybit"}, name != "coinbase"
    assert ticker.quote == Quote24h(
        bid=bids[0][0],
        ask=asks[0][0],
        last=D(50000),
        change=D(10000) if says_change else None,
        change_percent=None if name == "kraken" else D(25),
        high=D(51000) if says_range else None,
        low=D(39000) if says_range else None,
        volume=D("123.456"),
    )
    assert (ticker.source, found.unpriced) == (name, [])


def test_all_symbols_take_one_call_where_the_venue_allows(harness: TickerHarness, run: Run) -> None:
    run(harness.wallet.tickers(harness.symbols))
    best_prices = len(harness.symbols) if harness.fake.name == "coinbase" else 0
    assert len(harness.fake.seen) == 1 + best_prices


@pytest.mark.parametrize("best", [(D(50010), D(50000)), (D(-1), D(50000)), (D(0), D(50000))])
def test_crossed_or_empty_book_costs_its_symbol(
    harness: TickerHarness, run: Run, best: tuple[Decimal, Decimal]
) -> None:
    first, second, *_ = harness.symbols
    harness.fake.exchange.best[first] = best
    found = run(harness.wallet.tickers([first, second]))
    assert ([ticker.symbol for ticker in found.tickers], found.unpriced) == ([second], [first])
    with pytest.raises(MarketDataError):
        run(harness.wallet.tickers([first]))


@pytest.mark.parametrize("best", [(D(50010), D(50000)), (D(-1), D(50000))])
def test_crossed_book_is_no_price_of_a_live_wallet(
    harness: TickerHarness, run: Run, best: tuple[Decimal, Decimal]
) -> None:
    symbol = harness.symbols[0]
    harness.fake.exchange.best[symbol] = best
    with pytest.raises(MarketDataError):
        run(harness.wallet.get_snapshot(symbol))


@pytest.mark.parametrize("value", [None, "x", "NaN"])
def test_odd_row_costs_its_symbol(harness: TickerHarness, run: Run, value: str | None) -> None:
    first, second, *_ = harness.symbols

    def spoil(rows: dict[str, Any]) -> None:
        if harness.fake.name == "kraken":
            rows[first]["v"] = [value, value]
            return
        rows[first].update(dict.fromkeys(("lastPrice", "price"), value))

    harness.rewrite(spoil)
    found = run(harness.wallet.tickers([first, second]))
    assert ([ticker.symbol for ticker in found.tickers], found.unpriced) == ([second], [first])


def test_best_prices_that_one_product_lacks_cost_that_product(run: Run) -> None:
    with harness_at("coinbase") as harness:
        first, second, *_ = harness.symbols
        harness.fake.break_with("status", path=f"/{first.replace('/', '-')}/ticker", times=None, status=404)
        found = run(harness.wallet.tickers([first, second]))
        assert ([ticker.symbol for ticker in found.tickers], found.unpriced) == ([second], [first])


def test_markets_have_the_maximums_of_the_venue(harness: TickerHarness, run: Run) -> None:
    listed = {market.symbol: market for market in run(harness.wallet.get_markets())}
    market = listed[harness.symbols[0]]
    assert (market.max_price, market.max_amount, market.max_notional) == {
        "binance": (D(1_000_000), D(9000), D(9_000_000)),
        "bybit": (None, D("71.73956243"), D(2_000_000)),
        "coinbase": (None, D(3400), D(150_000_000)),
        "kraken": (None, None, None),
    }[harness.fake.name]


def test_unknown_symbol_is_named_with_the_nearest(harness: TickerHarness, run: Run) -> None:
    first, second, *_ = harness.symbols
    with pytest.raises(InvalidSymbolError) as refused:
        run(harness.wallet.tickers([second, first.lower()]))
    assert refused.value.members["nearest"] == first
    assert harness.fake.seen == []


def delist(fake: FakeVenue, symbol: str) -> None:
    """Let the venue know a symbol no longer. What it listed before is still kept here."""
    names = next(found for found in map(vars(fake).get, ("pairs", "ids", "products")) if found is not None)
    for name in [name for name, known in names.items() if known == symbol]:
        del names[name]


def test_symbol_that_the_venue_delisted_a_moment_ago_costs_no_other(harness: TickerHarness, run: Run) -> None:
    first, second, third, *_ = harness.symbols
    delist(harness.fake, second)
    found = run(harness.wallet.tickers([first, second, third]))
    assert ([ticker.symbol for ticker in found.tickers], found.unpriced) == ([first, third], [second])


def test_only_symbol_has_no_price_after_the_venue_delisted_it(harness: TickerHarness, run: Run) -> None:
    symbol = harness.symbols[0]
    delist(harness.fake, symbol)
    # Bybit gives the same code for any wrong parameter.
    with pytest.raises(WalletConnectionError if harness.fake.name == "bybit" else MarketDataError):
        run(harness.wallet.tickers([symbol]))


def test_zeros_of_a_market_that_did_not_trade_are_no_range(harness: TickerHarness, run: Run) -> None:
    symbol, zeros = harness.symbols[0], dict.fromkeys(("highPrice", "lowPrice", "highPrice24h", "lowPrice24h"), "0.00")

    def rest(rows: dict[str, Any]) -> None:
        row = rows[symbol]
        if harness.fake.name == "kraken":
            row["h"], row["l"] = ["0.00", "0.00"], ["0.00", "0.00"]
        row.update({name: zero for name, zero in zeros.items() if name in row})
        if "prevPrice24h" in row:
            row["prevPrice24h"] = "0"

    harness.rewrite(rest)
    (ticker,) = run(harness.wallet.tickers([symbol])).tickers
    quote = ticker.quote
    assert (quote.high, quote.low, quote.change) == (None, None, None)
    assert (quote.change_percent is None) is (harness.fake.name != "coinbase")
