"""Check an order without placing it."""

from __future__ import annotations

from starlette.responses import Response

from moniqo import bootstrap
from moniqo.domain.errors import InvalidCredentialsError, MarketDataError, NotFoundError, WalletConnectionError
from moniqo.http.app import api_router, lambda_handler
from moniqo.http.authentication import CallerDep
from moniqo.http.problems import problem_responses
from moniqo.http.responses import json_response
from moniqo.http.schemas.order_requests import OrderRequest
from moniqo.http.schemas.preflight import PreflightView, preflight_view

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/orders/preflight",
    tags=["Orders"],
    summary="Check an order",
    responses={
        200: {"model": PreflightView, "description": "Every rule, also when some refuse the order."},
        **problem_responses(NotFoundError, MarketDataError, InvalidCredentialsError, WalletConnectionError),
    },
)
async def preflight_order(user_wallet_id: str, body: OrderRequest, caller: CallerDep) -> Response:
    """Ask every rule about an order, estimate its fill, and find the largest amount that would pass."""
    found = await bootstrap.orders().preflight(caller.user_id, user_wallet_id, body.to_command(None))
    return json_response(preflight_view(found, user_wallet_id))


handler = lambda_handler(router)
