"""The smallest sale that brings in a wanted amount of the quote asset after its fee.

The proceeds of a sale do not always grow with its size. The part beyond the shown book has one price, which falls in
steps of the tick, so one lot more may bring in less. The search therefore takes the shown book first, and then each of
these prices in turn. At any one price the proceeds grow with the size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from moniqo_core.domain.ledger.account import TakenLevels
from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.matching.order_book import FillPlan
from moniqo_core.domain.matching.slippage import BASIS_POINT, largest_excess, price_beyond_book
from moniqo_core.domain.money import ONE, ZERO, ceil_to, round_up, scale_of, unit_of


class SaleTerms(NamedTuple):
    """The terms of a sale: the taker fee as a fraction, the quote asset, and the steps of the market."""

    rate: Decimal
    quote: str
    lot_step: Decimal
    tick_size: Decimal
    slippage_bps: Decimal


class Book(NamedTuple):
    """The bids of a book: what is left of the shown levels, and where the part beyond them begins."""

    shown: FillPlan
    last: PriceLevel
    depth: Decimal

    @property
    def taken(self) -> TakenLevels:
        """The liquidity taken once everything shown is sold into."""
        return self.shown.taken


def smallest_sale(book: Book, wanted: Decimal, terms: SaleTerms) -> Decimal | None:
    """Return the smallest amount, in whole lots, whose proceeds after the fee reach ``wanted``.

    The result is None when no sale that the market can fill brings it in.
    """
    if terms.rate >= ONE:
        return None
    least = ceil_to(wanted, unit_of(terms.quote))
    return _within_book(book.shown, least, terms) or _beyond_book(book, least, terms)


def _needed(quote: Decimal, wanted: Decimal, terms: SaleTerms) -> Decimal:
    """Return the quote that a sale worth ``quote`` must bring in, so that ``wanted`` is left after its fee."""
    return wanted + round_up(terms.rate * quote, scale_of(terms.quote))


def _within_book(shown: FillPlan, wanted: Decimal, terms: SaleTerms) -> Decimal | None:
    needed = wanted
    while True:
        amount = ceil_to(_amount_worth(shown.levels, needed), terms.lot_step)
        if amount > shown.amount:
            return None
        quote = _worth(shown.levels, amount)
        # The fee grows with the proceeds, so the need is raised until it is met. Every smaller sale misses it.
        needed = _needed(quote, wanted, terms)
        if quote >= needed:
            return amount


def _amount_worth(levels: Iterable[PriceLevel], quote: Decimal) -> Decimal:
    """Return the amount that brings in ``quote``, or infinity if the levels do not bring it in."""
    amount, left = ZERO, quote
    for level in levels:
        if left <= level.price * level.amount:
            return amount + left / level.price
        amount += level.amount
        left -= level.price * level.amount
    return Decimal("Infinity")


def _worth(levels: Iterable[PriceLevel], amount: Decimal) -> Decimal:
    quote, left = ZERO, amount
    for level in levels:
        size = min(level.amount, left)
        quote += level.price * size
        left -= size
    return quote


def _beyond_book(book: Book, wanted: Decimal, terms: SaleTerms) -> Decimal | None:
    shown, step = book.shown, terms.lot_step

    def excess(lots: int) -> Decimal:
        return lots * step - shown.amount

    def price(lots: int) -> Decimal:
        found, _ = price_beyond_book(
            book.last, book.taken, excess(lots), book.depth, terms.slippage_bps, terms.tick_size, buying=False
        )
        return found

    lots, end = _bounds(book, wanted, terms)
    while lots < end:
        at = price(lots)
        enough = lots
        while enough < end and price(enough) == at:
            quote = shown.quote + at * excess(enough)
            needed = _needed(quote, wanted, terms)
            if quote >= needed:
                return enough * step
            if at <= 0:
                return None
            enough = _lots(((needed - shown.quote) / at + shown.amount), step, ROUND_CEILING)
        # Not reached before the price falls: go on with the first lot at a lower price.
        lots = first_lots(lots + 1, min(enough, end), lambda count, at=at: price(count) < at)  # type: ignore[misc]
    return None


def _bounds(book: Book, wanted: Decimal, terms: SaleTerms) -> tuple[int, int]:
    """Return the first lots beyond the book that may be enough, and the first that the market cannot fill.

    No price is above its value before rounding. With unrounded prices the proceeds grow with the size. A size whose
    proceeds are too small at unrounded prices is too small at the rounded ones as well.
    """
    shown, step = book.shown, terms.lot_step
    first = _lots(shown.amount, step, ROUND_FLOOR) + 1
    most = largest_excess(book.last, book.taken, book.depth, terms.slippage_bps)
    keeps = ONE - terms.rate
    if most is None:
        enough = ((wanted + 2 * unit_of(terms.quote)) / keeps - shown.quote) / book.last.price + shown.amount
        return first, max(_lots(enough, step, ROUND_CEILING), first) + 1
    end = _lots(shown.amount + most, step, ROUND_FLOOR) + 1
    before = max(book.taken.get(book.last, ZERO), book.last.amount) - book.last.amount
    slope = terms.slippage_bps * BASIS_POINT / book.depth

    def reaches(lots: int) -> bool:
        excess = lots * step - shown.amount
        highest = book.last.price * (ONE - slope * (before + excess))
        return (shown.quote + highest * excess) * keeps >= wanted

    return first_lots(first, end, reaches), end


def first_lots(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the smallest number from ``low`` on for which a condition holds, or ``high`` if none below ``high`` does.

    Once the condition holds, it must hold for every larger number.
    """
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _lots(amount: Decimal, step: Decimal, rounding: str) -> int:
    return int((amount / step).to_integral_value(rounding))
