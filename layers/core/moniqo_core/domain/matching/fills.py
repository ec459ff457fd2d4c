"""What a fill does to an order and its account: postings, fee, position, funds locked."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from moniqo_core.domain.ledger.account import AccountTerms
from moniqo_core.domain.ledger.commit import Book, Posting
from moniqo_core.domain.ledger.draft import Draft
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.matching.book import Plan
from moniqo_core.domain.matching.fees import charge
from moniqo_core.domain.money import ZERO, round_down, round_up, scale_of
from moniqo_core.domain.orders.order import Fill, Liquidity, Order, OrderSide, OrderStatus
from moniqo_core.domain.portfolio.position import bought, sold


def lock_for(order: Order, terms: AccountTerms) -> Decimal:
    """Return the funds a resting order must hold.

    A sell holds what it still sells. A buy holds the rest at its limit and the most its fee can still grow by, so a
    fill never needs more than is locked.
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
    """Return what the rest of a buy, worth ``notional`` at its limit, can still cost beyond what it has paid."""
    scale = scale_of(asset)
    rate = max(terms.maker_rate, terms.taker_rate)
    quote = round_up(filled_quote + notional, scale) - round_up(filled_quote, scale)
    return quote + round_up(fee_accrued + rate * notional, scale) - fee


def hold(draft: Draft, order: Order, needed: Decimal) -> None:
    """Make an order hold exactly ``needed``; raises InsufficientBalanceError when not enough is free."""
    more = needed - order.locked
    if more > 0:
        draft.move(Book.FREE, Book.LOCKED, order.lock_asset, more)
    elif more < 0:
        draft.move(Book.LOCKED, Book.FREE, order.lock_asset, -more)
    order.locked = needed


def fill(draft: Draft, order: Order, market: Market, plan: Plan, liquidity: Liquidity, at: datetime) -> None:
    """Exchange what ``plan`` says, from what the order holds as far as it holds anything.

    What changes hands is what the order's rounded quote grows by: all its fills cost one rounding, as its fee does. A
    sale's fee never takes more than the sale brings; what is missing waits for the next fill.
    """
    amount, exact = plan.amount, plan.quote
    buying = order.side is OrderSide.BUY
    scale = scale_of(market.quote)
    rounded = round_up if buying else round_down
    quote = rounded(order.filled_quote + exact, scale) - rounded(order.filled_quote, scale)
    terms = draft.account.terms
    rate = terms.maker_rate if liquidity is Liquidity.MAKER else terms.taker_rate
    fee = charge(order.fee_accrued, order.fee, rate, exact, scale)
    order.filled_amount += amount
    order.filled_quote += exact
    order.fee_accrued = fee.accrued
    charged = fee.increment if buying else min(fee.increment, quote)
    order.fee += charged
    order.fill_count += 1
    before = draft.position(market.symbol)
    if buying:
        after = bought(before, amount, quote, charged)
        _pay(draft, order, market.quote, quote, charged)
        _receive(draft, market.base, amount, ZERO)
    else:
        after = sold(before, amount, quote, charged, scale)
        _pay(draft, order, market.base, amount, ZERO)
        _receive(draft, market.quote, quote, charged)
    draft.positions[market.symbol] = after
    if order.locked:
        order.locked -= quote + charged if buying else amount
        hold(draft, order, lock_for(order, terms))
    draft.fills.append(
        Fill(
            fill_id=f"{order.order_id}-{order.fill_count}",
            order_id=order.order_id,
            symbol=market.symbol,
            side=order.side,
            amount=amount,
            quote=quote,
            levels=plan.levels,
            fee=charged,
            fee_currency=order.fee_currency,
            liquidity=liquidity,
            at=at,
            realised=after.realised - before.realised,
        )
    )
    done = order.filled_amount == order.amount
    order.become(OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED, at)


def _pay(draft: Draft, order: Order, asset: str, amount: Decimal, fee: Decimal) -> None:
    """Give ``amount`` to the market and ``fee`` to the fees, from what the order holds or else from free funds."""
    source = Book.LOCKED if order.locked else Book.FREE
    draft.postings += (Posting(source, asset, -amount), Posting(Book.MARKET, asset, amount))
    if fee:
        draft.postings += (Posting(source, asset, -fee), Posting(Book.FEES, asset, fee))
    spent = -amount - fee
    draft.change(asset, *((ZERO, spent) if order.locked else (spent, ZERO)))


def _receive(draft: Draft, asset: str, amount: Decimal, fee: Decimal) -> None:
    """Take ``amount`` from the market and give ``fee`` of it to the fees."""
    draft.postings += (Posting(Book.MARKET, asset, -amount), Posting(Book.FREE, asset, amount))
    if fee:
        draft.postings += (Posting(Book.FREE, asset, -fee), Posting(Book.FEES, asset, fee))
    draft.change(asset, amount - fee, ZERO)
