"""The price of what a market order takes beyond the shown book, and of a triggered order: slippage and its bound."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from moniqo_core.domain.ledger.account import TakenLevels
from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.money import ONE, ZERO, ceil_to, floor_to

MAX_SLIPPAGE: Final = Decimal("0.05")
"""A market order larger than the shown book may push the price at most this far beyond its last level."""

_BASIS_POINT: Final = Decimal("0.0001")


def price_beyond_book(
    last: PriceLevel, memory: TakenLevels, excess: Decimal, depth: Decimal, slippage_bps: Decimal, tick: Decimal,
    *, buying: bool,
) -> tuple[Decimal, Decimal]:  # fmt: skip
    """Price what a market order takes beyond the book: the last level's price, worse by bps x excess / depth.

    Earlier excess of the same wallet counts until the last level's shown size changes. The price is rounded to the
    tick against the trader; the second value is what is then gone of the last level.
    """
    gone = max(memory.get(last, ZERO), last.amount) + excess
    slippage = slippage_bps * _BASIS_POINT * (gone - last.amount) / depth
    if buying:
        return ceil_to(last.price * (ONE + slippage), tick), gone
    return floor_to(last.price * (ONE - slippage), tick), gone


def largest_excess(last: PriceLevel, memory: TakenLevels, depth: Decimal, slippage_bps: Decimal) -> Decimal | None:
    """Largest excess that stays within :data:`MAX_SLIPPAGE`; None when nothing bounds it."""
    if not slippage_bps:
        return None
    before = max(memory.get(last, ZERO) - last.amount, ZERO)
    return max(MAX_SLIPPAGE / (slippage_bps * _BASIS_POINT) * depth - before, ZERO)


def slipped_price(
    price: Decimal, amount: Decimal, volume: Decimal, slippage_bps: Decimal, tick: Decimal, *, buying: bool
) -> Decimal:
    """Price of a triggered market order at a point: worse by the slippage, times what it exceeds the volume by.

    A point shows no book; its traded volume stands for the depth. At most :data:`MAX_SLIPPAGE`, at least one tick.
    """
    share = slippage_bps * _BASIS_POINT * (max(ONE, amount / volume) if volume else ONE)
    share = min(share, MAX_SLIPPAGE)
    if buying:
        return ceil_to(price * (ONE + share), tick)
    return max(floor_to(price * (ONE - share), tick), tick)
