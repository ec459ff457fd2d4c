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
"""Journal entries that one query over several wallets reads at most."""

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
    for order in entry.get("orders", ()):
        age = order_age(order["order_id"])
        kinds = OrderSide(order["side"]), OrderType(order["type"])
        is_wanted = asked.symbol in {None, order["symbol"]} and asked.admits(
            *kinds, order["client_order_id"], order["created_at"]
        )
        if is_wanted and age[0] == entry["seq"]:
            own.append(age)
    return sorted(own, reverse=True)
