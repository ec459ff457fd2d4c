"""Turns between concurrent writers of one wallet.

The fastest writer commits the next entry, so a slow one may lose many times in a row. After several losses a writer
claims the next turn in the wallet's snapshot, and writers that read the claim wait. The claim of a writer that died
expires by itself. Turns only reduce waiting. Correctness never depends on them.
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
"""The longest time that a claim makes other writers wait."""

_random = SystemRandom()


class Writer:
    """One of the writers that compete for the next entry."""

    def __init__(self) -> None:
        """Start without losses. The name is made by the first claim, because few writers need one."""
        self._name = ""
        self._losses = 0

    def lost(self) -> bool:
        """Count a loss and return whether the writer should claim a turn."""
        self._losses += 1
        return self._losses >= PATIENCE

    def claim(self, now: datetime) -> WriteTurn:
        """Return the turn to claim at ``now``."""
        self._name = self._name or uuid4().hex
        return WriteTurn(self._name, now + LASTS)

    def gives_way_to(self, turn: WriteTurn | None, now: datetime) -> bool:
        """Return whether another writer holds a turn that has not expired at ``now``."""
        return turn is not None and turn.holder != self._name and now < turn.until


def pause() -> float:
    """Return seconds to wait before the next read: a few milliseconds, random so that writers do not collide."""
    return _random.uniform(0.001, 0.006)
