"""The path of a one-minute candle, as resting orders meet it: which extreme comes first."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from moniqo_core.domain.market.market import Candle, PathPoint
from moniqo_core.domain.market.minute_candles import MINUTE
from moniqo_core.domain.money import ZERO

POINTS: Final = 4


def candle_path(candle: Candle) -> Iterator[PathPoint]:
    """Yield the four points of a candle: open, the extreme nearer to the open, the other extreme, close.

    If both extremes are equally near, the low comes first. All four points last for the whole minute, because their
    exact times are unknown. Each has a quarter of the volume. The spread is unknown too, so ``half_spread`` is zero.
    """
    low_first = candle.open - candle.low <= candle.high - candle.open
    extremes = (candle.low, candle.high) if low_first else (candle.high, candle.low)
    volume: Decimal = candle.volume / POINTS
    for price in (candle.open, *extremes, candle.close):
        yield PathPoint(candle.start, candle.start + MINUTE, price, volume, ZERO)
