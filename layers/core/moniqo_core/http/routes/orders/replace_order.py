"""Replace an open order."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain import errors
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.orders.changes import ReplaceOrderRequest
from moniqo_core.http.schemas.orders.views import OrderView, order_view, with_order_view

router = api_router()


@router.patch(
    "/wallets/{user_wallet_id}/orders/{order_id}",
    tags=["Orders"],
    summary="Replace an order",
    responses={
        200: {"model": OrderView, "description": "The order with its new values."},
        **problem_responses(
            errors.OrderNotFoundError,
            errors.OrderAlreadyFilledError,
            errors.OrderAlreadyClosedError,
            errors.OrderChangedError,
            errors.ReplaceNotSupportedError,
            errors.ConflictError,
            errors.WalletPausedError,
            errors.WalletSuspendedError,
            errors.InvalidSymbolError,
            errors.InvalidOrderError,
            errors.InsufficientBalanceError,
            errors.RiskLimitExceededError,
            errors.OrderRejectedError,
            errors.RateLimitExceededError,
            errors.MarketDataError,
            errors.InvalidCredentialsError,
            errors.WalletConnectionError,
        ),
    },
)
async def replace_order(user_wallet_id: str, order_id: str, body: ReplaceOrderRequest, caller: CallerDep) -> Response:
    """Change an open order in one commit. Its ids and its fills stay, and `amount` is the new total.

    A smaller order keeps its age. Any other change makes it the youngest. The same request again answers 200 and
    changes nothing. Orders of live wallets cannot be replaced yet.
    """
    try:
        replaced = await bootstrap.orders().replace(caller.user_id, user_wallet_id, body.to_command(order_id))
    except (errors.OrderAlreadyFilledError, errors.OrderAlreadyClosedError) as error:
        raise with_order_view(error) from None
    return json_response(order_view(replaced))
