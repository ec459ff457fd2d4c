"""The order of a replacement: which order is changed, what it becomes, and the request that this is decided as."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from moniqo_core.domain.errors import OrderNotFoundError
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.matching.exit_pair_lock import exit_ids
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders import field_rules
from moniqo_core.domain.orders.field_rules import FormFault
from moniqo_core.domain.orders.order import Order, OrderType, TimeInForce
from moniqo_core.domain.orders.replacement import check_filled_amount, is_met, raises_buy
from moniqo_core.domain.orders.request import ExitSpec, OrderRequest, ReplaceOrder
from moniqo_core.domain.orders.status_history import was_replaced
from moniqo_core.domain.paper.account_rules import check_account_status, pause_level_of
from moniqo_core.domain.wallets.pause_level import PauseLevel


class NothingToReplaceError(Exception):
    """The order is already as the replacement wants it. Nothing is recorded."""


def find_replaced(draft: AccountDraft, command: ReplaceOrder) -> Order:
    """Return the open order that a replacement may change.

    Raises:
        OrderNotFoundError: it is not open.
        NothingToReplaceError: it has the new values, as after an earlier request.
        OrderChangedError: it has filled further than ``if_filled_amount``, or not as far.
        WalletPausedError, WalletSuspendedError: the wallet does not allow this change.

    """
    order_id = command.order_id
    if order_id not in draft.orders and order_id not in draft.account.orders:
        raise no_open_order(order_id)
    order = draft.peek(order_id)
    if not order.is_open:
        raise no_open_order(order_id)
    if is_met(order, command) and was_replaced(order.status_history):
        raise NothingToReplaceError
    check_filled_amount(order, command)
    if is_met(order, command):
        raise NothingToReplaceError
    if raises_buy(order, command) or pause_level_of(draft) is not PauseLevel.REDUCE_ONLY:
        check_account_status(draft, order.side)
    return order


def no_open_order(order_id: str) -> OrderNotFoundError:
    """Return the error for an order id that no open order has."""
    return OrderNotFoundError(f"This wallet has no open order {order_id[:40]}.")


def replacement_faults(order: Order, command: ReplaceOrder) -> Iterator[FormFault]:
    """Yield the faults of a replacement that do not depend on the market."""
    if command.amount is not None and order.entry is not None:
        yield FormFault("amount", "exit", f"The amount of an attached exit is what its entry {order.entry} bought.")
    elif command.amount is not None and command.amount <= order.filled_amount:
        message = (
            f"The amount {plain(command.amount)} is not above the {plain(order.filled_amount)} that have filled."
            f" To end the order, use DELETE /wallets/{{id}}/orders/{order.order_id}."
        )
        yield FormFault("amount", "filled_amount", message, {"filled_amount": order.filled_amount})
    if command.stop_price is not None and order.triggered and command.stop_price != order.stop_price:
        message = "The order has triggered and rests at its limit. Change its price or amount instead."
        yield FormFault("stop_price", "triggered", message)
        return
    for name in command.changes:
        if name != "amount" and not field_rules.can_have(order.type, name):
            yield FormFault(name, "order_type", f"A {order.type} order cannot have a {name}.")


def changed_order(order: Order, command: ReplaceOrder, at: datetime) -> Order:
    """Return a copy of an order with the new values. Nothing else of it changes but its history."""
    changed = order.copy()
    for name, value in command.changes.items():
        setattr(changed, name, value)
    if order.entry is not None:
        changed.exit_percent = None
    changed.note_replacement(at)
    return changed


def request_for(draft: AccountDraft, order: Order) -> OrderRequest:
    """Return the request that would place what has not filled of an order, with the exits that are still open.

    A stop_limit order that has triggered is a limit order by now.
    """
    exits = {exit_order.type: _spec(exit_order) for exit_order in _open_exits_of(draft, order)}
    return OrderRequest(
        symbol=order.symbol,
        side=order.side,
        type=OrderType.LIMIT if order.triggered else order.type,
        amount=order.remaining,
        price=order.price,
        stop_price=None if order.triggered else order.stop_price,
        trail_percent=order.trail_percent,
        time_in_force=order.time_in_force,
        expires_at=order.expires_at if order.time_in_force is TimeInForce.GTD else None,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        stop_loss=exits.get(OrderType.STOP_LOSS),
        take_profit=exits.get(OrderType.TAKE_PROFIT),
    )


def _open_exits_of(draft: AccountDraft, entry: Order) -> Iterator[Order]:
    if entry.entry is not None:
        return
    for order_id in exit_ids(entry.order_id):
        if order_id in draft.orders or order_id in draft.account.orders:
            exit_order = draft.peek(order_id)
            if exit_order.is_open:
                yield exit_order


def _spec(exit_order: Order) -> ExitSpec:
    if exit_order.exit_percent is not None:
        return ExitSpec(percent=exit_order.exit_percent)
    return ExitSpec(stop_price=exit_order.stop_price)


def refuse_faults(order: Order, command: ReplaceOrder) -> None:
    """Raise InvalidOrderError for a replacement that no market would accept."""
    field_rules.refuse(replacement_faults(order, command))
