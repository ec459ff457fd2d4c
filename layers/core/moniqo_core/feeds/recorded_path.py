"""The path of a venue as it was recorded, minute by minute, when somebody first saw it.

Every account meets the same points, whoever looked first and whatever the venue says of these minutes later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.errors import MarketDataError, WalletError
from moniqo_core.domain.market import trading_hours
from moniqo_core.domain.market.market import PathPoint
from moniqo_core.domain.market.minute_candles import (
    HOUR,
    MINUTE,
    MinuteCandles,
    candle_path,
    final_candles,
    floor_hour,
    floor_minute,
)
from moniqo_core.feeds.price_source import PriceSource

HOURS_KEPT: Final = 400
"""How many recorded hours are kept in memory."""


class MinuteRecord(Protocol):
    """Where minutes are recorded, by hours, once and for all."""

    async def read(self, source: str, symbol: str, hours: Sequence[datetime]) -> Mapping[datetime, MinuteCandles]:
        """Return what is recorded of these hours."""
        ...

    async def extend(self, source: str, symbol: str, since: datetime, found: Mapping[datetime, MinuteCandles]) -> None:
        """Record what is known from ``since`` on, by hours; minutes that are recorded stay as they are."""
        ...


class _SymbolLock:
    """Those who ask for a symbol's minutes wait for each other, and do not repeat what was just asked in vain."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.fruitless = 0
        self.gap: datetime | None = None


class RecordedPath:
    """The path of every symbol of one venue; what is over and not recorded is asked for."""

    def __init__(self, venue: PriceSource, record: MinuteRecord, clock: Clock, calendar: str | None) -> None:
        """Record what ``venue`` shows; ``calendar`` names the hours that all of its markets keep."""
        self._venue = venue
        self._record = record
        self._clock = clock
        self._calendar = calendar
        self._hours: dict[tuple[str, datetime], MinuteCandles] = {}
        self._locks: dict[str, _SymbolLock] = {}

    async def known_until(self, symbol: str, since: datetime, until: datetime) -> datetime:
        """How far the recorded path reaches; minutes that are over and not recorded are asked for."""
        turn = self._locks.setdefault(symbol, _SymbolLock())
        before = turn.fruitless
        async with turn.lock:
            for start, end in self._spans(since, until):
                hours = _hours_of(start, end)
                await self._recall(symbol, hours, end)
                while (gap := self._gap(symbol, hours, end)) is not None:
                    if turn.fruitless > before and turn.gap == gap:
                        return max(since, gap)
                    if not await self._ask(symbol, gap, hours):
                        turn.fruitless, turn.gap = turn.fruitless + 1, gap
                        return max(since, gap)
        return until

    async def path(self, symbol: str, since: datetime, until: datetime) -> Sequence[PathPoint]:
        """Points of recorded minutes that begin at or after ``since`` and are over by ``until``.

        Raises:
            MarketDataError: some of it is not known, whatever :meth:`known_until` said before.

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
        """Return the whole minutes in between during which the market trades."""
        start, end = floor_minute(since + MINUTE - timedelta(microseconds=1)), floor_minute(until)
        if self._calendar is None:
            return [(start, end)] if start < end else []
        sessions = trading_hours.sessions_between(start, end)
        spans = [(max(start, session.open), min(end, session.close)) for session in sessions]
        return [span for span in spans if span[0] < span[1]]

    def _recorded(self, symbol: str, hour: datetime) -> MinuteCandles:
        return self._hours.get((symbol, hour)) or MinuteCandles(hour, ())

    def _gap(self, symbol: str, hours: Sequence[datetime], end: datetime) -> datetime | None:
        """Return from where on minutes are not known, None when they are up to ``end``."""
        ends = ((self._recorded(symbol, hour).until, min(hour + HOUR, end)) for hour in hours)
        return next((known for known, needed in ends if known < needed), None)

    async def _recall(self, symbol: str, hours: Sequence[datetime], end: datetime) -> None:
        """Read the record of hours that memory does not know up to ``end``."""
        wanted = [hour for hour in hours if self._gap(symbol, [hour], end) is not None]
        if not wanted:
            return
        found = await self._record.read(self._venue.source, symbol, wanted)
        # What is asked for now is the youngest: none of it may make room for the rest of it.
        for hour in hours:
            known = self._hours.pop((symbol, hour), None)
            minutes = found.get(hour, known)
            if minutes is not None:
                self._hours[symbol, hour] = minutes
        for oldest in list(self._hours)[: max(0, len(self._hours) - max(HOURS_KEPT, len(hours)))]:
            del self._hours[oldest]

    async def _ask(self, symbol: str, since: datetime, hours: Sequence[datetime]) -> bool:
        """Ask the venue for the minutes from ``since`` on and record them; returns whether any is new."""
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
        # Whoever wrote first is right, so what stands there now counts, not what was just found.
        await self._recall(symbol, list(found), hours[-1] + HOUR)
        return self._recorded(symbol, floor_hour(since)).until > since


def _hours_of(start: datetime, end: datetime) -> list[datetime]:
    first = floor_hour(start)
    return [first + HOUR * number for number in range(-((first - end) // HOUR))]
