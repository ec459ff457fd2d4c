"""How orders meet the market: walking the shown book, and resting orders meeting the path."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.ledger.account import TakenLevels
from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.money import ZERO

REMEMBERED_LEVELS: Final = 100
"""How many levels beyond the shown ones an account remembers to have taken from, per side of a book."""


class FillPlan(NamedTuple):
    """What an order takes: ``amount`` and ``quote`` sum up ``levels``; ``taken`` is the memory of that side then."""

    levels: tuple[PriceLevel, ...]
    amount: Decimal
    quote: Decimal
    taken: dict[PriceLevel, Decimal]


def fill_at_one_price(price: Decimal, amount: Decimal) -> FillPlan:
    """Take everything at one price, away from the shown book."""
    return FillPlan((PriceLevel(price, amount),), amount, price * amount, {})


def walk_book(
    levels: Sequence[PriceLevel], taken: TakenLevels, amount: Decimal, limit: Decimal | None, *, buying: bool
) -> FillPlan:
    """Take up to ``amount`` from the best level on, not past ``limit``, skipping what this wallet took before.

    The answer's ``taken`` is the new memory of this side; levels no longer shown with the same size are forgotten.
    """
    before = {level: taken[level] for level in levels if level in taken} if taken else {}
    memory = dict(before)
    takes: list[PriceLevel] = []
    left, quote = amount, ZERO
    for level in levels:
        price, size = level
        if not left or (limit is not None and (price > limit if buying else price < limit)):
            break
        gone = before.get(level, ZERO) if before else ZERO
        if gone >= size:
            continue
        if gone:
            size -= gone
        if size > left:  # noqa: PLR1730  the built-in min takes four times as long, at every level of every order
            size = left
        takes.append(level if size is level.amount else PriceLevel(price, size))
        memory[level] = gone + size if gone else size
        quote += price * size
        left -= size
    return FillPlan(tuple(takes), amount - left, quote, memory)


def hidden_taken_levels(levels: Sequence[PriceLevel], taken: TakenLevels, *, buying: bool) -> TakenLevels:
    """What was taken of levels beyond the last one shown: they may come back as they were.

    A level that would be among those shown and is not has gone. The nearest :data:`REMEMBERED_LEVELS` are kept.
    """
    end = levels[-1].price
    hidden = [level for level in taken if (level.price > end if buying else level.price < end)]
    hidden.sort(key=lambda level: abs(level.price - end))
    return {level: taken[level] for level in hidden[:REMEMBERED_LEVELS]}


def book_depth(levels: Sequence[PriceLevel]) -> Decimal:
    """Sum of the sizes one side of a book shows."""
    return sum([level.amount for level in levels], ZERO)
