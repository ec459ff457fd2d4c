"""Immediate fills of a taker: the shown book, the part beyond it, and amounts given in the quote asset."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from moniqo_core.domain.errors import OrderRejectedError
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import SIMULATED, PriceLevel
from moniqo_core.domain.matching.order_book import NO_FILL, FillPlan, book_depth, hidden_taken_levels, walk_book
from moniqo_core.domain.matching.slippage import largest_excess, price_beyond_book
from moniqo_core.domain.matching.smallest_sale import Book, SaleTerms, first_lots, smallest_sale
from moniqo_core.domain.money import ZERO, floor_to, plain, round_down, round_up, scale_of
from moniqo_core.domain.orders.order import OrderSide

_INFINITE: Final = Decimal("Infinity")


def plan_taker_fill(
    draft: AccountDraft, side: OrderSide, limit: Decimal | None, amount: Decimal, context: MarketContext
) -> FillPlan:
    """Walk the book for ``amount``. Without a ``limit``, everything fills, if necessary beyond the shown book.

    Raises:
        OrderRejectedError: A market order is so large that its slippage would exceed 5%.

    """
    buying = side is OrderSide.BUY
    levels = context.snapshot.asks if buying else context.snapshot.bids
    if limit is not None and (limit < levels[0].price if buying else limit > levels[0].price):
        return NO_FILL
    taken = draft.taken_of(context.snapshot.book, side)
    walk = walk_book(levels, taken, amount, limit, buying=buying)
    if taken and context.snapshot.source != SIMULATED:
        walk.taken.update(hidden_taken_levels(levels, taken, buying=buying))
    excess = amount - walk.amount
    if limit is not None or not excess:
        return walk
    depth, last = book_depth(levels), levels[-1]
    bps = draft.account.terms.slippage_bps
    most = largest_excess(last, walk.taken, depth, bps)
    if most is not None and excess > most:
        largest = floor_to(walk.amount + most, context.market.lot_step)
        raise OrderRejectedError(
            f"The market can fill at most {plain(largest)} {context.market.base}."
            f" The order needs at least {plain(amount)} {context.market.base}.",
            suggested_amount=largest,
            limit_type="market_depth",
        )
    price, gone = price_beyond_book(last, walk.taken, excess, depth, bps, context.market.tick_size, buying=buying)
    walk.taken[last] = gone
    return FillPlan((*walk.levels, PriceLevel(price, excess)), amount, walk.quote + price * excess, walk.taken)


def market_order_cost(draft: AccountDraft, side: OrderSide, amount: Decimal, context: MarketContext) -> Decimal:
    """Return the cash that a market order spends (buy) or brings in (sell), including the fee.

    The result is infinite when the market cannot fill the order.
    """
    if not amount:
        return ZERO
    try:
        taken = plan_taker_fill(draft, side, None, amount, context)
    except OrderRejectedError:
        return _INFINITE
    scale = scale_of(context.market.quote)
    fee = round_up(draft.account.terms.taker_rate * taken.quote, scale)
    return round_up(taken.quote, scale) + fee if side is OrderSide.BUY else round_down(taken.quote, scale) - fee


def amount_for_quote(draft: AccountDraft, side: OrderSide, quote_amount: Decimal, context: MarketContext) -> Decimal:
    """Return the largest buy that ``quote_amount`` pays for, or the smallest sale that brings it in.

    The amount is in whole lots, and fees are included.
    """
    step = context.market.lot_step
    best = context.snapshot.ask if side is OrderSide.BUY else context.snapshot.bid

    def cost(lots: int) -> Decimal:
        return market_order_cost(draft, side, lots * step, context)

    bound = int(quote_amount / best / step) + 2
    if side is OrderSide.BUY:
        return (first_lots(1, bound, lambda lots: cost(lots) > quote_amount) - 1) * step
    if draft.rules.sells_least_for_quote:
        return _sale_for_quote(draft, quote_amount, context)
    while cost(bound) < quote_amount:
        bound *= 2
    return first_lots(1, bound + 1, lambda lots: cost(lots) >= quote_amount) * step


def _sale_for_quote(draft: AccountDraft, quote_amount: Decimal, context: MarketContext) -> Decimal:
    """Return the smallest sale that brings in a quote amount, or one that the market cannot fill if there is none."""
    market, levels, rates = context.market, context.snapshot.bids, draft.account.terms
    depth = book_depth(levels)
    shown = walk_book(levels, draft.taken_of(context.snapshot.book, OrderSide.SELL), depth, None, buying=False)
    book = Book(shown, levels[-1], depth)
    terms = SaleTerms(rates.taker_rate, market.quote, market.lot_step, market.tick_size, rates.slippage_bps)
    amount = smallest_sale(book, quote_amount, terms)
    if amount is not None:
        return amount
    most = largest_excess(book.last, book.taken, depth, rates.slippage_bps) or ZERO
    return floor_to(shown.amount + most, market.lot_step) + market.lot_step
