"""Orders as their journal entries leave them, in the read model of orders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.matching.exit_pair_lock import exit_ids
from moniqo_core.domain.orders.order import Fill, Order, order_age
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.paper.record import paper_record
from moniqo_core.storage.document import Document
from moniqo_core.storage.orders.order_codec import read_fill, read_order

ORDER_FIELDS: Final = ("seq", "user_wallet_id", "basis.market.tick_size", "orders", "fills")
"""The fields of an entry that :func:`records_of` needs, and the id of its wallet."""


def with_exits(order_ids: Iterable[str]) -> list[str]:
    """Return these ids. After an order that may have exits come the ids that its exits would have."""
    found: list[str] = []
    for order_id in order_ids:
        found += [order_id, *exit_ids(order_id)] if _may_have_exits(order_id) else [order_id]
    return found


def _may_have_exits(order_id: str) -> bool:
    """Tell whether an id is that of the first order of its entry. The others are exits."""
    return order_id.endswith("-1")


def records_of(
    account: Account, order_ids: Sequence[str], entries: Iterable[Document], *, replayed: bool = False
) -> list[OrderRecord]:
    """Return the orders that exist, in the given order and in their latest state, with all their fills and exits.

    ``entries`` are those that touched one of the orders :func:`with_exits`, oldest first.
    """
    wanted = set(with_exits(order_ids))
    latest: dict[str, Document] = {}
    ticks: dict[int, Decimal] = {}
    fills: dict[str, list[Fill]] = {order_id: [] for order_id in order_ids}
    for entry in entries:
        if "basis" in entry:
            ticks[entry["seq"]] = Decimal(entry["basis"]["market"]["tick_size"])
        for order in entry["orders"]:
            if order["order_id"] in wanted:
                latest[order["order_id"]] = order
        for item in entry.get("fills", ()):
            if item["order_id"] in fills:
                fills[item["order_id"]].append(read_fill(item))
    return [
        paper_record(
            account,
            read_order(latest[order_id]),
            tuple(fills[order_id]),
            exits=_exits_of(order_id, latest),
            # The entry that accepts an order was decided on its market.
            tick_size=ticks[order_age(order_id)[0]],
            replayed=replayed,
        )
        for order_id in fills
        if order_id in latest
    ]


def _exits_of(order_id: str, latest: dict[str, Document]) -> list[Order]:
    if not _may_have_exits(order_id):
        return []
    return [read_order(latest[exit_id]) for exit_id in exit_ids(order_id) if exit_id in latest]
