"""Resume a paused wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import (
    ConflictError,
    InvalidCredentialsError,
    NotFoundError,
    WalletConnectionError,
    WalletSuspendedError,
)
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.wallets.requests import ResumeRequest
from moniqo_core.http.schemas.wallets.views import UserWalletView, wallet_view

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/resume",
    tags=["Wallets"],
    summary="Resume a paused wallet",
    responses={
        200: {"model": UserWalletView, "description": "The wallet."},
        **problem_responses(
            NotFoundError, ConflictError, WalletSuspendedError, InvalidCredentialsError, WalletConnectionError
        ),
    },
)
async def resume_wallet(user_wallet_id: str, _body: ResumeRequest, caller: CallerDep) -> Response:
    """Test the connection and the loss limits, then accept orders again."""
    wallet = await bootstrap.wallet_lifecycle().resume(caller.user_id, user_wallet_id, bootstrap.resuming())
    return json_response(wallet_view(await bootstrap.user_wallets().with_balance(wallet)))
