"""The rate limiter of an account at a venue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moniqo_core.venues.exchanges.binance import Binance
from moniqo_core.venues.exchanges.kraken import Kraken
from moniqo_core.venues.exchanges.refusals import VenueRefusalError
from moniqo_core.venues.transport.rate_limiter import LONGEST_WAIT, RATE_LIMITED, RateLimiter
from tests.conftest import Run
from tests.support.fake_time import FakeClock
from tests.support.venues.kraken import FORGOTTEN_PER_SECOND, MOST_CALLS


def test_burst_passes_at_once_and_then_the_rate_is_kept(run: Run) -> None:
    watch = FakeClock()
    rate_limiter = RateLimiter(2, 6, watch, watch.sleep)

    async def calls() -> list[float]:
        times = []
        for _ in range(5):
            await rate_limiter(3)
            times.append(watch())
        return times

    assert run(calls()) == [0, 0, 1.5, 3, 4.5]
    watch.at += 1000
    assert run(calls()) == [1004.5, 1004.5, 1006, 1007.5, 1009]


def test_call_dearer_than_the_burst_waits_and_goes_into_debt(run: Run) -> None:
    watch = FakeClock()
    rate_limiter = RateLimiter(20, 1, watch, watch.sleep)
    for begins in (0, 0.2, 0.4):
        run(rate_limiter(4))
        assert watch() == pytest.approx(begins)


def test_call_with_too_long_a_wait_is_refused_and_costs_nothing(run: Run) -> None:
    watch = FakeClock()
    rate_limiter = RateLimiter(1, 6, watch, watch.sleep)
    run(rate_limiter(6))
    for _ in range(3):
        with pytest.raises(VenueRefusalError) as refused:
            run(rate_limiter(6))
        assert (refused.value.refusal, refused.value.retry_after) == (RATE_LIMITED, 6)
    assert watch() == 0
    run(rate_limiter(LONGEST_WAIT))
    assert watch() == LONGEST_WAIT


def test_free_call_does_not_wait_for_the_debt_of_others(run: Run) -> None:
    watch = FakeClock()
    rate_limiter = RateLimiter(1, 6, watch, watch.sleep)
    for cost in (6, 3):
        run(rate_limiter(cost))
    watch.at -= 3  # as if another call still waited
    run(rate_limiter(0))
    assert watch() == 0


def test_cancelled_waiting_call_is_refunded(run: Run) -> None:
    async def given_up() -> None:
        rate_limiter = RateLimiter(1, 3, lambda: 0.0)
        await rate_limiter(3)
        waiting = asyncio.create_task(rate_limiter(3))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        # Still owed, its turn would be six seconds away and not three.
        next_one = asyncio.create_task(rate_limiter(3))
        await asyncio.sleep(0)
        assert not next_one.done()
        next_one.cancel()
        await asyncio.wait([next_one])

    run(given_up())


def test_binance_order_does_not_wait_for_earlier_list_requests(run: Run) -> None:
    watch = FakeClock()
    rate_limiter = RateLimiter(20, Binance.burst, watch, watch.sleep)
    all_open_orders, account, order = 16, 4, 0.2
    for cost in (all_open_orders, account, all_open_orders, order):
        run(rate_limiter(cost))
    assert watch() == 0


@given(st.lists(st.tuples(st.floats(0, 40), st.sampled_from([1, 2]))))
def test_kraken_call_counter_never_exceeds_its_limit(calls: Sequence[tuple[float, int]]) -> None:
    """For any calls at any time. Kraken counts a call when the limiter lets it through."""
    watch = FakeClock()
    rate_limiter = RateLimiter(1, Kraken.burst, watch, watch.sleep)
    counted = at = 0.0
    for pause, count in calls:
        watch.at += pause
        try:
            asyncio.run(rate_limiter(3 * count))
        except VenueRefusalError:
            continue
        counted, at = max(0.0, counted - (watch() - at) * FORGOTTEN_PER_SECOND) + count, watch()
        assert counted <= MOST_CALLS
