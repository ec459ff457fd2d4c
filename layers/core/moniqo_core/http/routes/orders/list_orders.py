"""List orders."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidSymbolError, NotFoundError
from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.pagination import PageQuery, PageView, numbers_cursor, page_view
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.orders.views import OrderView, order_view
from moniqo_core.http.schemas.times import TimeBound

router = api_router()


@router.get(
    "/wallets/{user_wallet_id}/orders",
    tags=["Orders"],
    summary="List orders",
    responses={
        200: {"model": PageView[OrderView], "description": "Newest first."},
        **problem_responses(NotFoundError, InvalidSymbolError),
    },
)
async def list_orders(
    user_wallet_id: str,
    caller: CallerDep,
    page: PageQuery,
    status: Annotated[Literal["open", "closed"] | None, Query(description="Open and closed orders by default.")] = None,
    symbol: Annotated[str | None, Query(max_length=40)] = None,
    side: Annotated[OrderSide | None, Query(description="Only buys or only sells.")] = None,
    kind: Annotated[OrderType | None, Query(alias="type", description="Only orders of this type.")] = None,
    client_order_id: Annotated[str | None, Query(max_length=64, description="Only the order with this id.")] = None,
    since: Annotated[TimeBound | None, Query(alias="from", description="Only orders created since then.")] = None,
    until: Annotated[TimeBound | None, Query(alias="to", description="Only orders created before.")] = None,
) -> Response:
    """Show orders with their fills. Open orders are evaluated first."""
    cursor = numbers_cursor(page, 2)
    query = OrderQuery(
        page.limit,
        only_open=None if status is None else status == "open",
        symbol=symbol,
        after=(cursor[0], cursor[1]) if cursor else None,
        side=side,
        type=kind,
        client_order_id=client_order_id,
        since=since,
        until=until,
    )
    found = await bootstrap.orders().page(caller.user_id, user_wallet_id, query)
    views = [order_view(record) for record in found.records]
    next_cursor = [str(number) for number in found.next_cursor] if found.next_cursor else None
    return json_response(page_view(views, next_cursor))
