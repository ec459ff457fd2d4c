"""Stops calls to a venue that does not answer, and probes it with few calls until it answers again."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from random import SystemRandom
from typing import Final

FAILURES: Final = 5
OUTCOMES: Final = 20
SECONDS_KNOWN: Final = 30.0
SECONDS_OPEN: Final = 5.0
SECONDS_PER_PROBE: Final = 2.0

_random: Final = SystemRandom().random


class CircuitBreaker:
    """The circuit breaker of one venue in one execution environment.

    It keeps the last outcome of each of the 20 accounts that were called most recently. It opens when at least five of
    them got no answer, and those with an answer in the last 30 s are not in the majority. Then it lets nothing pass for
    2.5 to 7.5 s, and after that one probe every two seconds, until one is answered. So a few accounts that never get an
    answer do not block the others. If such an account makes the first probe, the next account may try two seconds
    later.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, random: Callable[[], float] = _random) -> None:
        """Start closed. ``clock`` returns seconds, and ``random`` returns a number in [0, 1)."""
        self._clock = clock
        self._random = random
        self._answered_at: dict[object, float | None] = {}
        self._is_open = False
        self._next_probe = 0.0
        self._rest_until = 0.0

    @property
    def is_rate_limited(self) -> bool:
        """Whether calls wait because the venue asked for it, not because it does not answer."""
        return self._rest_until > self._clock()

    def wait(self) -> int:
        """Return 0 if a call may be made now, else the whole seconds until the next attempt.

        While the breaker is open, a return value of 0 reserves the probe for the caller.
        """
        now = self._clock()
        left = max(self._rest_until, self._next_probe if self._is_open else 0.0) - now
        if left > 0:
            return ceil(left)
        if self._is_open:
            self._next_probe = now + SECONDS_PER_PROBE
        return 0

    def answered(self, account: int | None = None) -> None:
        """Count an answer of any kind, which proves that the venue is reachable. It closes an open breaker."""
        if self._is_open:
            self._is_open = False
            self._answered_at.clear()
        self._keep(account, self._clock())

    def failed(self, account: int | None = None) -> None:
        """Count a call without a usable answer. ``account`` is None for a call without an account."""
        self._keep(account, None)
        now, last = self._clock(), self._answered_at.values()
        failures = sum(at is None for at in last)
        answers = sum(at is not None and now - at < SECONDS_KNOWN for at in last)
        if not self._is_open and failures >= max(FAILURES, answers):
            self._is_open = True
            self._next_probe = now + SECONDS_OPEN * (0.5 + self._random())

    def rest(self, seconds: float) -> None:
        """Let nothing pass for as many seconds as the venue asked for."""
        self._rest_until = max(self._rest_until, self._clock() + seconds)

    def _keep(self, account: int | None, answered_at: float | None) -> None:
        key = object() if account is None else account  # every call without an account counts on its own
        self._answered_at.pop(key, None)
        self._answered_at[key] = answered_at
        if len(self._answered_at) > OUTCOMES:
            del self._answered_at[next(iter(self._answered_at))]
