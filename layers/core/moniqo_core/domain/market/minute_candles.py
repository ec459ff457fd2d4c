"""One-minute candles of a venue: which of them are plausible, and up to when they are final."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from moniqo_core.domain.market.market import Candle

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)


class MinuteCandles(NamedTuple):
    """Candles of one hour, known up to ``until``. An earlier minute without a candle had no trade."""

    until: datetime
    candles: tuple[Candle, ...]


def floor_minute(moment: datetime) -> datetime:
    """Return the start of the UTC minute that contains ``moment``."""
    return moment.replace(second=0, microsecond=0)


def floor_hour(moment: datetime) -> datetime:
    """Return the start of the UTC hour that contains ``moment``."""
    return moment.replace(minute=0, second=0, microsecond=0)


def is_sane(candle: Candle, now: datetime) -> bool:
    """Tell whether a candle is plausible: prices positive and in order, on a whole minute that has begun."""
    if not all(number.is_finite() for number in candle[1:]):
        return False
    low, high = min(candle.open, candle.close), max(candle.open, candle.close)
    in_order = 0 < candle.low <= low and high <= candle.high and candle.volume >= 0
    return in_order and candle.start == floor_minute(candle.start) and candle.start <= now


def final_candles(candles: Iterable[Candle], since: datetime, now: datetime) -> tuple[datetime, Sequence[Candle]]:
    """Return the time up to which a venue's candles from ``since`` on are final, and these candles.

    A later candle shows that a minute is over by the venue's own clock, and that a minute without a candle had no
    trade. The last candle is therefore not final yet. Implausible candles are skipped.
    """
    by_start = {candle.start: candle for candle in candles if candle.start >= since and is_sane(candle, now)}
    if not by_start:
        return since, ()
    until = max(by_start)
    return until, [by_start[start] for start in sorted(by_start) if start < until]
