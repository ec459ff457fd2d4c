"""The conditions of a list of live orders on the stored orders."""

from __future__ import annotations

from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.storage.document import Document
from moniqo_core.storage.live.pre_trade_state import MAY_STILL_FILL
from moniqo_core.storage.live.time_bounds import time_bounds


def wanted_orders(query: OrderQuery) -> Document:
    """Return the conditions of ``query``, without its cursor."""
    wanted: Document = {}
    if query.only_open is not None:
        wanted["status"] = {"$in" if query.only_open else "$nin": list(MAY_STILL_FILL)}
    if query.symbol is not None:
        wanted["symbol"] = query.symbol
    asked = {"request.side": query.side, "request.type": query.type, "client_order_id": query.client_order_id}
    wanted |= {name: value for name, value in asked.items() if value is not None}
    if created := time_bounds(query.since, query.until):
        wanted["created_at"] = created
    return wanted
