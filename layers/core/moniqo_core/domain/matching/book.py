"""How orders meet the market: walking the shown book, and resting orders meeting the path."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.ledger.account import TakenLevels
from moniqo_core.domain.market.market import Level, PathPoint
from moniqo_core.domain.money import ONE, ZERO, ceil_to, floor_to

MAX_SLIPPAGE: Final = Decimal("0.05")
"""A market order larger than the shown book may push the price at most this far beyond its last level."""

PARTICIPATION: Final = Decimal("0.1")
"""Share of a point's traded volume that the resting orders of one wallet may fill against."""

REMEMBERED: Final = 100
"""How many levels beyond the shown ones an account remembers to have taken from, per side of a book."""

_BASIS_POINT: Final = Decimal("0.0001")


class Plan(NamedTuple):
    """What an order takes: ``amount`` and ``quote`` sum up ``levels``; ``taken`` is the memory of that side then."""

    levels: tuple[Level, ...]
    amount: Decimal
    quote: Decimal
    taken: dict[Level, Decimal]


def all_at(price: Decimal, amount: Decimal) -> Plan:
    """Take everything at one price, away from the shown book."""
    return Plan((Level(price, amount),), amount, price * amount, {})


def walk_book(
    levels: Sequence[Level], taken: TakenLevels, amount: Decimal, limit: Decimal | None, *, buying: bool
) -> Plan:
    """Take up to ``amount`` from the best level on, not past ``limit``, skipping what this wallet took before.

    The answer's ``taken`` is the new memory of this side; levels no longer shown with the same size are forgotten.
    """
    before = {level: taken[level] for level in levels if level in taken} if taken else {}
    memory = dict(before)
    takes: list[Level] = []
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
        takes.append(level if size is level.amount else Level(price, size))
        memory[level] = gone + size if gone else size
        quote += price * size
        left -= size
    return Plan(tuple(takes), amount - left, quote, memory)


def out_of_sight(levels: Sequence[Level], taken: TakenLevels, *, buying: bool) -> TakenLevels:
    """What was taken of levels beyond the last one shown: they may come back as they were.

    A level that would be among those shown and is not has gone. The nearest :data:`REMEMBERED` are kept.
    """
    end = levels[-1].price
    hidden = [level for level in taken if (level.price > end if buying else level.price < end)]
    hidden.sort(key=lambda level: abs(level.price - end))
    return {level: taken[level] for level in hidden[:REMEMBERED]}


def shown_depth(levels: Sequence[Level]) -> Decimal:
    """Sum of the sizes one side of a book shows."""
    return sum([level.amount for level in levels], ZERO)


def beyond_book(
    last: Level, memory: TakenLevels, excess: Decimal, depth: Decimal, slippage_bps: Decimal, tick: Decimal,
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


def most_beyond(last: Level, memory: TakenLevels, depth: Decimal, slippage_bps: Decimal) -> Decimal | None:
    """Largest excess that stays within :data:`MAX_SLIPPAGE`; None when nothing bounds it."""
    if not slippage_bps:
        return None
    before = max(memory.get(last, ZERO) - last.amount, ZERO)
    return max(MAX_SLIPPAGE / (slippage_bps * _BASIS_POINT) * depth - before, ZERO)


def pushed(
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


def trades_through(point: PathPoint, limit: Decimal, tick: Decimal, *, buying: bool) -> bool:
    """Tell whether the market traded at least a tick beyond ``limit``, so that a resting order there has filled."""
    return point.price <= limit - tick if buying else point.price >= limit + tick
