"""The journal entries that accepted the orders of a list, and the ages of these orders.

The age of an order is the sequence number of the entry that accepted it, and its number in that entry.
"""

from __future__ import annotations

from typing import Final

from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.domain.orders.order import OrderSide, OrderType, order_age
from moniqo_core.storage.document import Document

FIELDS: Final = (
    "seq",
    "at",
    *(f"orders.{name}" for name in ("order_id", "symbol", "side", "type", "client_order_id", "created_at")),
)
"""The stored fields that :func:`ages_accepted_by` reads, and the time."""


def condition_of(asked: OrderQuery) -> dict[str, str]:
    """Return the condition that an index serves, and that every entry which accepts a wanted order meets.

    Other entries may meet it as well. Types are first, because most lists by type are of a rare one.
    """
    if asked.type is not None:
        return {"orders.type": asked.type.value}
    if asked.symbol is not None:
        return {"command.symbol": asked.symbol}
    return {} if asked.side is None else {"orders.side": asked.side.value}


def ages_accepted_by(entry: Document, asked: OrderQuery) -> list[tuple[int, int]]:
    """Return the ages of the wanted orders that an entry accepted, newest first. It may have touched older ones too."""
    own = []
    for order in entry.get("orders", ()):
        age = order_age(order["order_id"])
        kinds = OrderSide(order["side"]), OrderType(order["type"])
        is_wanted = asked.symbol in {None, order["symbol"]} and asked.admits(
            *kinds, order["client_order_id"], order["created_at"]
        )
        if is_wanted and age[0] == entry["seq"]:
            own.append(age)
    return sorted(own, reverse=True)
