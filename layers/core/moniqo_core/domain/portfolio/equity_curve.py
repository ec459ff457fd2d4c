"""Equity over time. Samples are taken on UTC hours, and the last value applies until it changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, NamedTuple

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class EquityCurve(NamedTuple):
    """Points of equity of a paper or live wallet, oldest first."""

    mode: Literal["paper", "live"]
    points: Sequence[EquityPoint]


class EquityPoint(NamedTuple):
    """Equity at one time, in an epoch of the account."""

    epoch: int
    sample: EquitySample


def on_grid(points: Sequence[EquityPoint], since: datetime, until: datetime, step: timedelta) -> list[EquityPoint]:
    """Return the equity at every full ``step`` from ``since`` to ``until``, both inclusive.

    Each step has the value of the latest point at or before it. There are no values before the first point. ``points``
    must be sorted by time.
    """
    if not points:
        return []
    instant = _ceil(max(since, points[0].sample.at), step)
    found: list[EquityPoint] = []
    index = 0
    while instant <= until:
        while index + 1 < len(points) and points[index + 1].sample.at <= instant:
            index += 1
        epoch, sample = points[index]
        found.append(EquityPoint(epoch, sample._replace(at=instant)))
        instant += step
    return found


def only_on_grid(points: Sequence[EquityPoint], since: datetime, until: datetime, step: timedelta) -> list[EquityPoint]:
    """Return only the points at full steps, since a live account's equity is unknown between its syncs."""
    return [
        point for point in points if since <= point.sample.at <= until and not (point.sample.at - _BEGINNING) % step
    ]


def merged(stored: Sequence[EquityPoint], epoch: int, unwritten: Sequence[EquitySample]) -> list[EquityPoint]:
    """Combine the stored points with the samples that the journal may not have yet, sorted by time."""
    known = {(point.epoch, point.sample.at) for point in stored} if unwritten else set()
    new = [EquityPoint(epoch, sample) for sample in unwritten if (epoch, sample.at) not in known]
    return sorted([*stored, *new], key=lambda point: (point.sample.at, point.epoch))


def steps_between(since: datetime, before: datetime, step: timedelta) -> int:
    """Count the full steps of UTC time from ``since`` on that are earlier than ``before``."""
    return (_ceil(before, step) - _ceil(since, step)) // step


def _ceil(moment: datetime, step: timedelta) -> datetime:
    return _BEGINNING - (_BEGINNING - moment) // step * step


class EquitySample(NamedTuple):
    """Equity, realised and unrealised PnL on a full UTC hour. PnL is None where it is unknown.

    Amounts are in the cash asset of a paper account, or in US dollars for a live account.
    """

    at: datetime
    equity: Decimal
    realised: Decimal | None
    unrealised: Decimal | None
