"""A clock that moves only while a caller sleeps."""

from __future__ import annotations


class FakeClock:
    """A clock of seconds: call it to read it."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Move the clock forward without waiting."""
        self.at += seconds
