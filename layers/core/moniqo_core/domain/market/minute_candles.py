"""One-minute candles of a venue as the path that resting orders meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.market.market import Candle, PathPoint
from moniqo_core.domain.money import ZERO

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
POINTS: Final = 4


class MinuteCandles(NamedTuple):
    """Candles of one hour and how far they are known: a minute before ``until`` without a candle had no trade."""

    until: datetime
    candles: tuple[Candle, ...]


def floor_minute(moment: datetime) -> datetime:
    """Return the beginning of the UTC minute a moment is in."""
    return moment.replace(second=0, microsecond=0)


def floor_hour(moment: datetime) -> datetime:
    """Return the beginning of the UTC hour a moment is in."""
    return moment.replace(minute=0, second=0, microsecond=0)


def is_sane(candle: Candle, now: datetime) -> bool:
    """Tell whether a candle can be true: prices positive and in order, on a whole minute that has begun."""
    if not all(number.is_finite() for number in candle[1:]):
        return False
    low, high = min(candle.open, candle.close), max(candle.open, candle.close)
    in_order = 0 < candle.low <= low and high <= candle.high and candle.volume >= 0
    return in_order and candle.start == floor_minute(candle.start) and candle.start <= now


def final_candles(candles: Iterable[Candle], since: datetime, now: datetime) -> tuple[datetime, Sequence[Candle]]:
    """Read a venue's answer to a question for minutes from ``since`` on: how far it is final, and the candles so far.

    Only a later candle shows that a minute is over, by the venue's own clock, and that one left out had no trade; so
    the last candle counts for nothing yet. A candle that cannot be true is passed over.
    """
    by_start = {candle.start: candle for candle in candles if candle.start >= since and is_sane(candle, now)}
    if not by_start:
        return since, ()
    until = max(by_start)
    return until, [by_start[start] for start in sorted(by_start) if start < until]


def candle_path(candle: Candle) -> Iterator[PathPoint]:
    """Return the four points of a candle: open, the extreme nearer to it (on a tie the low), the other one, close.

    All four last from its beginning to its end, for nobody knows when in between they were, and share its volume. Their
    spread is not known here.
    """
    low_first = candle.open - candle.low <= candle.high - candle.open
    extremes = (candle.low, candle.high) if low_first else (candle.high, candle.low)
    volume: Decimal = candle.volume / POINTS
    for price in (candle.open, *extremes, candle.close):
        yield PathPoint(candle.start, candle.start + MINUTE, price, volume, ZERO)
