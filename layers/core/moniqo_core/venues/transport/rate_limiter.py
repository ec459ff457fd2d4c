"""The rate limiter of one account at its venue. CCXT knows the cost of each call, and this decides when it is sent.

CCXT's own throttler polls a thousand times a second and charges for calls that were cancelled while they waited. It
also forgets an account together with its client object.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Final

from moniqo_core.domain.errors import RateLimitExceededError
from moniqo_core.venues.exchanges.refusals import Refusal, VenueRefusalError

LONGEST_WAIT: Final = 4.0
"""Seconds that a call may wait. Together with the time limit of an answer they fit into a read."""

RATE_LIMITED: Final = Refusal(
    RateLimitExceededError, "This account has reached the request rate of its venue for now. Nothing was sent."
)


class RateLimiter:
    """A token bucket in CCXT's cost units, refilled steadily. Awaiting a call with a cost waits until it is paid."""

    def __init__(
        self,
        per_second: float,
        burst: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Start with a full bucket.

        Args:
            per_second: Units refilled per second.
            burst: Capacity of the bucket. A call that costs more is made when the bucket is full, and owes the rest.
            clock: Returns seconds.
            sleep: Waits a number of seconds.

        """
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._left = burst
        self._at = clock()

    async def __call__(self, cost: float) -> None:
        """Pay for a call after all earlier calls. A call that costs nothing does not wait.

        Raises:
            VenueRefusalError: the wait would exceed :data:`LONGEST_WAIT`. The error has the seconds to wait, and
                nothing is paid.

        """
        if not cost:
            return
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        wait = max(0.0, min(cost, self._burst) - self._left) / self._per_second
        if wait > LONGEST_WAIT:
            raise VenueRefusalError(RATE_LIMITED, ceil(wait))
        self._left -= cost
        if not wait:
            return
        try:
            await self._sleep(wait)
        except asyncio.CancelledError:
            self._left += cost
            raise
