"""Cancel one order."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import (
    ConflictError,
    OrderAlreadyClosedError,
    OrderAlreadyFilledError,
    OrderNotFoundError,
    WalletConnectionError,
)
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.orders.views import OrderView, order_view, with_order_view

router = api_router()


@router.delete(
    "/wallets/{user_wallet_id}/orders/{order_id}",
    tags=["Orders"],
    summary="Cancel an order",
    responses={
        200: {"model": OrderView, "description": "The cancelled order."},
        **problem_responses(
            OrderNotFoundError,
            OrderAlreadyFilledError,
            OrderAlreadyClosedError,
            ConflictError,
            WalletConnectionError,
        ),
    },
)
async def cancel_order(user_wallet_id: str, order_id: str, caller: CallerDep) -> Response:
    """Cancel what has not filled yet. An order that has already filled is answered with a conflict that shows it."""
    try:
        cancelled = await bootstrap.orders().cancel(caller.user_id, user_wallet_id, order_id)
    except (OrderAlreadyFilledError, OrderAlreadyClosedError) as error:
        raise with_order_view(error) from None
    return json_response(order_view(cancelled))
