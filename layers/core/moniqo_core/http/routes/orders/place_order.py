"""Place an order."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain import errors
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.idempotency import IdempotencyKey
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import created
from moniqo_core.http.schemas.orders.requests import PlaceOrderRequest
from moniqo_core.http.schemas.orders.views import OrderView, order_view

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/orders",
    status_code=201,
    tags=["Orders"],
    summary="Place an order",
    responses={
        200: {"model": OrderView, "description": "The order that an earlier request with this id placed."},
        201: {"model": OrderView, "description": "The new order, filled as far as the market allows."},
        **problem_responses(
            errors.NotFoundError,
            errors.WalletPausedError,
            errors.WalletSuspendedError,
            errors.InvalidSymbolError,
            errors.InvalidOrderError,
            errors.InsufficientBalanceError,
            errors.RiskLimitExceededError,
            errors.OrderRejectedError,
            errors.IdempotencyMismatchError,
            errors.RateLimitExceededError,
            errors.MarketDataError,
            errors.InvalidCredentialsError,
            errors.WalletConnectionError,
        ),
    },
)
async def place_order(
    user_wallet_id: str, body: PlaceOrderRequest, caller: CallerDep, idempotency_key: IdempotencyKey = None
) -> Response:
    """Check limits and funds, fill against the order book, and leave the rest open, all in one commit."""
    placed = await bootstrap.orders().place(caller.user_id, user_wallet_id, body.to_command(idempotency_key))
    path = f"/wallets/{user_wallet_id}/orders/{placed.order_id}"
    return created(order_view(placed), path, replayed=placed.replayed)
