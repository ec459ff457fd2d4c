"""Suspend anybody's wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo import bootstrap
from moniqo.domain.errors import ConflictError, NotFoundError
from moniqo.http.app import api_router, lambda_handler
from moniqo.http.authentication import AdminDep
from moniqo.http.problems import problem_responses
from moniqo.http.responses import json_response
from moniqo.http.schemas.user_wallets import UserWalletView, wallet_view
from moniqo.http.schemas.wallet_requests import AdminReasonRequest

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
    """Take no more orders until an administrator lifts the suspension."""
    return json_response(wallet_view(await bootstrap.wallet_lifecycle().suspend(user_wallet_id, body.reason)))


handler = lambda_handler(router)
