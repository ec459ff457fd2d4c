"""Check an order without placing it."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidCredentialsError, MarketDataError, NotFoundError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.orders.preflight import PreflightView, preflight_view
from moniqo_core.http.schemas.orders.requests import PlaceOrderRequest

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/orders/preflight",
    tags=["Orders"],
    summary="Check an order",
    responses={
        200: {"model": PreflightView, "description": "The result of every rule, whether or not the order would pass."},
        **problem_responses(NotFoundError, MarketDataError, InvalidCredentialsError, WalletConnectionError),
    },
)
async def preflight_order(user_wallet_id: str, body: PlaceOrderRequest, caller: CallerDep) -> Response:
    """Check an order against every rule, estimate its fill, and find the largest amount that would pass."""
    found = await bootstrap.orders().preflight(caller.user_id, user_wallet_id, body.to_command(None))
    return json_response(preflight_view(found, user_wallet_id))
