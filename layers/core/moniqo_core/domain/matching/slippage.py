"""Slippage and its bound, for the part of a market order beyond the shown book and for triggered orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from moniqo_core.domain.ledger.account import TakenLevels
from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.money import ONE, ZERO, ceil_to, floor_to

MAX_SLIPPAGE: Final = Decimal("0.05")
"""The furthest that a market order larger than the shown book may push the price beyond its last level (0.05 is 5%)."""

BASIS_POINT: Final = Decimal("0.0001")


def price_beyond_book(
    last: PriceLevel, memory: TakenLevels, excess: Decimal, depth: Decimal, slippage_bps: Decimal, tick: Decimal,
    *, buying: bool,
) -> tuple[Decimal, Decimal]:  # fmt: skip
    """Price the part of a market order beyond the book: the last level's price, worse by bps x excess / depth.

    Earlier excess of the same wallet counts until the shown size of the last level changes. The price is rounded to the
    tick against the trader. The second value is the total amount then taken from the last level.
    """
    gone = max(memory.get(last, ZERO), last.amount) + excess
    slippage = slippage_bps * BASIS_POINT * (gone - last.amount) / depth
    if buying:
        return ceil_to(last.price * (ONE + slippage), tick), gone
    return floor_to(last.price * (ONE - slippage), tick), gone


def largest_excess(last: PriceLevel, memory: TakenLevels, depth: Decimal, slippage_bps: Decimal) -> Decimal | None:
    """Return the largest excess that stays within :data:`MAX_SLIPPAGE`, or None without a bound."""
    if not slippage_bps:
        return None
    before = max(memory.get(last, ZERO) - last.amount, ZERO)
    return max(MAX_SLIPPAGE / (slippage_bps * BASIS_POINT) * depth - before, ZERO)


def slipped_price(
    price: Decimal, amount: Decimal, volume: Decimal, slippage_bps: Decimal, tick: Decimal, *, most_without_volume: bool
) -> Decimal:
    """Return the price at which a triggered sale fills at a point.

    The price is worse by the slippage, multiplied by amount / volume if the amount exceeds the volume. A point has no
    book, so its traded volume stands for the depth. The slippage is at most :data:`MAX_SLIPPAGE`, and the price is at
    least one tick. Without any volume the slippage is the most possible, or with ``most_without_volume`` False the
    least.
    """
    share = slippage_bps * BASIS_POINT * (max(ONE, amount / volume) if volume else ONE)
    share = min(share, MAX_SLIPPAGE)
    if not volume and share and most_without_volume:
        share = MAX_SLIPPAGE
    return max(floor_to(price * (ONE - share), tick), tick)
