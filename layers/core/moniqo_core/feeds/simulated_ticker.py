"""How a simulated symbol traded in the last 24 hours, computed from its steps."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from moniqo_core.domain.market import trading_hours
from moniqo_core.domain.market.ticker import Quote24h
from moniqo_core.domain.money import exact
from moniqo_core.feeds.random_walk import STEP_SECONDS, RandomWalk, SimulatedMarket

STEPS_PER_DAY: Final = 86400 // STEP_SECONDS

_PERCENT_STEP: Final = Decimal("0.0001")


def traded_steps(market: SimulatedMarket, shown: int) -> tuple[int, range]:
    """Return the step that the change counts from, and the steps that high, low and volume count.

    ``shown`` is the step whose price is shown now. A stock counts its session from the opening on, and its change from
    the last step of the session before.
    """
    if market.market.hours is None:
        return shown - STEPS_PER_DAY, range(shown - STEPS_PER_DAY, shown)
    at = datetime.fromtimestamp((shown + 1) * STEP_SECONDS, UTC)
    sessions = trading_hours.earlier_sessions(at)
    opened = int(next(sessions).open.timestamp()) // STEP_SECONDS
    before = next(sessions, None)
    return opened - 1 if before is None else int(before.close.timestamp()) // STEP_SECONDS - 1, range(opened, shown)


def quote_of(walk: RandomWalk, market: SimulatedMarket, shown: int, half_spread: int) -> Quote24h:
    """Return the quote at a step. The volume is that of the steps that have ended."""
    earlier, steps = traded_steps(market, shown)
    (began,) = walk.ticks(market, range(earlier, earlier + 1))
    ticks = walk.ticks(market, range(steps.start, shown + 1))
    last, lots = ticks[-1], sum(walk.lots(market, steps, ticks[:-1]))
    with exact():
        change = market.price(last) - market.price(began)
        percent = (change * 100 / market.price(began)).quantize(_PERCENT_STEP, ROUND_HALF_EVEN)
    return Quote24h(
        bid=market.price(last - half_spread),
        ask=market.price(last + half_spread),
        last=market.price(last),
        change=change,
        change_percent=percent,
        high=market.price(max(ticks)),
        low=market.price(min(ticks)),
        volume=market.amount(lots),
    )
