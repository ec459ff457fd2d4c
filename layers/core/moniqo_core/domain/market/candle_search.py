"""Finds candles at a venue whose every answer covers a bounded span of time, with as few queries as possible.

In a span without a candle the market may have rested for minutes, or not yet have existed. Candles of a day tell where
to go on, so that a search that begins years before the first trade takes a few queries.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from moniqo_core.domain.market.candles import (
    INTERVALS,
    CandleQuery,
    CandleSeries,
    CandleSpan,
    ceil_time,
    composed,
    floor_time,
    is_candle_of,
    series_of,
)
from moniqo_core.domain.market.market import Candle

MOST_QUERIES: Final = 16
"""Queries of one search: enough for a thousand candles of four hours made of hours, 300 hours to a query."""

_DAY: Final = INTERVALS["1d"]


class SpanQuery(NamedTuple):
    """A query for the candles of an interval that start in a span."""

    interval: str
    span: CandleSpan


class CandleSearch:
    """The search for the candles of one query. Send each query of :meth:`following`, and :meth:`take` its rows."""

    def __init__(self, query: CandleQuery, now: datetime, parts: str, most: int) -> None:
        """Begin a search.

        Args:
            query: What is wanted.
            now: The time of the query.
            parts: The interval that the venue is queried for. It divides the query's interval.
            most: The most candles in one answer of the venue.

        """
        self._query, self._now = query, now
        self._parts, self._each = parts, INTERVALS[parts]
        whole = query.length // self._each
        self._page, self._days = most // whole * query.length, most * _DAY
        self._left = query.span(now)
        self._read = self._left._replace(end=self._left.start) if query.is_forward else self._left
        if not query.is_forward:
            self._read = self._left._replace(start=self._left.end)
        self._found: list[Candle] = []
        self._queries = 0
        self._traded: CandleSpan | None = None
        self._seek_day = self._is_over = False

    def following(self) -> SpanQuery | None:
        """Return the next query, or None if the search is over."""
        start, end = self._left
        if self._is_over or start >= end or len(self._found) >= self._query.limit or self._queries >= MOST_QUERIES:
            return None
        self._queries += 1
        interval, page = ("1d", self._days) if self._seek_day else (self._parts, self._page)
        if self._query.is_forward:
            first = floor_time(start, _DAY) if self._seek_day else start
            return SpanQuery(interval, CandleSpan(first, min(end, first + page)))
        last = ceil_time(end, _DAY) if self._seek_day else end
        begin = max(start, last - page)
        return SpanQuery(interval, CandleSpan(floor_time(begin, _DAY) if self._seek_day else begin, last))

    def take(self, asked: SpanQuery, rows: Iterable[Candle], *, odd: bool) -> None:
        """Take the candles that answer a query. ``odd`` tells that the venue sent rows that could not be read."""
        length = INTERVALS[asked.interval]
        by_start = {row.start: row for row in rows if asked.span.start <= row.start < asked.span.end}
        sane = [by_start[start] for start in sorted(by_start) if is_candle_of(by_start[start], length, self._now)]
        if self._seek_day:
            self._skip_to_day(asked.span, sane)
            return
        self._found += self._made_of(sane, odd=odd or len(sane) < len(by_start))
        self._go_on(asked.span)
        self._seek_day = not by_start and self._each < _DAY and not self._is_traded()

    def series(self) -> CandleSeries:
        """Return what was found."""
        return series_of(self._found, self._query, self._now, self._read)

    def _made_of(self, parts: list[Candle], *, odd: bool) -> list[Candle]:
        """Return the candles made of ``parts``.

        If there was an odd row, a candle that lacks a part is left out, because the odd row may be that part.
        """
        length = self._query.length
        if length == self._each:
            return parts
        made = composed(parts, length)
        if not odd:
            return made
        starts = [floor_time(part.start, length) for part in parts]
        return [candle for candle in made if starts.count(candle.start) == length // self._each]

    def _go_on(self, done: CandleSpan) -> None:
        if self._query.is_forward:
            self._left = self._left._replace(start=min(self._left.end, max(self._left.start, done.end)))
            self._read = self._read._replace(end=self._left.start)
        else:
            self._left = self._left._replace(end=max(self._left.start, min(self._left.end, done.start)))
            self._read = self._read._replace(start=self._left.end)

    def _is_traded(self) -> bool:
        """Tell whether the market is known to have traded on the day at which the search goes on."""
        at = self._left.start if self._query.is_forward else self._left.end - self._each
        return self._traded is not None and self._traded.start <= at < self._traded.end

    def _skip_to_day(self, asked: CandleSpan, days: list[Candle]) -> None:
        """Go on at the nearest day with a trade, or behind all days that were asked for."""
        self._seek_day = False
        if not days:
            # A market that rested for so many days has most likely no older candles.
            self._go_on(asked)
            self._seek_day, self._is_over = self._query.is_forward, not self._query.is_forward
            return
        day = days[0].start if self._query.is_forward else days[-1].start
        self._traded = CandleSpan(day, day + _DAY)
        if self._query.is_forward:
            self._go_on(CandleSpan(self._left.start, max(day, self._left.start)))
        else:
            self._go_on(CandleSpan(min(day + _DAY, self._left.end), self._left.end))
