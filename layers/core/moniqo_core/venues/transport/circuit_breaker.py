"""Stops asking a venue that does not answer, and finds out with few calls when it does again."""

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
    """One venue seen from one execution environment.

    It judges by the last outcome of each of the 20 accounts that were asked about last. When at least five of them had
    no answer, and not more than those had one within half a minute, nothing is sent for some seconds; then one call
    every two seconds, until one is answered. So accounts that never get an answer neither stop the others, nor hold
    them up when one of them is asked about first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, random: Callable[[], float] = _random) -> None:
        """Begin closed; ``clock`` counts seconds and ``random`` gives a number in [0, 1)."""
        self._clock = clock
        self._random = random
        self._answered_at: dict[object, float | None] = {}
        self._is_open = False
        self._next_probe = 0.0
        self._rest_until = 0.0

    @property
    def is_rate_limited(self) -> bool:
        """Whether the venue asked for the wait, rather than not answering."""
        return self._rest_until > self._clock()

    def wait(self) -> int:
        """Return 0 when a call may be made, else whole seconds until the next try."""
        now = self._clock()
        left = max(self._rest_until, self._next_probe if self._is_open else 0.0) - now
        if left > 0:
            return ceil(left)
        if self._is_open:
            self._next_probe = now + SECONDS_PER_PROBE
        return 0

    def answered(self, account: int | None = None) -> None:
        """Count an answer, whatever it said: the venue is there."""
        if self._is_open:
            self._is_open = False
            self._answered_at.clear()
        self._keep(account, self._clock())

    def failed(self, account: int | None = None) -> None:
        """Count a call for an account, or for nobody, that had no usable answer."""
        self._keep(account, None)
        now, last = self._clock(), self._answered_at.values()
        failures = sum(at is None for at in last)
        answers = sum(at is not None and now - at < SECONDS_KNOWN for at in last)
        if not self._is_open and failures >= max(FAILURES, answers):
            self._is_open = True
            self._next_probe = now + SECONDS_OPEN * (0.5 + self._random())

    def rest(self, seconds: float) -> None:
        """Send nothing for as long as the venue asked."""
        self._rest_until = max(self._rest_until, self._clock() + seconds)

    def _keep(self, account: int | None, answered_at: float | None) -> None:
        key = object() if account is None else account  # calls for nobody count each
        self._answered_at.pop(key, None)
        self._answered_at[key] = answered_at
        if len(self._answered_at) > OUTCOMES:
            del self._answered_at[next(iter(self._answered_at))]
