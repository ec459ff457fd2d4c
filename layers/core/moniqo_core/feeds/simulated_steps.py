"""The times that the steps of the simulated market cover. Steps are counted from the Unix epoch."""

from __future__ import annotations

from datetime import UTC, datetime

from moniqo_core.domain.market import trading_hours
from moniqo_core.feeds.random_walk import STEP_SECONDS, SimulatedMarket


def step_of(moment: datetime) -> int:
    """Return the step that a time belongs to."""
    return int(moment.timestamp()) // STEP_SECONDS


def begin_of(step: int) -> datetime:
    """Return the time at which a step begins."""
    return datetime.fromtimestamp(step * STEP_SECONDS, UTC)


def traded_steps(market: SimulatedMarket, first: int, last: int) -> list[range]:
    """Steps from ``first`` (inclusive) to ``last`` (exclusive) in which the market trades, in order. None is empty."""
    if first >= last:
        return []
    if market.market.hours is None:
        return [range(first, last)]
    sessions = trading_hours.sessions_between(begin_of(first), begin_of(last))
    return [range(max(first, step_of(each.open)), min(last, step_of(each.close))) for each in sessions]
