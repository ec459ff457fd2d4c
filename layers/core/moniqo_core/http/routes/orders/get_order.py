"""Read one order."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import OrderNotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.polling import IfNoneMatch, Poll
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.schemas.orders.views import OrderView, order_view
from moniqo_core.services.shared.read_unless_known import Unchanged

router = api_router()


@router.get(
    "/wallets/{user_wallet_id}/orders/{order_id}",
    tags=["Orders"],
    summary="Get an order",
    responses={200: {"model": OrderView, "description": "The order."}, **problem_responses(OrderNotFoundError)},
)
async def get_order(user_wallet_id: str, order_id: str, caller: CallerDep, known: IfNoneMatch = None) -> Response:
    """Show an order with its fills. Open orders are evaluated first."""
    poll = Poll(known, "order", user_wallet_id, order_id)
    found = await bootstrap.orders().get(caller.user_id, user_wallet_id, order_id, poll.knows)
    if isinstance(found, Unchanged):
        return poll.unchanged(found.version)
    return poll.answer(order_view(found.value), found.version)
