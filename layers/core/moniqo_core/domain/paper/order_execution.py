"""Execution of an accepted order: it fills, rests or ends, and its exits are attached."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from moniqo_core.domain.ledger.account import ObservedMarket
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.market.market import Snapshot
from moniqo_core.domain.matching.attached_exits import attach_exits, close_exit_group, resize_exits
from moniqo_core.domain.matching.equity_samples import equity_of
from moniqo_core.domain.matching.exit_pair_lock import take_shared_lock
from moniqo_core.domain.matching.fill_postings import apply_fill
from moniqo_core.domain.matching.locked_funds import required_lock, set_lock
from moniqo_core.domain.matching.order_closing import close_order
from moniqo_core.domain.matching.pause_on_loss import begin_local_day
from moniqo_core.domain.matching.taker_fills import plan_taker_fill
from moniqo_core.domain.orders.order import (
    Liquidity,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    Receipt,
    TimeInForce,
    numbered_order_id,
)
from moniqo_core.domain.paper.order_rules import PaperDecision
from moniqo_core.domain.risk.loss_limits import next_local_midnight


def execute_order(decision: PaperDecision) -> None:
    """Execute a checked order.

    This starts to track the symbol, fills the order, rests or cancels the remainder, and attaches the exits.
    """
    draft, order = decision.draft, _new_order(decision)
    observe(decision)
    order.expires_at = _expires_at(decision)
    draft.orders[order.order_id] = order
    if decision.request.has_exits:
        attach_exits(draft, order, decision.request)
    fill_and_rest(decision, order)


def observe(decision: PaperDecision) -> None:
    """Keep what the order was decided on: start to track its symbol, and take over the market and the mark."""
    draft, symbol = decision.draft, decision.context.market.symbol
    if not draft.is_tracked(symbol):
        draft.evaluated_until[symbol] = draft.at
    if draft.account.terms.uses_venue_prices:
        draft.observed_markets[symbol] = _shown(decision)
    if decision.plan.levels:
        draft.marks[symbol] = _kept_mark(decision)
    begin_local_day(draft, draft.at)


def fill_and_rest(decision: PaperDecision, order: Order) -> None:
    """Fill what the decision planned. The rest of the order stays open and locks its funds, or is cancelled."""
    draft, market = decision.draft, decision.context.market
    if decision.plan.levels:
        apply_fill(draft, order, market, decision.plan, Liquidity.TAKER, draft.at)
        draft.taken[decision.context.snapshot.book, order.side] = decision.plan.taken
    if order.is_open and decision.waits:
        set_lock(draft, order, required_lock(order, draft.account.terms))
    if decision.plan.levels and decision.request.has_exits:
        _open_exits(decision, order)
    if order.is_open and not decision.waits:
        close_order(draft, order, OrderStatus.CANCELLED, draft.at)
    if draft.fills and decision.mark.is_firm:
        draft.peak = max(draft.peak, equity_of(draft))


def _kept_mark(decision: PaperDecision) -> Decimal:
    """Return the mark that values the holding until its path has a point.

    It is the present mark. If the spread is not sane, it is not above the ask, nor above the last mark of a symbol that
    was already held. Otherwise the next walk, which takes any equity as a peak, would set a false one.
    """
    draft, symbol = decision.draft, decision.request.symbol
    if decision.mark.is_firm:
        return decision.mark.price
    most = min(decision.mark.price, decision.context.snapshot.ask)
    return min(most, draft.mark(symbol)) if draft.position(symbol).amount else most


def _shown(decision: PaperDecision) -> ObservedMarket:
    """Return the market data that later walks of the path will use.

    The quotes of a closed market say nothing about its spread, so the last known one is kept.
    """
    # A walk places no orders, so it needs no maximums.
    market = replace(decision.context.market, max_price=None, max_amount=None, max_notional=None)
    snapshot = decision.context.snapshot
    if decision.context.is_open:
        return ObservedMarket(market, (snapshot.ask - snapshot.bid) / 2)
    before = decision.draft.account.observed_markets.get(market.symbol)
    return ObservedMarket(market, before.half_spread if before else market.tick_size / 2)


def _new_order(decision: PaperDecision) -> Order:
    draft, request, snapshot = decision.draft, decision.request, decision.context.snapshot
    return Order(
        order_id=numbered_order_id(draft.seq),
        client_order_id=request.client_order_id,
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        status=OrderStatus.OPEN,
        amount=decision.amount,
        price=request.price,
        time_in_force=request.time_in_force,
        post_only=request.post_only,
        created_at=draft.at,
        updated_at=draft.at,
        fee_currency=decision.context.market.quote,
        status_history=((OrderStatus.OPEN, draft.at),),
        quote_amount=request.quote_amount,
        stop_price=request.stop_price,
        trail_percent=request.trail_percent,
        trail_mark=snapshot.bid if request.trail_percent is not None else None,
        reduce_only=request.reduce_only,
        metadata=request.metadata,
        receipt=receipt_of(draft, snapshot),
    )


def receipt_of(draft: AccountDraft, snapshot: Snapshot) -> Receipt:
    """Return the receipt of an order that this draft decides on ``snapshot``."""
    terms = draft.account.terms
    return Receipt(
        draft.seq,
        draft.rules.version,
        draft.account.limits_version,
        terms.maker_fee_percent,
        terms.taker_fee_percent,
        snapshot.bid,
        snapshot.ask,
        snapshot.at,
        snapshot.source,
    )


def _expires_at(decision: PaperDecision) -> datetime | None:
    """Fix the expiry of a DAY or GTD order now.

    A DAY order ends with the trading session, or with the owner's local day in a market without sessions. A new time
    zone takes effect with the next day, so the running day ends as it began.
    """
    draft = decision.draft
    if decision.request.time_in_force is not TimeInForce.DAY:
        return decision.request.expires_at
    if decision.context.session_close is not None:
        return decision.context.session_close
    if draft.day is not None and draft.rules.ends_day_orders_with_the_day:
        return draft.day.until
    return next_local_midnight(draft.at, draft.account.limits.timezone if draft.account.limits else "UTC")


def _open_exits(decision: PaperDecision, entry: Order) -> None:
    """Open the exits of the filled amount. An exit whose trigger has passed sells at once into the shown book."""
    draft, market, bid = decision.draft, decision.context.market, decision.context.snapshot.bid
    for exit_order in resize_exits(draft, entry, market, draft.at):
        stop = exit_order.stop_price
        if not exit_order.is_open or stop is None:
            continue
        if bid <= stop if exit_order.type is OrderType.STOP_LOSS else bid >= stop:
            sale = plan_taker_fill(draft, OrderSide.SELL, None, exit_order.remaining, decision.context)
            take_shared_lock(draft, exit_order)
            apply_fill(draft, exit_order, market, sale, Liquidity.TAKER, draft.at)
            draft.taken[decision.context.snapshot.book, OrderSide.SELL] = sale.taken
            close_exit_group(draft, exit_order, draft.at)
