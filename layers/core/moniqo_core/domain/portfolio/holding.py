"""What is held of an asset."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.money import ZERO


class Holding(NamedTuple):
    """What is held of an asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return self.free + self.locked


NOTHING_HELD: Final = Holding()
