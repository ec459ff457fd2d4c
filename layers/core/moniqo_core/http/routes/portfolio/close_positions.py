"""Close every position of a wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain import errors
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.idempotency import IdempotencyKey
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import REPLAYED, json_response
from moniqo_core.http.schemas.orders.changes import CloseAllRequest
from moniqo_core.http.schemas.orders.several_orders import ClosedPositionsView, FailedCloseView
from moniqo_core.http.schemas.orders.views import order_view

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/positions/close-all",
    tags=["Portfolio"],
    summary="Close all positions",
    responses={
        200: {"model": ClosedPositionsView, "description": "The sell orders, and the positions that are still open."},
        **problem_responses(
            errors.NotFoundError,
            errors.WalletPausedError,
            errors.WalletSuspendedError,
            errors.OrderRejectedError,
            errors.MarketDataError,
            errors.InvalidCredentialsError,
            errors.WalletConnectionError,
        ),
    },
)
async def close_positions(
    user_wallet_id: str, _body: CloseAllRequest, caller: CallerDep, key: IdempotencyKey = None
) -> Response:
    """Close each position as `positions/close` does. A position that cannot be closed does not stop the others.

    With a key, each sell order has the `client_order_id` `<key>:<symbol>`. A repeat returns it, and tries the rest.
    """
    closed = await bootstrap.orders().close_all(caller.user_id, user_wallet_id, key)
    view = ClosedPositionsView.made(
        items=[order_view(sold) for sold in closed.items],
        failed=[
            FailedCloseView.made(symbol=symbol, code=error.code, detail=error.detail, hint=error.advice)
            for symbol, error in closed.failed
        ],
    )
    return json_response(view, headers=REPLAYED if closed.replayed else None)
