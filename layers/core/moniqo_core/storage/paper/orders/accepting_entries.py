"""The journal entries that accepted the orders of a list, and the ages of these orders.

The age of an order is the sequence number of the entry that accepted it, and its number in that entry.
"""

from __future__ import annotations

from typing import Final

from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.domain.orders.order import OrderSide, OrderType, order_age
from moniqo_core.storage.document import Document
from moniqo_core.storage.paper.command_kinds import ACCEPTS_ORDERS

BATCH: Final = 200
"""Journal entries that one query reads at most."""

FIELDS: Final = (
    "seq",
    *(f"orders.{name}" for name in ("order_id", "side", "type", "client_order_id", "created_at")),
)
"""The stored fields that :func:`ages_accepted_by` reads."""


def entries_that_accept(asked: OrderQuery) -> dict[str, object]:
    """Return the conditions on journal entries that may accept a wanted order.

    An entry also has the older orders that it touched, so one of those may meet the conditions instead.
    """
    query: dict[str, object] = {"kind": {"$in": list(ACCEPTS_ORDERS)}}
    if asked.symbol is not None:
        query["command.symbol"] = asked.symbol
    if asked.client_order_id is not None:
        query["client_order_id"] = asked.client_order_id
    if asked.since is not None:
        query["at"] = {"$gte": asked.since}
    if asked.until is not None:
        query["at"] = {**({} if asked.since is None else {"$gte": asked.since}), "$lt": asked.until}
    wanted = {"side": asked.side, "type": asked.type}
    wanted_values = {name: value.value for name, value in wanted.items() if value is not None}
    if wanted_values:
        query["orders"] = {"$elemMatch": wanted_values}
    return query


def ages_accepted_by(entry: Document, asked: OrderQuery) -> list[tuple[int, int]]:
    """Return the ages of the wanted orders that an entry accepted, newest first. It may have touched older ones too."""
    own = []
    for order in entry["orders"]:
        age = order_age(order["order_id"])
        kinds = OrderSide(order["side"]), OrderType(order["type"])
        if age[0] == entry["seq"] and asked.admits(*kinds, order["client_order_id"], order["created_at"]):
            own.append(age)
    return sorted(own, reverse=True)
