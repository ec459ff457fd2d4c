"""Candles of any interval: which ones a query wants, and how longer ones are made of shorter ones.

Every candle is aligned to UTC: its start is a multiple of its length, counted from midnight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from moniqo_core.domain.errors import ValidationError
from moniqo_core.domain.market.market import Candle
from moniqo_core.domain.market.minute_candles import is_sane
from moniqo_core.domain.money import ZERO, exact

INTERVALS: Final[Mapping[str, timedelta]] = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}
"""The length of each interval. All of them divide a day."""
MOST_CANDLES: Final = 1000
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No candle is looked for before this time."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CandleQuery:
    """The candles of one interval that start at or after ``since`` and before ``until``.

    With ``since`` the first ``limit`` of them are wanted, otherwise the last. The candle that is still open is wanted
    only with ``include_open``.

    Raises:
        ValidationError: the interval or the limit is not possible.

    """

    interval: str
    limit: int = 50
    since: datetime | None = None
    until: datetime | None = None
    include_open: bool = False

    def __post_init__(self) -> None:
        """Check interval and limit."""
        if self.interval not in INTERVALS:
            raise ValidationError(f"The interval {self.interval[:10]!r} is not one of {', '.join(INTERVALS)}.")
        if not 1 <= self.limit <= MOST_CANDLES:
            raise ValidationError(f"The limit {self.limit} is not between 1 and {MOST_CANDLES}.")

    @property
    def length(self) -> timedelta:
        """The length of each candle."""
        return INTERVALS[self.interval]

    @property
    def is_forward(self) -> bool:
        """Whether the first candles are wanted, not the last ones."""
        return self.since is not None

    def span(self, now: datetime) -> CandleSpan:
        """Return the starts that are wanted at ``now``: whole candles only, and none before :data:`EARLIEST`."""
        opened = floor_time(now, self.length)
        end = opened + self.length if self.include_open else opened
        if self.until is not None and self.until < end:
            end = ceil_time(self.until, self.length)
        since = EARLIEST if self.since is None else max(self.since, EARLIEST)
        return CandleSpan(end if since >= end else ceil_time(since, self.length), end)


class CandleSpan(NamedTuple):
    """The candles that start from ``start`` (inclusive) to ``end`` (exclusive). Both are multiples of their length."""

    start: datetime
    end: datetime


class CandleSeries(NamedTuple):
    """The answer to a query: candles, oldest first.

    No candle that starts from ``covers_from`` (inclusive) to ``covers_to`` (exclusive) is missing, unless the source
    sent it in a form that cannot be read. Outside this time the market may have more. ``open_start`` is the start of
    the candle that is still open, if it is among the candles.
    """

    candles: Sequence[Candle]
    covers_from: datetime
    covers_to: datetime
    open_start: datetime | None = None


def floor_time(moment: datetime, length: timedelta) -> datetime:
    """Return the last multiple of ``length`` at or before ``moment``."""
    return _EPOCH + (moment - _EPOCH) // length * length


def ceil_time(moment: datetime, length: timedelta) -> datetime:
    """Return the first multiple of ``length`` at or after ``moment``."""
    return _EPOCH - (_EPOCH - moment) // length * length


def is_candle_of(candle: Candle, length: timedelta, now: datetime) -> bool:
    """Tell whether a candle is plausible and aligned to its length."""
    return is_sane(candle, now) and candle.start == floor_time(candle.start, length)


def composed(parts: Iterable[Candle], length: timedelta) -> list[Candle]:
    """Return candles of ``length`` made of shorter ones, which are sorted and begin at multiples of ``length``.

    A time without a part had no trade.
    """
    made = []
    for start, group in groupby(parts, key=lambda part: floor_time(part.start, length)):
        own = list(group)
        with exact():
            volume = sum((part.volume for part in own), ZERO)
        high, low = max(part.high for part in own), min(part.low for part in own)
        made.append(Candle(start, own[0].open, high, low, own[-1].close, volume))
    return made


def series_of(found: Iterable[Candle], query: CandleQuery, now: datetime, read: CandleSpan) -> CandleSeries:
    """Return those candles of ``found`` that a query wants, and the time that they cover.

    Args:
        found: Candles of the query's interval, in any order. Of two with the same start the later one counts.
        query: What is wanted.
        now: The time of the query.
        read: The span in which ``found`` has every candle.

    """
    span = query.span(now)
    by_start = {candle.start: candle for candle in found if span.start <= candle.start < span.end}
    candles = [by_start[start] for start in sorted(by_start)]
    covers_from, covers_to = max(span.start, read.start), min(span.end, read.end)
    if len(candles) >= query.limit:
        candles = candles[: query.limit] if query.is_forward else candles[-query.limit :]
        if query.is_forward:
            covers_to = candles[-1].start + query.length
        else:
            covers_from = candles[0].start
    is_open = bool(candles) and candles[-1].start >= floor_time(now, query.length)
    return CandleSeries(candles, covers_from, max(covers_from, covers_to), candles[-1].start if is_open else None)
