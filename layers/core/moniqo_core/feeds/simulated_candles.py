"""Candles of the simulated market, made of its steps.

A candle of an hour or more is made of hours. Hours that have ended are stored, because a day takes 5,760 steps to
compute. See docs/decisions/0060.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final, Protocol, TypeVar

from moniqo_core.domain.market import trading_hours
from moniqo_core.domain.market.bar import Bar
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries, series_of
from moniqo_core.domain.market.market import Candle
from moniqo_core.feeds.random_walk import STEP_SECONDS, RandomWalk, SimulatedMarket
from moniqo_core.feeds.simulated_steps import step_of, traded_steps

CANDLES_KEPT: Final = 4096
"""Closed candles kept in memory. When there are more, all of them are forgotten."""
STEPS_PER_HOUR: Final = 3600 // STEP_SECONDS

Item = TypeVar("Item")


class HourStore(Protocol):
    """A cache of hours that have ended. It may lose any of them at any time."""

    async def read(self, market: str, symbol: str, hours: Sequence[int]) -> Mapping[int, Bar]:
        """Return those of these hours that are stored. Hours are counted from the Unix epoch.

        ``market`` identifies the seed and the definition of the simulated market.
        """
        ...

    async def add(self, market: str, symbol: str, hours: Mapping[int, Bar]) -> None:
        """Store hours. It changes nothing to store the same hour again."""
        ...


class NoHourStore:
    """A cache that keeps nothing."""

    async def read(self, market: str, symbol: str, hours: Sequence[int]) -> Mapping[int, Bar]:
        """Return nothing."""
        return {}

    async def add(self, market: str, symbol: str, hours: Mapping[int, Bar]) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class _Query:
    """A query of a symbol's candles at a time. Candles are numbered by their length from the Unix epoch."""

    market: SimulatedMarket
    asked: CandleQuery
    now: datetime
    seconds: int

    @property
    def is_made_of_hours(self) -> bool:
        return self.seconds >= STEPS_PER_HOUR * STEP_SECONDS

    def parts(self, index: int) -> list[range]:
        """Return the steps of a candle in which the market traded until now, by hour."""
        length = self.seconds // STEP_SECONDS
        first, last = index * length, min((index + 1) * length, step_of(self.now))
        return [part for steps in traded_steps(self.market, first, last) for part in _by_hour(steps)]

    def is_whole_hour(self, part: range) -> bool:
        """Tell whether a part has all steps of its hour, so that it can be stored."""
        return self.is_made_of_hours and (_hour(part) + 1) * STEPS_PER_HOUR <= step_of(self.now)

    def has_ended(self, index: int) -> bool:
        return (index + 1) * self.seconds <= self.now.timestamp()


class SimulatedCandles:
    """Computes candles, or takes their hours from a store."""

    def __init__(self, walk: RandomWalk, store: HourStore) -> None:
        """Compute with ``walk``, and keep hours in ``store``."""
        self._walk = walk
        self._store = store
        self._closed: dict[tuple[str, int, int], Candle] = {}

    async def series(self, market: SimulatedMarket, asked: CandleQuery, now: datetime, most_steps: int) -> CandleSeries:
        """Return candles, oldest first, for which at most ``most_steps`` are computed, but at least one candle."""
        query, span = _Query(market, asked, now, int(asked.length.total_seconds())), asked.span(now)
        parts = {index: self._missing_parts(query, index) for index in _first_indexes(query)}
        bars = dict(await self._stored(query, parts.values()))
        is_stored = frozenset(bars)
        found: list[Candle] = []
        for index, own in parts.items():
            most_steps -= sum(len(part) for part in own if _hour(part) not in is_stored)
            if len(found) == asked.limit or (found and most_steps < 0):
                last = found[-1].start
                span = span._replace(end=last + asked.length) if asked.is_forward else span._replace(start=last)
                break
            candle = self._candle(query, index, own, bars)
            found += [] if candle is None else [candle]
            await asyncio.sleep(0)
        new = {hour: bar for hour, bar in bars.items() if hour not in is_stored}
        if new:
            await self._store.add(self._walk.name_of(market), market.market.symbol, new)
        return series_of(found, asked, now, span)

    def _missing_parts(self, query: _Query, index: int) -> list[range]:
        return [] if _key(query, index) in self._closed else query.parts(index)

    async def _stored(self, query: _Query, parts: Iterable[list[range]]) -> Mapping[int, Bar]:
        hours = [_hour(part) for own in parts for part in own if query.is_whole_hour(part)]
        name = query.market.market.symbol
        return await self._store.read(self._walk.name_of(query.market), name, hours) if hours else {}

    def _candle(self, query: _Query, index: int, parts: Sequence[range], bars: dict[int, Bar]) -> Candle | None:
        """Return a candle, or None before its first step has ended. ``bars`` gains the hours that are computed."""
        known = self._closed.get(_key(query, index))
        if known is not None or not parts:
            return known
        own: list[Bar] = []
        for part in parts:
            bar = bars.get(_hour(part)) if query.is_whole_hour(part) else None
            if bar is None:
                bar = self._bar(query.market, part)
                if query.is_whole_hour(part):
                    bars[_hour(part)] = bar
            own.append(bar)
        candle = _candle_of(query.market, datetime.fromtimestamp(index * query.seconds, UTC), own)
        if query.has_ended(index):
            if len(self._closed) >= CANDLES_KEPT:
                self._closed.clear()
            self._closed[_key(query, index)] = candle
        return candle

    def _bar(self, market: SimulatedMarket, steps: range) -> Bar:
        ticks = self._walk.ticks(market, steps)
        lots = sum(self._walk.lots(market, steps, ticks))
        return Bar(ticks[0], max(ticks), min(ticks), ticks[-1], lots)


def _key(query: _Query, index: int) -> tuple[str, int, int]:
    return query.market.market.symbol, query.seconds, index


def _candle_of(market: SimulatedMarket, start: datetime, bars: Sequence[Bar]) -> Candle:
    high, low = max(bar.high for bar in bars), min(bar.low for bar in bars)
    opened, high_price, low_price, closed = map(market.price, (bars[0].opened, high, low, bars[-1].closed))
    return Candle(start, opened, high_price, low_price, closed, market.amount(sum(bar.lots for bar in bars)))


def _by_hour(steps: range) -> Iterator[range]:
    for begin in range(steps.start - steps.start % STEPS_PER_HOUR, steps.stop, STEPS_PER_HOUR):
        yield range(max(begin, steps.start), min(begin + STEPS_PER_HOUR, steps.stop))


def _hour(steps: range) -> int:
    return steps.start // STEPS_PER_HOUR


def _first_indexes(query: _Query) -> list[int]:
    """Return the indexes of the wanted candles, and one more.

    The open candle takes no place in the limit before its first step has ended.
    """
    return list(islice(_indexes(query), query.asked.limit + 1))


def _indexes(query: _Query) -> Iterator[int]:
    """Yield the indexes of candles that cover a time at which the market trades, in the query's direction."""
    asked, seconds = query.asked, query.seconds
    span = asked.span(query.now)
    first, end = (int(moment.timestamp()) // seconds for moment in span)
    if query.market.market.hours is None:
        yield from _in_direction(range(first, end), asked)
        return
    for session in _in_direction(trading_hours.sessions_between(span.start, span.end), asked):
        opens, closes = int(session.open.timestamp()), int(session.close.timestamp())
        yield from _in_direction(range(max(first, opens // seconds), min(end, -(-closes // seconds))), asked)


def _in_direction(items: Sequence[Item], query: CandleQuery) -> Iterator[Item]:
    return iter(items) if query.is_forward else reversed(items)
