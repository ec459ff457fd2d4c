"""The holding of an asset."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.money import ZERO


class Holding(NamedTuple):
    """Free and locked amount of an asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Free plus locked amount."""
        return self.free + self.locked


NOTHING_HELD: Final = Holding()
