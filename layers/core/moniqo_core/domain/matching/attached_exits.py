"""Stop-loss and take-profit exits that are attached to an entry order.

One exit cancels the other, and both follow the filled amount of the entry. Exits are ``pending`` and lock nothing until
their entry fills. Then their amount is the filled amount of the entry. The first open exit of the pair locks that
amount for both. The first exit that fills cancels its sibling and the rest of the entry.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from moniqo_core.domain.risk.limits import RiskLimits

_HUNDRED: Final = Decimal(100)


def attach_exits(draft: AccountDraft, entry: Order, request: OrderRequest) -> None:
    """Create the pending exits that an order requests.

    An exit without a price or percent uses the default of the wallet's risk limits.
    """
    for kind, spec in exit_specs(request, draft.account.limits):
        _attach_exit(draft, entry, kind, spec)


_NUMBERS: Final = {OrderType.STOP_LOSS: 2, OrderType.TAKE_PROFIT: 3}


def exit_specs(request: OrderRequest, limits: RiskLimits | None) -> Iterator[tuple[OrderType, ExitSpec]]:
    """Yield the exits that an order requests. One without a price or percent gets the default of ``limits``."""
    if request.stop_loss is not None:
        default = limits.stop_loss_default_percent if limits else None
        yield OrderType.STOP_LOSS, _with_default(request.stop_loss, default)
    if request.take_profit is not None:
        default = limits.take_profit_default_percent if limits else None
        yield OrderType.TAKE_PROFIT, _with_default(request.take_profit, default)


def _with_default(spec: ExitSpec, percent: Decimal | None) -> ExitSpec:
    return ExitSpec(percent=percent) if spec == ExitSpec() else spec


def _attach_exit(draft: AccountDraft, entry: Order, kind: OrderType, spec: ExitSpec) -> None:
    order = Order(
        order_id=f"{exit_group_of(entry.order_id)}-{_NUMBERS[kind]}",
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
        exit_percent=spec.percent,
    )
    draft.orders[order.order_id] = order


def resize_exits(draft: AccountDraft, entry: Order, market: Market, at: datetime) -> list[Order]:
    """Set the exits of an entry to its filled amount and open them. Return the exits."""
    exits = open_exits(draft, entry.order_id)
    for exit_order in exits:
        exit_order.amount = entry.filled_amount
        if exit_order.exit_percent is not None:
            average = entry.filled_quote / entry.filled_amount
            exit_order.stop_price = exit_trigger(exit_order.type, exit_order.exit_percent, average, market.tick_size)
        if exit_order.active_from is None:
            exit_order.active_from = at
        exit_order.become(OrderStatus.OPEN, at)
    share_lock(draft, exits)
    return exits


def exit_trigger(kind: OrderType, percent: Decimal, price: Decimal, tick: Decimal) -> Decimal:
    """Return the trigger of an exit that is ``percent`` away from a price.

    The trigger is rounded down to the tick, but it is at least one tick.
    """
    share = percent / _HUNDRED
    return max(floor_to(price * (1 - share if kind is OrderType.STOP_LOSS else 1 + share), tick), tick)


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
