"""List orders."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidSymbolError, NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.pagination import PageQuery, PageView, numbers_cursor, page_view
from moniqo_core.http.polling import IfNoneMatch, Poll
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.schemas.orders.filters import OrderFilter
from moniqo_core.http.schemas.orders.views import OrderView, order_view
from moniqo_core.services.shared.read_unless_known import Unchanged

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
    user_wallet_id: str, caller: CallerDep, page: PageQuery, wanted: OrderFilter, known: IfNoneMatch = None
) -> Response:
    """Show orders with their fills. Open orders are evaluated first."""
    cursor = numbers_cursor(page, 2)
    query = wanted._replace(limit=page.limit, after=(cursor[0], cursor[1]) if cursor else None)
    poll = Poll(known, "orders", user_wallet_id, query)
    found = await bootstrap.orders().page(caller.user_id, user_wallet_id, query, poll.knows)
    if isinstance(found, Unchanged):
        return poll.unchanged(found.version)
    shown = found.value
    views = [order_view(record) for record in shown.records]
    next_cursor = [str(number) for number in shown.next_cursor] if shown.next_cursor else None
    return poll.answer(page_view(views, next_cursor), found.version)
