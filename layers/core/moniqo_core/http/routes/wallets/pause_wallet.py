"""Pause a wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import ConflictError, NotFoundError, WalletSuspendedError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.wallets.requests import PauseRequest
from moniqo_core.http.schemas.wallets.views import UserWalletView, wallet_view

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/pause",
    tags=["Wallets"],
    summary="Pause a wallet",
    responses={
        200: {"model": UserWalletView, "description": "The wallet."},
        **problem_responses(NotFoundError, ConflictError, WalletSuspendedError),
    },
)
async def pause_wallet(user_wallet_id: str, caller: CallerDep, body: PauseRequest | None = None) -> Response:
    """Buy no more, and cancel open buys. With level `full`, accept no orders at all.

    `keep_orders` leaves the open buys. Open orders can still be cancelled.
    """
    pause = (body or PauseRequest()).to_pause()
    paused = await bootstrap.wallet_lifecycle().pause(
        caller.user_id, user_wallet_id, pause, bootstrap.buy_cancellation()
    )
    return json_response(wallet_view(await bootstrap.user_wallets().with_balance(paused)))
