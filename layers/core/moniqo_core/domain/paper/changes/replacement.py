"""Replacing an open order: its rest is decided anew in one commit, and the order keeps its ids and its fills."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from moniqo_core.domain.errors import OrderRejectedError, WalletError
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.matching.locked_funds import required_lock, set_lock
from moniqo_core.domain.money import ZERO, ceil_to, exact, plain
from moniqo_core.domain.orders import field_rules
from moniqo_core.domain.orders.order import Order, OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.replacement import keeps_age, raises_buy
from moniqo_core.domain.orders.request import ExitSpec, OrderRequest, ReplaceOrder
from moniqo_core.domain.orders.triggers import trailing_trigger
from moniqo_core.domain.paper.changes.replaced_order import (
    changed_order,
    find_replaced,
    refuse_faults,
    request_for,
)
from moniqo_core.domain.paper.execution_conditions import check_trigger
from moniqo_core.domain.paper.exit_prices import check_exit_prices
from moniqo_core.domain.paper.largest_amount import copy_of, depends_on_amount, most_lots, smallest_lots
from moniqo_core.domain.paper.order_execution import fill_and_rest, observe, receipt_of
from moniqo_core.domain.paper.order_rules import PaperDecision

_CHECKED_BEFORE: Final = frozenset({"status", "open_orders"})
_OF_LARGER_BUYS: Final = frozenset(
    {"symbol", "max_position_size_usd", "max_total_exposure_usd", "max_open_positions", "losses"}
)
"""Rules that a buy meets again only when it is raised. A lower one is never refused by them."""


def replace_order(draft: AccountDraft, command: ReplaceOrder, context: MarketContext) -> Commit:
    """Replace an open order as if the old one were gone. The part that the market takes now fills at once.

    An order that only becomes smaller keeps its age. Any other change makes it the youngest, and it meets only points
    of the path after now.

    Raises:
        InvalidOrderError: the order can never be accepted in this form.
        InsufficientBalanceError, RiskLimitExceededError: funds or the owner's limits forbid it.
        OrderRejectedError: the market forbids it now.

    Also raises the errors of :func:`moniqo_core.domain.paper.changes.replaced_order.find_replaced`.
    """
    with exact():
        order = find_replaced(draft, command)
        before = _copy(draft)
        try:
            _replace(draft, order, command, context)
        except WalletError as refusal:
            raise _with_largest_amount(refusal, before, order, command, context) from None
        return draft.commit(command, context)


def _replace(draft: AccountDraft, order: Order, command: ReplaceOrder, context: MarketContext) -> None:
    refuse_faults(order, command)
    changed = changed_order(order, command, draft.at)
    if order.entry is not None:
        _move_exit(draft, changed, context)
        return
    decision = PaperDecision(draft, request_for(draft, changed), context, replaced=order)
    smaller = keeps_age(order, command)
    for name, check in decision.rules():
        if _applies(name, order, command, smaller=smaller):
            check()
    if not smaller:
        _check_trail(changed, context)
        _renew(draft, changed, context)
        observe(decision)
    draft.orders[changed.order_id] = changed
    if decision.plan.levels:
        set_lock(draft, changed, ZERO)
        fill_and_rest(decision, changed)
    else:
        set_lock(draft, changed, required_lock(changed, draft.account.terms))


def _applies(rule: str, order: Order, command: ReplaceOrder, *, smaller: bool) -> bool:
    if smaller:
        return rule == "form"
    if rule in _CHECKED_BEFORE:
        return False
    return rule not in _OF_LARGER_BUYS or order.side is OrderSide.SELL or raises_buy(order, command)


def _renew(draft: AccountDraft, order: Order, context: MarketContext) -> None:
    """Make an order the youngest. It was decided now, so it meets no earlier point."""
    order.receipt = receipt_of(draft, context.snapshot)
    order.active_from = draft.at
    order.filled_when_replaced = order.filled_amount if order.rests else None


def _check_trail(order: Order, context: MarketContext) -> None:
    """Refuse a trailing stop whose trigger the bid has already passed, or is at. The trail mark does not change."""
    bid, trigger = context.snapshot.bid, trailing_trigger(order, context.market.tick_size)
    if trigger is not None and bid <= trigger:
        raise OrderRejectedError(
            f"The bid {plain(bid)} has already passed the trigger {plain(trigger)} of this trail_percent.",
            hint="Choose a larger trail_percent.",
            stop_price=trigger,
            best_price=bid,
        )


def _move_exit(draft: AccountDraft, exit_order: Order, context: MarketContext) -> None:
    """Give an attached exit another trigger. Before its entry fills, it is compared with the price of the entry."""
    field_rules.refuse(field_rules.price_faults(request_for(draft, exit_order), context.market))
    if exit_order.status is OrderStatus.PENDING and exit_order.entry is not None:
        check_exit_prices(_entry_with(draft, exit_order, exit_order.entry), draft.account.limits, context)
    else:
        check_trigger(request_for(draft, exit_order), context.snapshot)
        exit_order.active_from = draft.at
    exit_order.receipt = receipt_of(draft, context.snapshot)
    draft.orders[exit_order.order_id] = exit_order


def _entry_with(draft: AccountDraft, exit_order: Order, entry_id: str) -> OrderRequest:
    """Return the request of an entry that attaches only this exit."""
    entry = draft.peek(entry_id)
    spec = ExitSpec(stop_price=exit_order.stop_price)
    is_stop = exit_order.type is OrderType.STOP_LOSS
    return OrderRequest(
        entry.symbol,
        entry.side,
        OrderType.LIMIT if entry.triggered else entry.type,
        entry.remaining,
        price=entry.price,
        stop_loss=spec if is_stop else None,
        take_profit=None if is_stop else spec,
    )


def _copy(draft: AccountDraft) -> AccountDraft:
    """Return a separate draft, whose orders may change too."""
    twin = copy_of(draft)
    twin.orders = {name: order.copy() for name, order in draft.orders.items()}
    return twin


def _with_largest_amount(
    refusal: WalletError, draft: AccountDraft, order: Order, command: ReplaceOrder, context: MarketContext
) -> WalletError:
    """Return a refusal with the largest total amount that would pass, if it depends on the amount."""
    if not depends_on_amount(refusal):
        return refusal
    largest = _largest_amount(draft, order, command, context)
    refusal.members["suggested_amount"] = largest
    if not largest and refusal.advice == refusal.hint:
        refusal.advice = (
            "No amount passes with this change, and the order stays as it was."
            " DELETE /wallets/{id}/orders/{order_id} cancels it."
        )
    return refusal


def _largest_amount(draft: AccountDraft, order: Order, command: ReplaceOrder, context: MarketContext) -> Decimal:
    """Find the largest total below the refused one that passes every rule, by bisection over whole lots."""
    step = context.market.lot_step
    price = command.price or order.price or order.stop_price or command.stop_price or context.snapshot.bid
    values = command.changes

    def passes(lots: int) -> bool:
        trial, copied = ReplaceOrder(command.order_id, **{**values, "amount": lots * step}), _copy(draft)
        try:
            _replace(copied, copied.peek(order.order_id), trial, context)
        except WalletError:
            return False
        return True

    low = max(smallest_lots(context.market, price), int(order.filled_amount / step) + 1)
    high = int(ceil_to(command.amount or order.amount, step) / step)
    if low >= high or not passes(low):
        return ZERO
    return most_lots(low, high, passes) * step
