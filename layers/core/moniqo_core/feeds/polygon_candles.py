"""Candles of US shares from Polygon's bars: https://polygon.io/docs/rest/stocks/aggregates/custom-bars."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from moniqo_core.domain.errors import MarketDataError
from moniqo_core.domain.market.candles import (
    INTERVALS,
    CandleQuery,
    CandleSeries,
    CandleSpan,
    composed,
    floor_time,
    is_candle_of,
    series_of,
)
from moniqo_core.domain.market.market import Candle

MOST_BASE_BARS: Final = 50_000
"""The most bars of a minute, or of a day, from which Polygon makes the bars of one answer."""
UNREADABLE: Final = (LookupError, TypeError, ValueError, ArithmeticError, OverflowError)

_SPANS: Final = {"1m": "1/minute", "5m": "5/minute", "15m": "15/minute", "1h": "1/hour", "1d": "1/day"}
_MADE_OF: Final = {"4h": "1h"}
"""Polygon's own bars of four hours begin at midnight in New York, which is no multiple of four hours in UTC."""
_MOST_QUERIES: Final = 8
_LOOK_BACK: Final = 10
"""The last candles are looked for in this many times their total length, and this many days more.

The exchange is closed most of the time, so they may reach back that far.
"""

log: Final = logging.getLogger("moniqo")

ReadPage = Callable[[str, str, datetime, datetime, Mapping[str, str]], Awaitable[Mapping[str, Any]]]
"""Requests the bars of a symbol: their span, the first and the last start, and the query. Raises WalletError."""


class _Page(NamedTuple):
    """Bars, and the starts of those that could not be read. A start is None if even that could not be read."""

    bars: list[Candle]
    odd: list[datetime | None]
    is_cut: bool


async def candles_of(read: ReadPage, symbol: str, query: CandleQuery, now: datetime) -> CandleSeries:
    """Return the candles that a query wants, with the hours before and after the session.

    A day is the exchange's day, from midnight to midnight in New York. Its candle starts at 00:00 UTC of that date.

    Raises:
        WalletError: Polygon did not answer.

    """
    if query.interval == "1d":
        now = now.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=UTC)
    span = query.span(now)
    if not query.is_forward and span.start < span.end:
        earliest = span.end - query.length * query.limit * _LOOK_BACK - timedelta(days=_LOOK_BACK)
        span = span._replace(start=max(span.start, floor_time(earliest, query.length)))
    parts = _MADE_OF.get(query.interval, query.interval)
    bars: dict[datetime, Candle] = {}
    odd: list[datetime | None] = []
    left = span
    for _ in range(_MOST_QUERIES):
        if left.start >= left.end or len({floor_time(start, query.length) for start in bars}) > query.limit:
            break
        page = await _page(read, symbol, parts, left, query, now)
        bars.update((bar.start, bar) for bar in page.bars)
        odd += page.odd
        left = _left(left, page, INTERVALS[parts], query)
    span = span._replace(end=left.start) if query.is_forward else span._replace(start=left.end)
    return series_of(_made(bars, odd, query, INTERVALS[parts]), query, now, span)


async def _page(read: ReadPage, symbol: str, parts: str, span: CandleSpan, query: CandleQuery, now: datetime) -> _Page:
    asked = {"sort": "asc" if query.is_forward else "desc", "limit": str(MOST_BASE_BARS)}
    answer = await read(symbol, _SPANS[parts], span.start, span.end - timedelta(milliseconds=1), asked)
    rows = answer.get("results") or ()
    if not isinstance(rows, list | tuple):
        raise unreadable(symbol)
    found: list[Candle] = []
    odd: list[datetime | None] = []
    for row in rows:
        start = None
        try:
            start = floor_time(moment_of(row["t"], per_second=1000), INTERVALS[parts])
            bar = read_bar(row)._replace(start=start) if parts == "1d" else read_bar(row)
        except UNREADABLE:
            odd.append(start)
            continue
        if is_candle_of(bar, INTERVALS[parts], now):
            found.append(bar)
        else:
            odd.append(start)
    if odd:
        named = {"venue": "polygon", "rows": "candles", "left_out": len(odd), "symbol": symbol}
        log.warning("rows of a venue left out", extra={"fields": named})
    is_cut = bool(answer.get("next_url"))
    # The last bar of a page that was cut may have been made of a part of its minutes.
    return _Page(found[:-1] if is_cut else found, odd, is_cut and len(found) > 1)


def _left(span: CandleSpan, page: _Page, length: timedelta, query: CandleQuery) -> CandleSpan:
    """Return the span that is not read yet after a page."""
    if not page.is_cut:
        return CandleSpan(span.end, span.end) if query.is_forward else CandleSpan(span.start, span.start)
    last = page.bars[-1].start
    return span._replace(start=last + length) if query.is_forward else span._replace(end=last)


def _made(
    bars: Mapping[datetime, Candle], odd: Iterable[datetime | None], query: CandleQuery, each: timedelta
) -> list[Candle]:
    """Return the candles made of bars. A candle that may lack an unreadable bar is left out."""
    length = query.length
    sorted_bars = [bars[start] for start in sorted(bars)]
    if length == each:
        return sorted_bars
    unsure = {None if start is None else floor_time(start, length) for start in odd}
    counts: dict[datetime, int] = {}
    for start in bars:
        counts[floor_time(start, length)] = counts.get(floor_time(start, length), 0) + 1
    whole = length // each
    return [
        candle
        for candle in composed(sorted_bars, length)
        if counts[candle.start] == whole or not unsure & {candle.start, None}
    ]


def read_bar(bar: Mapping[str, Any]) -> Candle:
    """Convert a bar, or raise one of :data:`UNREADABLE`."""
    numbers = (Decimal(bar[name]) for name in ("o", "h", "l", "c", "v"))
    return Candle(moment_of(bar["t"], per_second=1000), *numbers)


def moment_of(stamp: int, per_second: int) -> datetime:
    """Convert a time that counts ``per_second`` since 1970 UTC."""
    return datetime.fromtimestamp(int(stamp) / per_second, UTC)


def unreadable(symbol: str) -> MarketDataError:
    """Return the error for an answer that could not be read."""
    return MarketDataError(f"Polygon's answer about {symbol} could not be read.", symbol=symbol, retry_after=2)
