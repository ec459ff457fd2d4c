"""US shares from Polygon's REST API: https://polygon.io/docs/rest/stocks.

A plan with delayed data answers with the status ``DELAYED`` or with old timestamps. Neither is ever traded on.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import MarketDataError, SymbolNotFoundError, ValidationError
from moniqo_core.domain.market.market import Candle, Market, PriceLevel, Snapshot
from moniqo_core.domain.market.marks import mark_price
from moniqo_core.domain.market.minute_candles import is_sane
from moniqo_core.domain.market.trading_hours import NYSE

SOURCE: Final = "polygon"
SHARES: Final = ("AAPL", "AMZN", "GOOGL", "META", "MSFT", "NVDA", "TSLA")
"""The shares on offer. They trade in whole shares and in cents, during the hours of the exchange."""

_CENT: Final = Decimal("0.01")
_MOST: Final = 50_000
_SPANS: Final = {
    "1m": ("minute", timedelta(minutes=1)),
    "1h": ("hour", timedelta(hours=1)),
    "1d": ("day", timedelta(1)),
}
_LOOK_BACK: Final = 10
_TICKER: Final = re.compile(r"[A-Z]{1,5}(\.[A-Z])?")
_UNREADABLE: Final = (LookupError, TypeError, ValueError, ArithmeticError, OverflowError)

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
                at=_moment(quote["t"], per_second=10**9),
                last=Decimal(shown["lastTrade"]["p"]),
                bids=_side(quote["p"], quote["s"]),
                asks=_side(quote["P"], quote["S"]),
                source=SOURCE,
            )
        except _UNREADABLE:
            raise _unreadable(symbol) from None

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
            except _UNREADABLE:
                continue
        return found

    async def minutes(self, symbol: str, since: datetime) -> Sequence[Candle]:
        """One-minute candles from ``since`` on, including the hours before and after the session."""
        return await self._bars(symbol, "minute", since, {"sort": "asc", "limit": str(_MOST)})

    async def candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """Return the last ``limit`` closed candles, oldest first. A time without trades has no candle.

        Raises:
            SymbolNotFoundError: The symbol is not a share in US dollars.
            ValidationError: There are no candles of this interval.
            MarketDataError: The answer is delayed or cannot be read.

        """
        if interval not in _SPANS:
            raise ValidationError(f"The interval {interval!r} is not one of {', '.join(_SPANS)}.")
        span, length = _SPANS[interval]
        now = self._clock()
        since = now - length * limit * _LOOK_BACK - timedelta(days=_LOOK_BACK)
        found = await self._bars(symbol, span, since, {"sort": "desc", "limit": str(_MOST)})
        closed = sorted(candle for candle in found if candle.start + length <= now)
        return [candle for candle in closed if is_sane(candle, now)][-limit:]

    async def _bars(self, symbol: str, span: str, since: datetime, query: Mapping[str, str]) -> list[Candle]:
        first, last = (int(moment.timestamp() * 1000) for moment in (since, self._clock() + timedelta(minutes=1)))
        path = f"/v2/aggs/ticker/{_ticker(symbol)}/range/1/{span}/{first}/{last}"
        # Unadjusted: a split must not change what was recorded before it.
        answer = await self._get(path, {**query, "adjusted": "false"})
        _refuse_delayed(answer, symbol)
        try:
            return [_candle(bar) for bar in answer.get("results") or ()]
        except _UNREADABLE:
            raise _unreadable(symbol) from None


def _ticker(symbol: str) -> str:
    ticker, _, quote = symbol.partition("/")
    if quote != "USD" or not _TICKER.fullmatch(ticker):
        raise SymbolNotFoundError(f"There is no share {symbol[:40]!r}.", symbol=symbol[:40])
    return ticker


def _side(price: Any, size: Any) -> list[PriceLevel]:
    level = PriceLevel(Decimal(price), Decimal(size))
    return [level] if level.price > 0 and level.amount > 0 else []


def _moment(stamp: int, per_second: int) -> datetime:
    return datetime.fromtimestamp(int(stamp) / per_second, UTC)


def _candle(bar: Mapping[str, Any]) -> Candle:
    numbers = (Decimal(bar[name]) for name in ("o", "h", "l", "c", "v"))
    return Candle(_moment(bar["t"], per_second=1000), *numbers)


def _refuse_delayed(answer: Any, symbol: str) -> None:
    if not isinstance(answer, dict):
        raise _unreadable(symbol)
    if answer.get("status") == "DELAYED":
        raise MarketDataError(
            f"Polygon's data for {symbol} is delayed on this deployment's plan. Trading needs real-time data.",
            symbol=symbol,
            hint="Ask the operator of this deployment for a plan with real-time data.",
        )


def _unreadable(symbol: str) -> MarketDataError:
    return MarketDataError(f"Polygon's answer about {symbol} could not be read.", symbol=symbol, retry_after=2)
