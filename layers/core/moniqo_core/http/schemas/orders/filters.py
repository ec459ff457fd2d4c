"""The query parameters that choose orders in a list."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Query

from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.http.pagination import DEFAULT_LIMIT
from moniqo_core.http.schemas.times import TimeBound


async def _order_filter(
    status: Annotated[Literal["open", "closed"] | None, Query(description="Open and closed orders by default.")] = None,
    symbol: Annotated[str | None, Query(max_length=40)] = None,
    side: Annotated[OrderSide | None, Query(description="Only buys or only sells.")] = None,
    kind: Annotated[OrderType | None, Query(alias="type", description="Only orders of this type.")] = None,
    client_order_id: Annotated[str | None, Query(max_length=128, description="Only the order with this id.")] = None,
    since: Annotated[TimeBound | None, Query(alias="from", description="Only orders created since then.")] = None,
    until: Annotated[TimeBound | None, Query(alias="to", description="Only orders created before.")] = None,
) -> OrderQuery:
    return OrderQuery(
        DEFAULT_LIMIT,
        only_open=None if status is None else status == "open",
        symbol=symbol,
        side=side,
        type=kind,
        client_order_id=client_order_id,
        since=since,
        until=until,
    )


OrderFilter = Annotated[OrderQuery, Depends(_order_filter)]
"""The filters of a request. The route sets the limit and the cursor of the page."""
