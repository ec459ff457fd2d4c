"""List the orders of all wallets."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidSymbolError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.pagination import PageQuery
from moniqo_core.http.polling import IfNoneMatch, Poll
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.schemas.orders.all_orders import AllOrdersView, all_orders_view, order_position
from moniqo_core.http.schemas.orders.filters import OrderFilter

router = api_router()


@router.get(
    "/orders",
    tags=["Orders"],
    summary="List the orders of all wallets",
    responses={
        200: {"model": AllOrdersView, "description": "Newest first."},
        **problem_responses(InvalidSymbolError),
    },
)
async def list_all_orders(
    caller: CallerDep, page: PageQuery, wanted: OrderFilter, known: IfNoneMatch = None
) -> Response:
    """Show the orders of all your wallets, paper and live. Open orders are evaluated first."""
    query = wanted._replace(limit=page.limit)
    found = await bootstrap.all_orders().page(caller.user_id, query, order_position(page))
    return Poll(known).answer(all_orders_view(found.records, found.next_cursor, found.failed))
