"""Positions at average cost from trades at a venue, whose fees may be in any asset."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Protocol

from moniqo_core.domain.money import ZERO, round_down, round_up
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.portfolio.position import Position, bought, sold

_SCALE: Final = 18


class Trade(Protocol):
    """What a trade exchanged. ``quote`` is without the fee."""

    @property
    def symbol(self) -> str:
        """Its symbol, ``BASE/QUOTE``."""
        ...

    @property
    def side(self) -> OrderSide:
        """Whether it bought or sold the base asset."""
        ...

    @property
    def amount(self) -> Decimal:
        """The amount of the base asset."""
        ...

    @property
    def quote(self) -> Decimal:
        """The amount of the quote asset."""
        ...

    @property
    def fee(self) -> Decimal:
        """The fee, in ``fee_currency``."""
        ...

    @property
    def fee_currency(self) -> str:
        """The asset of the fee."""
        ...


def after_trade(position: Position, trade: Trade, base: str) -> Position:
    """Return a position after a trade. ``base`` is the asset that is held.

    A fee in the base asset lowers the amount bought, or raises the amount sold. A fee in the quote asset lowers the
    realised profit. Fees in other assets are not counted.

    A sale that is larger than the position closes it, because the excess came from elsewhere. Only the part that the
    position covers counts in its result. The result of a closed position is kept for the next one.
    """
    fee = trade.fee if trade.fee_currency == trade.symbol.partition("/")[2] else ZERO
    kept = trade.fee if trade.fee_currency == base else ZERO
    if trade.side is OrderSide.BUY:
        return bought(position, trade.amount - kept, trade.quote, fee)
    amount = trade.amount + kept
    if amount <= position.amount:
        return sold(position, amount, trade.quote, fee, _SCALE)
    if not position.amount:
        return position
    share = position.amount / amount
    proceeds, own_fee = round_down(trade.quote * share, _SCALE), round_up(fee * share, _SCALE)
    return sold(position, position.amount, proceeds, own_fee, _SCALE)
