"""Cancel every open order."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.orders.views import CancelledView, order_view

router = api_router()


@router.delete(
    "/wallets/{user_wallet_id}/orders",
    tags=["Orders"],
    summary="Cancel all open orders",
    responses={
        200: {"model": CancelledView, "description": "The cancelled orders."},
        **problem_responses(NotFoundError, WalletConnectionError),
    },
)
async def cancel_orders(
    user_wallet_id: str,
    caller: CallerDep,
    symbol: Annotated[str | None, Query(max_length=40, description="Only orders of this symbol.")] = None,
) -> Response:
    """Cancel every open order, or those of one symbol, in one commit."""
    cancelled = await bootstrap.orders().cancel_all(caller.user_id, user_wallet_id, symbol)
    return json_response(CancelledView(cancelled=[order_view(item) for item in cancelled]))
