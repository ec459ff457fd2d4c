"""The effects of a fill on an order and its account: postings, fee, position and locked funds."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import LedgerAccount, Posting
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.matching.locked_funds import required_lock, set_lock
from moniqo_core.domain.matching.order_book import FillPlan
from moniqo_core.domain.money import ZERO, increase_down, increase_up, scale_of
from moniqo_core.domain.orders.fees import accrue_fee, cap_sale_fee
from moniqo_core.domain.orders.order import Fill, Liquidity, Order, OrderSide, OrderStatus
from moniqo_core.domain.portfolio.position import bought, sold


def apply_fill(
    draft: AccountDraft, order: Order, market: Market, plan: FillPlan, liquidity: Liquidity, at: datetime
) -> None:
    """Exchange what ``plan`` contains, from the order's locked funds, or from free funds if it locks none.

    The amount exchanged is the increase of the order's rounded quote. So the quote is rounded once per order and not
    once per fill, and so is the fee. The fee of a sale never exceeds the proceeds. The rest of that fee is charged with
    the next fill.
    """
    amount, exact = plan.amount, plan.quote
    buying = order.side is OrderSide.BUY
    scale = scale_of(market.quote)
    quote = (increase_up if buying else increase_down)(order.filled_quote, exact, scale)
    terms = draft.account.terms
    rate = terms.maker_rate if liquidity is Liquidity.MAKER else terms.taker_rate
    fee = accrue_fee(order.fee_accrued, order.fee, rate, exact, scale)
    order.filled_amount += amount
    order.filled_quote += exact
    order.fee_accrued = fee.accrued
    charged = fee.increment if buying else cap_sale_fee(fee.increment, quote)
    order.fee += charged
    order.fill_count += 1
    before = draft.position(market.symbol)
    if buying:
        after = bought(before, amount, quote, charged)
        _post_payment(draft, order, market.quote, quote, charged)
        _post_receipt(draft, market.base, amount, ZERO)
    else:
        after = sold(before, amount, quote, charged, scale)
        _post_payment(draft, order, market.base, amount, ZERO)
        _post_receipt(draft, market.quote, quote, charged)
    draft.positions[market.symbol] = after
    if order.locked:
        order.locked -= quote + charged if buying else amount
        set_lock(draft, order, required_lock(order, terms))
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


def _post_payment(draft: AccountDraft, order: Order, asset: str, amount: Decimal, fee: Decimal) -> None:
    """Pay ``amount`` to the market and ``fee`` to the fees, from the order's locked funds or else from free funds."""
    source = LedgerAccount.LOCKED if order.locked else LedgerAccount.FREE
    draft.postings += (Posting(source, asset, -amount), Posting(LedgerAccount.MARKET, asset, amount))
    if fee:
        draft.postings += (Posting(source, asset, -fee), Posting(LedgerAccount.FEES, asset, fee))
    spent = -amount - fee
    draft.change(asset, *((ZERO, spent) if order.locked else (spent, ZERO)))


def _post_receipt(draft: AccountDraft, asset: str, amount: Decimal, fee: Decimal) -> None:
    """Receive ``amount`` from the market and pay ``fee`` of it to the fees."""
    draft.postings += (Posting(LedgerAccount.MARKET, asset, -amount), Posting(LedgerAccount.FREE, asset, amount))
    if fee:
        draft.postings += (Posting(LedgerAccount.FREE, asset, -fee), Posting(LedgerAccount.FEES, asset, fee))
    draft.change(asset, amount - fee, ZERO)
