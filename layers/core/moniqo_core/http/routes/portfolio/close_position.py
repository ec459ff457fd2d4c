"""Close a position."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain import errors
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.idempotency import IdempotencyKey
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import created
from moniqo_core.http.schemas.markets import SymbolQuery
from moniqo_core.http.schemas.orders.changes import ClosePositionRequest, close_command
from moniqo_core.http.schemas.orders.views import OrderView, order_view

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/positions/close",
    status_code=201,
    tags=["Portfolio"],
    summary="Close a position",
    responses={
        200: {"model": OrderView, "description": "The sell order that an earlier request with this key placed."},
        201: {"model": OrderView, "description": "The order that closes the position."},
        **problem_responses(
            errors.NotFoundError,
            errors.WalletPausedError,
            errors.WalletSuspendedError,
            errors.InvalidSymbolError,
            errors.InvalidOrderError,
            errors.InsufficientBalanceError,
            errors.OrderRejectedError,
            errors.IdempotencyMismatchError,
            errors.RateLimitExceededError,
            errors.MarketDataError,
            errors.InvalidCredentialsError,
            errors.WalletConnectionError,
        ),
    },
)
async def close_position(
    user_wallet_id: str,
    caller: CallerDep,
    symbol: SymbolQuery,
    body: ClosePositionRequest | None = None,
    key: IdempotencyKey = None,
) -> Response:
    """Cancel the open sell orders of a symbol, then sell everything held of it at market, or sell a part of it.

    In a paper wallet, open sell orders become smaller if less is free than the part needs, and only by the difference.
    In a live wallet, the part must be free. The key becomes the `client_order_id` of the sell order.
    """
    close = close_command(symbol, body, key)
    sold = await bootstrap.orders().close_position(caller.user_id, user_wallet_id, close)
    return created(order_view(sold), f"/wallets/{user_wallet_id}/orders/{sold.order_id}", replayed=sold.replayed)
