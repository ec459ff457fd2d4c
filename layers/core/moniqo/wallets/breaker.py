"""Stops asking a venue that does not answer, and finds out with one call when it does again."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import SystemRandom
from typing import Final

FAILURES: Final = 5
SECONDS_OPEN: Final = 10.0

_random: Final = SystemRandom().random


class Breaker:
    """One venue seen from one execution environment.

    After failures in a row nothing is sent for a while; then one call is let through, and how it goes decides. Failures
    of one account count once: one account that never gets an answer must not stop the others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, random: Callable[[], float] = _random) -> None:
        """Begin closed; ``clock`` counts seconds and ``random`` gives a number in [0, 1)."""
        self._clock = clock
        self._random = random
        self._accounts: set[int] = set()
        self._calls_of_nobody = 0
        self._until = 0.0
        self._probing = False
        self._told_to = 0.0

    @property
    def was_told_to(self) -> bool:
        """Whether the venue asked for the wait, rather than not answering."""
        return self._told_to > self._clock()

    @property
    def _is_open(self) -> bool:
        return len(self._accounts) + self._calls_of_nobody >= FAILURES

    def wait(self) -> int:
        """Return 0 when a call may be made, else whole seconds until the next try."""
        left = self._until - self._clock()
        if left > 0:
            return int(left) + 1
        if not self._is_open:
            return 0
        if self._probing:
            return 1
        self._probing = True
        return 0

    def answered(self) -> None:
        """Count an answer, whatever it said: the venue is there."""
        self._accounts.clear()
        self._calls_of_nobody, self._probing = 0, False

    def failed(self, account: int | None = None) -> None:
        """Count a call for an account, or for nobody, that had no usable answer."""
        if account is None:
            self._calls_of_nobody += 1
        else:
            self._accounts.add(account)
        self._probing = False
        if self._is_open:
            self._until = self._clock() + SECONDS_OPEN * (0.5 + self._random())

    def given_up(self) -> None:
        """Forget a call that was cancelled: it says nothing about the venue."""
        self._probing = False

    def rest(self, seconds: float) -> None:
        """Send nothing for as long as the venue asked."""
        self._told_to = max(self._told_to, self._clock() + seconds)
        self._until = max(self._until, self._told_to)
