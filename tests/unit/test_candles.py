"""One-minute candles as the price path that resting orders meet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from moniqo_core.domain.market.candle_path import candle_path
from moniqo_core.domain.market.market import Candle
from moniqo_core.domain.market.minute_candles import MINUTE, final_candles, is_sane

D = Decimal
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def candle(minute: int = 0, opened: str = "100", high: str = "110", low: str = "95", closed: str = "105") -> Candle:
    return Candle(NOON + minute * MINUTE, D(opened), D(high), D(low), D(closed), D(8))


@dataclass(frozen=True)
class Shape:
    """A candle and the prices it is walked by."""

    opened: str
    high: str
    low: str
    closed: str
    path: tuple[int, ...]


@pytest.mark.parametrize(
    "shape",
    [
        Shape("100", "110", "95", "105", (100, 95, 110, 105)),
        Shape("100", "105", "90", "95", (100, 105, 90, 95)),
        Shape("100", "110", "90", "105", (100, 90, 110, 105)),
        Shape("100", "100", "100", "100", (100, 100, 100, 100)),
    ],
)
def test_path_visits_nearer_extreme_first_and_low_on_a_tie(shape: Shape) -> None:
    whole = candle(0, shape.opened, shape.high, shape.low, shape.closed)
    points = list(candle_path(whole))
    assert tuple(point.price for point in points) == shape.path
    assert {(point.start, point.end) for point in points} == {(NOON, NOON + MINUTE)}
    assert sum(point.volume for point in points) == whole.volume


def test_candle_is_final_only_when_a_later_one_exists() -> None:
    until, found = final_candles([candle(0), candle(3), candle(1)], NOON, NOON + 4 * MINUTE)
    assert until == NOON + 3 * MINUTE
    assert [item.start for item in found] == [NOON, NOON + MINUTE]
    assert final_candles([candle(0)], NOON, NOON + 9 * MINUTE) == (NOON, [])
    assert final_candles([], NOON, NOON + 9 * MINUTE) == (NOON, ())


def test_candles_before_the_start_are_ignored() -> None:
    assert final_candles([candle(-2), candle(-1)], NOON, NOON + MINUTE) == (NOON, ())


@pytest.mark.parametrize(
    "wrong",
    [
        candle(low="0"),
        candle(low="-1"),
        candle(low="101"),
        candle(high="104"),
        candle(closed="NaN"),
        candle(high="Infinity"),
        candle()._replace(volume=D(-1)),
        candle()._replace(start=NOON + timedelta(seconds=30)),
        candle(5),
    ],
)
def test_implausible_candles_are_skipped(wrong: Candle) -> None:
    now = NOON + 4 * MINUTE
    assert not is_sane(wrong, now)
    until, found = final_candles([wrong, candle(1), candle(2)], NOON, now)
    assert (until, [item.start for item in found]) == (NOON + 2 * MINUTE, [NOON + MINUTE])
