"""Walking the shown order book, without the liquidity that the wallet has already taken from it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.ledger.account import TakenLevels
from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.money import ZERO

REMEMBERED_LEVELS: Final = 100
"""For how many levels beyond the shown ones an account keeps what it took from them, per side of a book."""


class FillPlan(NamedTuple):
    """The levels that an order takes. ``amount`` and ``quote`` are their totals.

    ``taken`` is the record of liquidity taken from that side of the book, including this order.
    """

    levels: tuple[PriceLevel, ...]
    amount: Decimal
    quote: Decimal
    taken: dict[PriceLevel, Decimal]


NO_FILL: Final = FillPlan((), ZERO, ZERO, {})
"""The plan of an order that takes nothing."""


def fill_at_one_price(price: Decimal, amount: Decimal) -> FillPlan:
    """Plan a fill of the whole amount at one price, apart from the shown book."""
    return FillPlan((PriceLevel(price, amount),), amount, price * amount, {})


def walk_book(
    levels: Sequence[PriceLevel], taken: TakenLevels, amount: Decimal, limit: Decimal | None, *, buying: bool
) -> FillPlan:
    """Take up to ``amount`` from the best level on, within ``limit``. What this wallet took before is not available.

    ``taken`` of the result is the new record of this side. Levels that are no longer shown with the same size are
    dropped.
    """
    memory = {level: taken[level] for level in levels if level in taken} if taken else {}
    known = len(memory)
    takes: list[PriceLevel] = []
    left, quote = amount, ZERO
    for level in levels:
        price, size = level
        if not left or (limit is not None and (price > limit if buying else price < limit)):
            break
        gone = memory.get(level) if known else None
        if gone is not None:
            known -= 1
            size -= gone
            if size <= 0:
                continue
        if size > left:  # noqa: PLR1730  the built-in min takes four times as long, at every level of every order
            size = left
        takes.append(level if gone is None and size is not left else PriceLevel(price, size))
        memory[level] = size if gone is None else gone + size
        quote += price * size
        left -= size
    return FillPlan(tuple(takes), amount - left, quote, memory)


def hidden_taken_levels(levels: Sequence[PriceLevel], taken: TakenLevels, *, buying: bool) -> TakenLevels:
    """Return what was taken from levels beyond the last one shown, since they may reappear unchanged.

    A level within the shown range that is not shown no longer exists. Only the nearest :data:`REMEMBERED_LEVELS` are
    kept.
    """
    end = levels[-1].price
    hidden = [level for level in taken if (level.price > end if buying else level.price < end)]
    hidden.sort(key=lambda level: abs(level.price - end))
    return {level: taken[level] for level in hidden[:REMEMBERED_LEVELS]}


def book_depth(levels: Sequence[PriceLevel]) -> Decimal:
    """Return the sum of the sizes shown on one side of a book."""
    return sum([level.amount for level in levels], ZERO)
