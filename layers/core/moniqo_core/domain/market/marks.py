"""Mark prices: what a holding is worth by the market that it is sold in."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import cached_property
from typing import Final, NamedTuple

from moniqo_core.domain.money import ZERO, exact

WIDEST_SPREAD: Final = Decimal("0.1")
"""The widest sane spread, as a part of the mid."""


class Mark(NamedTuple):
    """The mark price of a symbol. It is firm if it is the mid of a sane spread."""

    price: Decimal
    is_firm: bool


def has_sane_spread(bid: Decimal, ask: Decimal) -> bool:
    """Tell whether bid and ask are close enough for their mid to be a realistic price."""
    with exact():
        return _is_sane(bid, ask)


def _is_sane(bid: Decimal, ask: Decimal) -> bool:
    return 0 < bid <= ask and (ask - bid) * 2 <= WIDEST_SPREAD * (ask + bid)


def mark_price(bid: Decimal, ask: Decimal, last: Decimal | None) -> Decimal:
    """Return the price of :func:`find_mark`, under exact arithmetic."""
    with exact():
        return find_mark(bid, ask, last).price


def find_mark(bid: Decimal, ask: Decimal, last: Decimal | None) -> Mark:
    """Return the mid if the spread is sane. Otherwise return the last trade if it is inside the spread, else the bid.

    A single order far away from the market could move the mid to any price. The caller must be under exact arithmetic.
    """
    is_firm = _is_sane(bid, ask)
    price = bid if last is None or not bid <= last <= ask else last
    return Mark((bid + ask) / 2 if is_firm else price, is_firm)


class Marks(dict[str, Decimal]):
    """The mark price of each symbol. Those of the ``thin`` symbols are not mids, because their spread is not sane."""

    def __init__(self, prices: Mapping[str, Decimal], thin: AbstractSet[str] = frozenset()) -> None:
        """Take the prices by symbol, and the symbols whose spread is not sane."""
        super().__init__(prices)
        self.thin = frozenset(thin)

    @cached_property
    def firm(self) -> Mapping[str, Decimal]:
        """The marks that are mids of a sane spread."""
        return {symbol: price for symbol, price in self.items() if symbol not in self.thin} if self.thin else self

    def usable(self) -> Marks:
        """Return the marks that are positive numbers."""
        return Marks({symbol: price for symbol, price in self.items() if price.is_finite() and price > ZERO}, self.thin)


def firm_marks(marks: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    """Return the marks that are mids of a sane spread. In a mapping other than ``Marks``, all count as such."""
    return marks.firm if isinstance(marks, Marks) else marks
