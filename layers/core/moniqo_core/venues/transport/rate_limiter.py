"""How fast one account may ask its venue. CCXT knows what each call costs; this says when it may be made.

CCXT's own throttle looks a thousand times a second whether a turn has come, charges for calls that were given up while
they waited, and forgets an account with the object that was made for it.
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
"""Seconds a call may wait for its turn: they and the time of an answer fit into a read."""

RATE_LIMITED: Final = Refusal(
    RateLimitExceededError, "This account has reached the request rate of its venue for now. Nothing was sent."
)


class RateLimiter:
    """A bucket that calls are paid from, in CCXT's costs; it fills steadily. Called with a cost, it waits for it."""

    def __init__(
        self,
        per_second: float,
        burst: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Begin full.

        Args:
            per_second: What comes back in a second.
            burst: What the bucket holds. A call that costs more is made when the bucket is full, and owes the rest.
            clock: Counts seconds.
            sleep: Waits so many of them.

        """
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._left = burst
        self._at = clock()

    async def __call__(self, cost: float) -> None:
        """Pay for a call, after those that came before it; one that costs nothing waits for none of them.

        Raises:
            VenueRefusalError: its turn is too far away; it carries the seconds and nothing is paid.

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
