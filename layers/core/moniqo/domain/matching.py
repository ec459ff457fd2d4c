"""How orders meet the market: walking the shown book, and resting orders meeting the path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo.domain.market import Level, PathPoint
from moniqo.domain.money import ONE, ZERO, ceil_to, floor_to

MAX_SLIPPAGE: Final = Decimal("0.05")
"""A market order larger than the shown book may push the price at most this far beyond its last level."""

PARTICIPATION: Final = Decimal("0.1")
"""Share of a point's traded volume that the resting orders of one wallet may fill against."""

_BASIS_POINT: Final = Decimal("0.0001")


class Taken(NamedTuple):
    """What a wallet took of a level that showed ``shown``: gone for it until the shown size changes.

    What a market order took beyond the book counts on the last level, whose ``amount`` then exceeds ``shown``.
    """

    shown: Decimal
    amount: Decimal


TakenLevels = Mapping[Decimal, Taken]


class Walk(NamedTuple):
    """The outcome of walking one side of a book."""

    takes: tuple[Level, ...]
    amount: Decimal
    quote: Decimal
    taken: dict[Decimal, Taken]


def walk_book(
    levels: Sequence[Level], taken: TakenLevels, amount: Decimal, limit: Decimal | None, *, buying: bool
) -> Walk:
    """Take up to ``amount`` from the best level on, not past ``limit``, skipping what this wallet took before.

    The answer's ``taken`` is the new memory of this side; levels no longer shown with the same size are forgotten.
    """
    takes: list[Level] = []
    memory: dict[Decimal, Taken] = {}
    left = amount
    quote = ZERO
    for level in levels:
        price, shown = level
        before = taken.get(price) if taken else None
        gone = before.amount if before is not None and before.shown == shown else ZERO
        if left and gone < shown and (limit is None or (price <= limit if buying else price >= limit)):
            size = shown - gone if gone else shown
            size = min(size, left)
            takes.append(Level(price, size) if size is not shown else level)
            quote += price * size
            left -= size
            gone += size
        elif not taken:
            break
        if gone:
            memory[price] = Taken(shown, gone)
    return Walk(tuple(takes), amount - left, quote, memory)


def shown_depth(levels: Sequence[Level]) -> Decimal:
    """Sum of the sizes one side of a book shows."""
    return sum([level.amount for level in levels], ZERO)


def beyond_book(
    last: Level, memory: Mapping[Decimal, Taken], excess: Decimal, depth: Decimal, slippage_bps: Decimal, tick: Decimal,
    *, buying: bool,
) -> tuple[Decimal, Taken]:  # fmt: skip
    """Price what a market order takes beyond the book: the last level's price, worse by bps x excess / depth.

    Earlier excess of the same wallet counts until the last level's shown size changes. The price is rounded to the
    tick against the trader; the second value is the new memory of the last level.
    """
    known = memory.get(last.price)
    gone = max(known.amount if known else ZERO, last.amount) + excess
    slippage = slippage_bps * _BASIS_POINT * (gone - last.amount) / depth
    if buying:
        return ceil_to(last.price * (ONE + slippage), tick), Taken(last.amount, gone)
    return floor_to(last.price * (ONE - slippage), tick), Taken(last.amount, gone)


def most_beyond(last: Level, memory: Mapping[Decimal, Taken], depth: Decimal, slippage_bps: Decimal) -> Decimal | None:
    """Largest excess that stays within :data:`MAX_SLIPPAGE`; None when nothing bounds it."""
    if not slippage_bps:
        return None
    known = memory.get(last.price)
    before = max((known.amount if known else ZERO) - last.amount, ZERO)
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
