"""Average-cost accounting of a long position."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.money import ZERO, round_down


class Position(NamedTuple):
    """What is held of a symbol's base asset and what it cost, in the quote asset.

    ``cost`` excludes fees; ``fees`` is their sum and has already lowered ``realised``.
    """

    amount: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO

    def unrealised(self, mark: Decimal) -> Decimal:
        """Gain, before fees of a sale, if everything were sold at ``mark``."""
        return self.amount * mark - self.cost


def bought(position: Position, amount: Decimal, quote: Decimal, fee: Decimal) -> Position:
    """Add a purchase of ``amount`` for ``quote``; the fee lowers realised PnL at once."""
    return Position(position.amount + amount, position.cost + quote, position.realised - fee, position.fees + fee)


def sold(position: Position, amount: Decimal, quote: Decimal, fee: Decimal, scale: int) -> Position:
    """Take a sale of ``amount`` for ``quote`` out of the position.

    The sale releases its share of the cost, rounded down at the quote asset's ``scale``; the last sale releases all
    that is left, so no cost outlives its holding.
    """
    last = amount == position.amount
    released = position.cost if last else round_down(position.cost * amount / position.amount, scale)
    return Position(
        position.amount - amount,
        position.cost - released,
        position.realised + quote - released - fee,
        position.fees + fee,
    )
