"""Average-cost accounting of a long position."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.money import ZERO, round_down


class Position(NamedTuple):
    """The amount held of a symbol's base asset, and its cost in the quote asset.

    ``cost`` excludes fees. ``fees`` is their sum, which is already deducted from ``realised``.
    """

    amount: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO

    def unrealised(self, mark: Decimal) -> Decimal:
        """Unrealised PnL at ``mark``, before the fees of a sale."""
        return self.amount * mark - self.cost


def bought(position: Position, amount: Decimal, quote: Decimal, fee: Decimal) -> Position:
    """Add a purchase of ``amount`` for ``quote``. The fee reduces realised PnL at once."""
    return Position(position.amount + amount, position.cost + quote, position.realised - fee, position.fees + fee)


def sold(position: Position, amount: Decimal, quote: Decimal, fee: Decimal, scale: int) -> Position:
    """Subtract a sale of ``amount`` for ``quote`` from the position.

    The sale releases its share of the cost, rounded down at the quote asset's ``scale``. The last sale releases the
    whole rest, so no cost remains without a holding.
    """
    last = amount == position.amount
    released = position.cost if last else round_down(position.cost * amount / position.amount, scale)
    return Position(
        position.amount - amount,
        position.cost - released,
        position.realised + quote - released - fee,
        position.fees + fee,
    )
