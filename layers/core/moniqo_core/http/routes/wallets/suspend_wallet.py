"""Suspend a wallet of any user."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import ConflictError, NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import AdminDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.wallets.requests import AdminReasonRequest
from moniqo_core.http.schemas.wallets.views import UserWalletView, wallet_view

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/suspend",
    tags=["Wallets"],
    summary="Suspend a wallet (admin)",
    responses={
        200: {"model": UserWalletView, "description": "The wallet."},
        **problem_responses(NotFoundError, ConflictError),
    },
)
async def suspend_wallet(user_wallet_id: str, body: AdminReasonRequest, _admin: AdminDep) -> Response:
    """Accept no more orders until an admin lifts the suspension."""
    wallet = await bootstrap.wallet_lifecycle().suspend(user_wallet_id, body.reason)
    return json_response(wallet_view(await bootstrap.user_wallets().with_balance(wallet)))
