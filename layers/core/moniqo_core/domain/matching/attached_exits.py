"""Stop-loss and take-profit exits that are attached to an entry order.

One exit cancels the other, and both follow the filled amount of the entry. Exits are ``pending`` and lock nothing until
their entry fills. Then their amount is the filled amount of the entry. The first open exit of the pair locks that
amount for both. The first exit that fills cancels its sibling and the rest of the entry.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.matching.exit_pair_lock import exit_group_of, open_exits, share_lock
from moniqo_core.domain.matching.order_closing import close_order
from moniqo_core.domain.money import ZERO, floor_to
from moniqo_core.domain.orders.order import Order, OrderSide, OrderStatus, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ExitSpec, OrderRequest

_HUNDRED: Final = Decimal(100)


def attach_exits(draft: AccountDraft, entry: Order, request: OrderRequest) -> None:
    """Create the pending exits that an order requests.

    An exit without a price or percent uses the default of the wallet's risk limits.
    """
    if request.stop_loss is None and request.take_profit is None:
        return
    limits = draft.account.limits
    wanted = (
        (OrderType.STOP_LOSS, request.stop_loss, limits.stop_loss_default_percent if limits else None),
        (OrderType.TAKE_PROFIT, request.take_profit, limits.take_profit_default_percent if limits else None),
    )
    for number, (kind, spec, default) in enumerate(wanted, 2):
        if spec is not None:
            _attach_exit(draft, entry, kind, spec, default, number)


def _attach_exit(
    draft: AccountDraft, entry: Order, kind: OrderType, spec: ExitSpec, default: Decimal | None, number: int
) -> None:
    percent = spec.percent if spec.stop_price is not None or spec.percent is not None else default
    order = Order(
        order_id=f"{exit_group_of(entry.order_id)}-{number}",
        client_order_id=None,
        symbol=entry.symbol,
        side=OrderSide.SELL,
        type=kind,
        status=OrderStatus.PENDING,
        amount=ZERO,
        price=None,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        created_at=entry.created_at,
        updated_at=entry.created_at,
        fee_currency=entry.fee_currency,
        receipt=entry.receipt,
        status_history=((OrderStatus.PENDING, entry.created_at),),
        stop_price=spec.stop_price,
        entry=entry.order_id,
        exit_percent=percent,
    )
    draft.orders[order.order_id] = order


def resize_exits(draft: AccountDraft, entry: Order, market: Market, at: datetime) -> list[Order]:
    """Set the exits of an entry to its filled amount and open them. Return the exits."""
    exits = open_exits(draft, entry.order_id)
    for exit_order in exits:
        exit_order.amount = entry.filled_amount
        if exit_order.exit_percent is not None:
            exit_order.stop_price = _trigger(exit_order, entry, market)
        if exit_order.active_from is None:
            exit_order.active_from = at
        exit_order.become(OrderStatus.OPEN, at)
    share_lock(draft, exits)
    return exits


def _trigger(exit_order: Order, entry: Order, market: Market) -> Decimal:
    """Trigger price of an exit given in percent of the average fill price.

    The price is rounded down to the tick, but it is at least one tick.
    """
    assert exit_order.exit_percent is not None  # noqa: S101  checked by the caller
    share = exit_order.exit_percent / _HUNDRED
    average = entry.filled_quote / entry.filled_amount
    price = average * (1 - share if exit_order.type is OrderType.STOP_LOSS else 1 + share)
    return max(floor_to(price, market.tick_size), market.tick_size)


def close_exit_group(draft: AccountDraft, order: Order, at: datetime) -> None:
    """Cancel the rest of the entry and the sibling after one exit of a pair filled."""
    if order.entry is None:
        return
    entry = draft.edit(order.entry)
    if entry is not None and entry.is_open:
        close_order(draft, entry, OrderStatus.CANCELLED, at)
    for sibling in open_exits(draft, order.order_id):
        if sibling.order_id != order.order_id:
            sibling.amount -= order.filled_amount
            close_order(draft, sibling, OrderStatus.CANCELLED, at)
