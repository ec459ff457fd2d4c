"""Cancel every open order."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from moniqo import bootstrap
from moniqo.domain.errors import NotFoundError, WalletConnectionError
from moniqo.http.app import api_router, lambda_handler
from moniqo.http.authentication import CallerDep
from moniqo.http.problems import problem_responses
from moniqo.http.responses import json_response
from moniqo.http.schemas.orders import CancelledView, order_view

router = api_router()


@router.delete(
    "/wallets/{user_wallet_id}/orders",
    tags=["Orders"],
    summary="Cancel all open orders",
    responses={
        200: {"model": CancelledView, "description": "What was cancelled."},
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
    return json_response(CancelledView(cancelled=[order_view(item, user_wallet_id) for item in cancelled]))


handler = lambda_handler(router)
