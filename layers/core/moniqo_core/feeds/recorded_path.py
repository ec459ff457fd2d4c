"""The path of a venue, recorded minute by minute when it is first requested.

Every account meets the same points. Neither the time of a request nor a later correction by the venue changes a
recorded minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.errors import MarketDataError, WalletError
from moniqo_core.domain.market import trading_hours
from moniqo_core.domain.market.candle_path import candle_path
from moniqo_core.domain.market.market import PathPoint
from moniqo_core.domain.market.minute_candles import (
    HOUR,
    MINUTE,
    MinuteCandles,
    final_candles,
    floor_hour,
    floor_minute,
)
from moniqo_core.feeds.price_source import PriceSource

HOURS_KEPT: Final = 400
"""Recorded hours kept in memory. A single request for more hours keeps all of its own."""


class MinuteRecord(Protocol):
    """Storage of recorded minutes, grouped by hour. A recorded minute never changes."""

    async def read(self, source: str, symbol: str, hours: Sequence[datetime]) -> Mapping[datetime, MinuteCandles]:
        """Return the recorded part of these hours."""
        ...

    async def extend(self, source: str, symbol: str, since: datetime, found: Mapping[datetime, MinuteCandles]) -> None:
        """Record ``found``: the minutes from ``since`` on, by hour.

        An hour is extended only if its record ends where these minutes begin. Recorded minutes stay as they are.
        """
        ...


class _SymbolLock:
    """Serialises the requests for the minutes of a symbol.

    A waiting caller does not repeat a request that just failed. ``fruitless`` counts the failed requests, and ``gap``
    is the minute that the last failed request asked for.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.fruitless = 0
        self.gap: datetime | None = None


class RecordedPath:
    """The recorded path of every symbol of one venue.

    Minutes that have passed and are not recorded yet are requested from the venue.
    """

    def __init__(self, venue: PriceSource, record: MinuteRecord, clock: Clock, calendar: str | None) -> None:
        """Record the minutes of ``venue``.

        ``calendar`` names the trading hours of all its markets. Without one they are always open.
        """
        self._venue = venue
        self._record = record
        self._clock = clock
        self._calendar = calendar
        self._hours: dict[tuple[str, datetime], MinuteCandles] = {}
        self._locks: dict[str, _SymbolLock] = {}

    async def known_until(self, symbol: str, since: datetime, until: datetime) -> datetime:
        """Return the time up to which the path from ``since`` on is recorded: ``until`` when nothing is missing.

        Requests missing minutes from the venue first. Minutes that are not available now are no error.
        """
        state = self._locks.setdefault(symbol, _SymbolLock())
        before = state.fruitless
        async with state.lock:
            for start, end in self._spans(since, until):
                hours = _hours_of(start, end)
                await self._recall(symbol, hours, end)
                while (gap := self._gap(symbol, hours, end)) is not None:
                    if state.fruitless > before and state.gap == gap:
                        return max(since, gap)
                    if not await self._ask(symbol, gap, hours):
                        state.fruitless, state.gap = state.fruitless + 1, gap
                        return max(since, gap)
        return until

    async def path(self, symbol: str, since: datetime, until: datetime) -> Sequence[PathPoint]:
        """Points of recorded minutes that start at or after ``since`` and end by ``until``, oldest first.

        Raises:
            MarketDataError: A part of the path is not known, even if :meth:`known_until` reported it as known before.

        """
        points: list[PathPoint] = []
        for start, end in self._spans(since, until):
            hours = _hours_of(start, end)
            await self._recall(symbol, hours, end)
            if self._gap(symbol, hours, end) is not None:
                raise MarketDataError(f"Minute candles of {symbol} are missing.", symbol=symbol, retry_after=2)
            for hour in hours:
                for candle in self._recorded(symbol, hour).candles:
                    if start <= candle.start and candle.start + MINUTE <= end:
                        points += candle_path(candle)
        return points

    def _spans(self, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
        """Return the spans of whole minutes between two times during which the market trades."""
        start, end = floor_minute(since + MINUTE - timedelta(microseconds=1)), floor_minute(until)
        if self._calendar is None:
            return [(start, end)] if start < end else []
        sessions = trading_hours.sessions_between(start, end)
        spans = [(max(start, session.open), min(end, session.close)) for session in sessions]
        return [span for span in spans if span[0] < span[1]]

    def _recorded(self, symbol: str, hour: datetime) -> MinuteCandles:
        return self._hours.get((symbol, hour)) or MinuteCandles(hour, ())

    def _gap(self, symbol: str, hours: Sequence[datetime], end: datetime) -> datetime | None:
        """Return the start of the first missing minute, or None when the minutes are known up to ``end``."""
        ends = ((self._recorded(symbol, hour).until, min(hour + HOUR, end)) for hour in hours)
        return next((known for known, needed in ends if known < needed), None)

    async def _recall(self, symbol: str, hours: Sequence[datetime], end: datetime) -> None:
        """Read from the record the hours up to ``end`` that are not in memory."""
        wanted = [hour for hour in hours if self._gap(symbol, [hour], end) is not None]
        if not wanted:
            return
        found = await self._record.read(self._venue.source, symbol, wanted)
        # Reinsert the requested hours as the newest, so that evicting the oldest never removes one of them.
        for hour in hours:
            known = self._hours.pop((symbol, hour), None)
            minutes = found.get(hour, known)
            if minutes is not None:
                self._hours[symbol, hour] = minutes
        for oldest in list(self._hours)[: max(0, len(self._hours) - max(HOURS_KEPT, len(hours)))]:
            del self._hours[oldest]

    async def _ask(self, symbol: str, since: datetime, hours: Sequence[datetime]) -> bool:
        """Request the minutes from ``since`` on and record them. Return whether any of them is new."""
        try:
            page = await self._venue.minutes(symbol, since)
        except WalletError:
            return False
        until, candles = final_candles(page, since, self._clock())
        if until == since:
            return False
        found = {
            hour: MinuteCandles(
                min(until, hour + HOUR), tuple(candle for candle in candles if hour <= candle.start < hour + HOUR)
            )
            for hour in hours
            if hour + HOUR > since and hour < until
        }
        await self._record.extend(self._venue.source, symbol, since, found)
        # The first writer wins: another process may have recorded other candles, so read back what is stored.
        await self._recall(symbol, list(found), hours[-1] + HOUR)
        return self._recorded(symbol, floor_hour(since)).until > since


def _hours_of(start: datetime, end: datetime) -> list[datetime]:
    first = floor_hour(start)
    return [first + HOUR * number for number in range(-((first - end) // HOUR))]
