"""What a replacement means for an open order, the same for paper and live orders."""

from __future__ import annotations

from moniqo_core.domain.errors import OrderChangedError
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import Order, OrderSide
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import ReplaceOrder
from moniqo_core.domain.orders.status_history import was_replaced

AnyOrder = Order | OrderRecord
"""An order of a paper wallet, or the record of any order."""


def is_met(order: AnyOrder, command: ReplaceOrder) -> bool:
    """Tell whether an order has every value that a replacement wants."""
    return all(getattr(order, name) == value for name, value in command.changes.items())


def is_repeat(order: OrderRecord, command: ReplaceOrder) -> bool:
    """Tell whether an earlier request has replaced an order as the command wants it. The order may have ended since."""
    return was_replaced(order.status_history) and is_met(order, command)


def check_filled_amount(order: AnyOrder, command: ReplaceOrder) -> None:
    """Raise OrderChangedError if an order has not filled exactly as far as a replacement expects."""
    expected = command.if_filled_amount
    if expected is not None and expected != order.filled_amount:
        raise OrderChangedError(
            f"Order {order.order_id} has filled {plain(order.filled_amount)}, not {plain(expected)}.",
            filled_amount=order.filled_amount,
        )


def raises_buy(order: AnyOrder, command: ReplaceOrder) -> bool:
    """Tell whether a replacement makes a buy larger, more expensive or earlier."""
    if order.side is OrderSide.SELL:
        return False
    higher = any(
        new is not None and old is not None and new > old
        for new, old in ((command.amount, order.amount), (command.price, order.price))
    )
    stop, before = command.stop_price, order.stop_price
    return higher or (stop is not None and before is not None and stop < before)


def keeps_age(order: AnyOrder, command: ReplaceOrder) -> bool:
    """Tell whether a replacement only makes an order smaller. Such an order keeps its place among the others."""
    changed = {name for name, value in command.changes.items() if value != getattr(order, name)}
    return changed == {"amount"} and command.amount is not None and command.amount < order.amount
