"""Sync the balance of a wallet now."""

from __future__ import annotations

from starlette.responses import Response

from moniqo import bootstrap
from moniqo.domain.errors import NotFoundError, RateLimitExceededError
from moniqo.http.app import api_router, lambda_handler
from moniqo.http.authentication import CallerDep
from moniqo.http.problems import problem_responses
from moniqo.http.responses import json_response
from moniqo.http.schemas.sync import SyncView, sync_view

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/sync-balance",
    tags=["Sync"],
    summary="Sync the balance now",
    responses={
        200: {"model": SyncView, "description": "How the sync went, also when it failed."},
        **problem_responses(NotFoundError, RateLimitExceededError),
    },
)
async def sync_balance(user_wallet_id: str, caller: CallerDep) -> Response:
    """Take a new snapshot; the answer holds the one that is stored now."""
    return json_response(sync_view(await bootstrap.balance_sync().sync_one(caller.user_id, user_wallet_id)))


handler = lambda_handler(router)
