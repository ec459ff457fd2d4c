"""What a fill does to an order and its account: postings, fee, position, funds locked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from moniqo.domain.fees import charge
from moniqo.domain.ledger import AccountTerms, Book, Draft
from moniqo.domain.market import Level, Market
from moniqo.domain.money import ZERO, round_down, round_up, scale_of
from moniqo.domain.order import Fill, Liquidity, Order, OrderSide, OrderStatus
from moniqo.domain.position import bought, sold


def lock_for(order: Order, terms: AccountTerms) -> Decimal:
    """Return the funds a resting order must hold.

    A sell holds what it still sells. A buy holds the rest at its limit and the most its fee can still grow by, so a
    fill never needs more than is locked.
    """
    if order.side is OrderSide.SELL:
        return order.remaining
    if order.price is None or not order.remaining:
        return ZERO
    scale = scale_of(order.fee_currency)
    notional = order.remaining * order.price
    rate = max(terms.maker_rate, terms.taker_rate)
    return round_up(notional, scale) + round_up(order.fee_accrued + rate * notional, scale) - order.fee


def lock(draft: Draft, order: Order, market: Market) -> Order:
    """Set aside the funds an order needs to rest; raises InsufficientBalanceError."""
    needed = lock_for(order, draft.account.terms)
    asset = market.quote if order.side is OrderSide.BUY else market.base
    draft.move(Book.FREE, Book.LOCKED, asset, needed)
    return replace(order, locked=needed)


def fill(
    draft: Draft, order: Order, market: Market, levels: tuple[Level, ...], liquidity: Liquidity, at: datetime
) -> Order:
    """Exchange what ``levels`` say, from the order's lock as far as it has one, and return the order after it."""
    amount = sum((level.amount for level in levels), ZERO)
    exact = sum((level.price * level.amount for level in levels), ZERO)
    buying = order.side is OrderSide.BUY
    scale = scale_of(market.quote)
    quote = round_up(exact, scale) if buying else round_down(exact, scale)
    terms = draft.account.terms
    rate = terms.maker_rate if liquidity is Liquidity.MAKER else terms.taker_rate
    fee = charge(order.fee_accrued, order.fee, rate, quote, scale)
    filled = order.filled_amount + amount
    after = replace(
        order,
        filled_amount=filled,
        filled_quote=order.filled_quote + quote,
        fee_accrued=fee.accrued,
        fee=fee.total,
        fill_count=order.fill_count + 1,
        status=OrderStatus.FILLED if filled == order.amount else OrderStatus.PARTIALLY_FILLED,
        updated_at=at,
    )
    source = Book.LOCKED if order.locked else Book.FREE
    position = draft.position(market.symbol)
    if buying:
        draft.move(source, Book.MARKET, market.quote, quote)
        draft.move(source, Book.FEES, market.quote, fee.increment)
        draft.move(Book.MARKET, Book.FREE, market.base, amount)
        draft.positions[market.symbol] = bought(position, amount, quote, fee.increment)
    else:
        draft.move(source, Book.MARKET, market.base, amount)
        draft.move(Book.MARKET, Book.FREE, market.quote, quote)
        draft.move(Book.FREE, Book.FEES, market.quote, fee.increment)
        draft.positions[market.symbol] = sold(position, amount, quote, fee.increment, scale)
    if order.locked:
        after = _keep_locked(draft, after, market, used=quote + fee.increment if buying else amount)
    draft.fills.append(
        Fill(
            fill_id=f"{order.order_id}-{after.fill_count}",
            order_id=order.order_id,
            symbol=market.symbol,
            side=order.side,
            amount=amount,
            quote=quote,
            levels=levels,
            fee=fee.increment,
            fee_currency=order.fee_currency,
            liquidity=liquidity,
            at=at,
        )
    )
    return with_status(after, after.status, at)


def _keep_locked(draft: Draft, order: Order, market: Market, used: Decimal) -> Order:
    still = lock_for(order, draft.account.terms)
    asset = market.quote if order.side is OrderSide.BUY else market.base
    draft.move(Book.LOCKED, Book.FREE, asset, order.locked - used - still)
    return replace(order, locked=still)


def end(draft: Draft, order: Order, base: str, status: OrderStatus) -> Order:
    """Close an order and give back what it still holds; ``base`` is the asset a sell has locked."""
    asset = order.fee_currency if order.side is OrderSide.BUY else base
    draft.move(Book.LOCKED, Book.FREE, asset, order.locked)
    ended = with_status(replace(order, locked=ZERO, updated_at=draft.at), status, draft.at)
    draft.orders[order.order_id] = ended
    return ended


def with_status(order: Order, status: OrderStatus, at: datetime) -> Order:
    """Return the order in ``status``; the history grows only when the status changes."""
    history = order.status_history
    if not history or history[-1][0] is not status:
        history = (*history, (status, at))
    return replace(order, status=status, status_history=history)
