"""US shares from Polygon's REST API: https://polygon.io/docs/rest/stocks.

A plan with delayed data answers with the status ``DELAYED`` or with old timestamps. Neither is ever traded on.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import MarketDataError
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Candle, Market, PriceLevel, Snapshot
from moniqo_core.domain.market.marks import mark_price
from moniqo_core.domain.market.ticker import Ticker
from moniqo_core.domain.market.trading_hours import NYSE
from moniqo_core.domain.market.unknown_symbol import unknown_symbol
from moniqo_core.feeds.polygon_candles import (
    MOST_BASE_BARS,
    UNREADABLE,
    candles_of,
    moment_of,
    read_bar,
    unreadable,
)
from moniqo_core.feeds.polygon_ticker import read_ticker

SOURCE: Final = "polygon"
SHARES: Final = ("AAPL", "AMZN", "GOOGL", "META", "MSFT", "NVDA", "TSLA")
"""The shares on offer. They trade in whole shares and in cents, during the hours of the exchange."""

_CENT: Final = Decimal("0.01")
_TICKER: Final = re.compile(r"[A-Z]{1,5}(\.[A-Z])?")

Get = Callable[[str, Mapping[str, str]], Awaitable[Any]]
"""Requests a path with query parameters and returns the JSON, with decimal numbers as Decimal. Raises WalletError."""


class Polygon:
    """A :class:`~moniqo_core.feeds.price_source.PriceSource` of US shares, priced in US dollars."""

    source = SOURCE

    def __init__(self, get: Get, clock: Clock = utc_now) -> None:
        """Send requests through ``get``, which adds the address and the API key."""
        self._get = get
        self._clock = clock

    async def markets(self) -> Mapping[str, Market]:
        """Every share on offer, by symbol."""
        return {
            f"{share}/USD": Market(f"{share}/USD", share, "USD", _CENT, Decimal(1), Decimal(1), Decimal(1), NYSE)
            for share in SHARES
        }

    async def offered(self) -> Mapping[str, Market]:
        """Every share on offer, by symbol. The calendar says when they trade."""
        return await self.markets()

    async def snapshot(self, symbol: str) -> Snapshot:
        """Return the best bid and ask at the time of the quote.

        Sizes are read as single shares and not as lots, so the depth is never overstated.

        Raises:
            SymbolNotFoundError: The symbol is not a share in US dollars.
            MarketDataError: The answer is delayed or cannot be read.

        """
        ticker = _ticker(symbol)
        answer = await self._get(f"/v2/snapshot/locale/us/markets/stocks/tickers/{ticker}", {})
        _refuse_delayed(answer, symbol)
        try:
            shown = answer["ticker"]
            quote = shown["lastQuote"]
            return Snapshot(
                symbol=symbol,
                at=moment_of(quote["t"], per_second=10**9),
                last=Decimal(shown["lastTrade"]["p"]),
                bids=_side(quote["p"], quote["s"]),
                asks=_side(quote["P"], quote["S"]),
                source=SOURCE,
            )
        except UNREADABLE:
            raise unreadable(symbol) from None

    async def mids(self) -> Mapping[str, Decimal]:
        """Mark price of every share on offer, from one request."""
        answer = await self._get("/v2/snapshot/locale/us/markets/stocks/tickers", {"tickers": ",".join(SHARES)})
        _refuse_delayed(answer, "shares")
        listed = answer.get("tickers")
        found: dict[str, Decimal] = {}
        for shown in listed if isinstance(listed, list) else ():
            try:
                bid, ask = Decimal(shown["lastQuote"]["p"]), Decimal(shown["lastQuote"]["P"])
                if 0 < bid <= ask and ask.is_finite():
                    last = Decimal(shown["lastTrade"]["p"]) if shown.get("lastTrade") else None
                    found[f"{shown['ticker']}/USD"] = mark_price(bid, ask, last)
            except UNREADABLE:
                continue
        return found

    async def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Return the quote and the current or last session of each share, from one request."""
        tickers = {_ticker(symbol): symbol for symbol in symbols}
        answer = await self._get("/v2/snapshot/locale/us/markets/stocks/tickers", {"tickers": ",".join(tickers)})
        _refuse_delayed(answer, "shares")
        listed = answer.get("tickers")
        found: dict[str, Ticker] = {}
        for shown in listed if isinstance(listed, list) else ():
            try:
                ticker = read_ticker(shown, tickers[shown["ticker"]])
            except UNREADABLE:
                continue
            found[ticker.symbol] = ticker
        return found

    async def minutes(self, symbol: str, since: datetime) -> Sequence[Candle]:
        """One-minute candles from ``since`` on, including the hours before and after the session."""
        return await self._bars(symbol, "minute", since, {"sort": "asc", "limit": str(MOST_BASE_BARS)})

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles, oldest first, as :func:`moniqo_core.feeds.polygon_candles.candles_of` says."""
        return await candles_of(self._page, symbol, query, self._clock())

    async def _bars(self, symbol: str, span: str, since: datetime, query: Mapping[str, str]) -> list[Candle]:
        until = self._clock() + timedelta(minutes=1)
        answer = await self._page(symbol, f"1/{span}", since, until, query)
        try:
            return [read_bar(bar) for bar in answer.get("results") or ()]
        except UNREADABLE:
            raise unreadable(symbol) from None

    async def _page(
        self, symbol: str, span: str, since: datetime, until: datetime, query: Mapping[str, str]
    ) -> Mapping[str, Any]:
        first, last = (int(moment.timestamp() * 1000) for moment in (since, until))
        path = f"/v2/aggs/ticker/{_ticker(symbol)}/range/{span}/{first}/{last}"
        # Unadjusted: a split must not change what was recorded before it.
        answer: Mapping[str, Any] = await self._get(path, {**query, "adjusted": "false"})
        _refuse_delayed(answer, symbol)
        return answer


def _ticker(symbol: str) -> str:
    ticker, _, quote = symbol.partition("/")
    if quote != "USD" or not _TICKER.fullmatch(ticker):
        raise unknown_symbol(symbol, (), "There is no share")
    return ticker


def _side(price: Any, size: Any) -> list[PriceLevel]:
    level = PriceLevel(Decimal(price), Decimal(size))
    return [level] if level.price > 0 and level.amount > 0 else []


def _refuse_delayed(answer: Any, symbol: str) -> None:
    if not isinstance(answer, dict):
        raise unreadable(symbol)
    if answer.get("status") == "DELAYED":
        raise MarketDataError(
            f"Polygon's data for {symbol} is delayed on this deployment's plan. Trading needs real-time data.",
            symbol=symbol,
            hint="Ask the operator of this deployment for a plan with real-time data.",
        )
