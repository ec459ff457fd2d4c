"""Trying an order on a copy of the account, to find out whether it would be accepted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from moniqo_core.domain.errors import InsufficientBalanceError, InvalidOrderError, WalletError
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.matching.smallest_sale import first_lots
from moniqo_core.domain.money import MAX_INTEGER_DIGITS, ZERO, ceil_to
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.paper.order_execution import execute_order
from moniqo_core.domain.paper.order_rules import PaperDecision

_LARGEST: Final = Decimal(10) ** MAX_INTEGER_DIGITS


def with_largest_amount(
    refusal: WalletError, draft: AccountDraft, order: OrderRequest, context: MarketContext
) -> WalletError:
    """Return a refusal with the largest amount that would pass, if it depends on the amount of the order.

    ``suggested_amount`` is then the same as the largest amount of a preflight. It is zero when no amount passes, and
    the hint then names another way.
    """
    if not depends_on_amount(refusal):
        return refusal
    return suggesting(refusal, largest_amount(draft, order, context))


def depends_on_amount(refusal: WalletError) -> bool:
    """Tell whether a smaller amount may pass. A fault of form suggests the nearest valid amount instead."""
    if isinstance(refusal, InvalidOrderError):
        return False
    return isinstance(refusal, InsufficientBalanceError) or "suggested_amount" in refusal.members


def suggesting(refusal: WalletError, largest: Decimal | None) -> WalletError:
    """Return a refusal that suggests the largest amount that passes. None means that nothing bounds it."""
    if largest is not None:
        refusal.members["suggested_amount"] = largest
        if not largest and refusal.advice == refusal.hint:
            refusal.advice = _NO_AMOUNT
    return refusal


_NO_AMOUNT: Final = (
    "No amount of this order passes now. POST /wallets/{id}/orders/preflight shows every rule with its numbers."
)


def dry_run_refusal(draft: AccountDraft, order: OrderRequest, context: MarketContext) -> WalletError | None:
    """Return the error that placing the order would raise, or None if it would be accepted."""
    decision = PaperDecision(copy_of(draft), order, context)
    try:
        for _, ask in decision.rules():
            ask()
        execute_order(decision)
    except WalletError as refusal:
        return refusal
    return None


def largest_amount(draft: AccountDraft, order: OrderRequest, context: MarketContext) -> Decimal | None:
    """Find the largest amount that passes every rule and can be executed, by bisection over whole lots.

    Above the market's minimum the rules are monotonic: if an amount is too large, every larger amount is too. The
    result is None when nothing bounds the amount, as for an order that fills what it can at once and drops the rest.
    """
    market = context.market

    def passes(lots: int) -> bool:
        return dry_run_refusal(draft, replace(order, amount=lots * market.lot_step, quote_amount=None), context) is None

    everything = draft.holding(market.base).total
    if order.side is OrderSide.SELL and everything:
        sale = replace(order, amount=everything, quote_amount=None)
        if dry_run_refusal(draft, sale, context) is None:
            return everything
    best = context.snapshot.ask if order.side is OrderSide.BUY else context.snapshot.bid
    low = smallest_lots(market, order.price or order.stop_price or best)
    if not passes(low):
        return ZERO
    high = 2 * low
    while passes(high):
        low, high = high, 2 * high
        if high * market.lot_step > _LARGEST:
            return None
    return most_lots(low, high, passes) * market.lot_step


def smallest_lots(market: Market, price: Decimal) -> int:
    """Return the number of lots of the smallest order that a market accepts at a price."""
    step = market.lot_step
    return int(max(ceil_to(market.min_amount, step), ceil_to(market.min_notional / price, step)) / step)


def most_lots(low: int, high: int, passes: Callable[[int], bool]) -> int:
    """Return the largest number of lots that passes, where ``low`` passes and ``high`` does not."""
    return first_lots(low + 1, high, lambda lots: not passes(lots)) - 1


def copy_of(draft: AccountDraft) -> AccountDraft:
    """Return a separate draft to try an order on.

    The copy shares the orders themselves, because placing another order does not change them.
    """
    twin = copy.copy(draft)
    for name, value in vars(draft).items():
        if isinstance(value, dict | list):
            setattr(twin, name, value.copy())
    return twin
