"""The API's throttling: one token bucket for each route."""

from __future__ import annotations

import time
from collections.abc import Callable

from local.declarations import Route


class Throttling:
    """Decides whether a request may pass now. ``clock`` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def admits(self, route: Route) -> bool:
        """Take one token from the route's bucket. Return whether there was one."""
        limit = route.throttle
        if limit is None:
            return True
        now = self._clock()
        tokens, filled_at = self._buckets.get(route.key, (limit.burst, now))
        tokens = min(limit.burst, tokens + (now - filled_at) * limit.rate)
        admitted = tokens >= 1
        self._buckets[route.key] = (tokens - 1 if admitted else tokens, now)
        return admitted
