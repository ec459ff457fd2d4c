"""Taking turns on a wallet that many write at once.

Whoever is faster wins an entry, so a writer may lose again and again. One that lost several times claims the next
turn in the wallet's snapshot; others who read it let it go first. A claim whose holder died runs out by itself. Turns
are a courtesy: what is committed never depends on them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import SystemRandom
from typing import Final
from uuid import uuid4

from moniqo_core.storage.paper.snapshots import WriteTurn

PATIENCE: Final = 3
"""Losses after which a writer claims a turn."""

LASTS: Final = timedelta(milliseconds=250)
"""How long a claim holds others back at most."""

_random = SystemRandom()


class Writer:
    """One writer among those who want the next entry."""

    def __init__(self) -> None:
        """Begin without a loss, and without a name: few writers ever need one."""
        self._name = ""
        self._losses = 0

    def lost(self) -> bool:
        """Count a loss and tell whether it is time to claim a turn."""
        self._losses += 1
        return self._losses >= PATIENCE

    def claim(self, now: datetime) -> WriteTurn:
        """Return the turn to ask for."""
        self._name = self._name or uuid4().hex
        return WriteTurn(self._name, now + LASTS)

    def gives_way_to(self, turn: WriteTurn | None, now: datetime) -> bool:
        """Tell whether somebody else goes first."""
        return turn is not None and turn.holder != self._name and now < turn.until


def pause() -> float:
    """Seconds until the next look: short, and not the same for everybody."""
    return _random.uniform(0.001, 0.006)
