"""The funds that a resting order locks."""

from __future__ import annotations

from decimal import Decimal

from moniqo_core.domain.ledger.account import AccountTerms
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.money import ZERO, increase_up, round_up, scale_of
from moniqo_core.domain.orders.order import Order, OrderSide


def required_lock(order: Order, terms: AccountTerms) -> Decimal:
    """Return the funds that a resting order must lock.

    A sell locks its remaining amount. A buy locks the cost of its remaining amount at the limit, plus the most that its
    fee can still grow. A fill therefore never needs more than is locked.
    """
    if order.side is OrderSide.SELL:
        return order.remaining
    if order.price is None or not order.remaining:
        return ZERO
    notional = order.remaining * order.price
    return buy_lock(notional, order.filled_quote, order.fee_accrued, order.fee, terms, order.fee_currency)


def buy_lock(
    notional: Decimal, filled_quote: Decimal, fee_accrued: Decimal, fee: Decimal, terms: AccountTerms, asset: str
) -> Decimal:
    """Return the most that the rest of a buy can still cost, including its fee.

    ``notional`` is the value of that rest at the limit price, in ``asset``. ``filled_quote``, ``fee_accrued`` and
    ``fee`` are the order's totals so far.
    """
    scale = scale_of(asset)
    rate = max(terms.maker_fee_percent, terms.taker_fee_percent).scaleb(-2)
    return increase_up(filled_quote, notional, scale) + round_up(fee_accrued + rate * notional, scale) - fee


def set_lock(draft: AccountDraft, order: Order, needed: Decimal) -> None:
    """Make an order lock exactly ``needed``. Raises InsufficientBalanceError when not enough is free."""
    if needed != order.locked:
        draft.lock(order.lock_asset, needed - order.locked)
    order.locked = needed
